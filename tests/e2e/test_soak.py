"""`make soak` is this with SOAK_MINUTES=30."""

import os

import envoy_config
from conftest import World
from soak import Soak, answering

# What a process may gain in ten minutes, and what an allocator may do at any time.
GROWTH_KIB = 1024
NOISE_KIB = 4096


def test_a_long_run_is_right_all_the_time_and_grows_in_nothing(world: World, capsys):
    soak = Soak(world, float(os.environ.get("SOAK_MINUTES", "2")))
    world.start_envoy(world.variant(envoy_config.patient, answering))
    portcullis = world.start_portcullis([soak.policy], "--limits-deadline", "20s", "--log-decisions", "none")
    soak.run(portcullis)
    with capsys.disabled():
        print(f"\n{soak.report()}")
    assert not soak.wrong
    assert soak.counts["good", 200] > 0 and soak.counts["retired", 401] > 0
    assert {status for name, status in soak.counts if name == "flip"} == {200, 401}, "both policies were live"
    assert soak.growth_kib() < GROWTH_KIB * soak.seconds / 600 + NOISE_KIB
    before, after = soak.descriptors()
    assert abs(after - before) <= 4
    assert portcullis.stop() == 0
