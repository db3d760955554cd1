"""`make soak` is this with SOAK_MINUTES=30."""

import os

import envoy_config
from conftest import World
from soak import ROTATE, Soak, answering
from soak_requests import TABLE

# What a process may gain in ten minutes, by a run that is long enough to tell, and what an allocator may do at any
# time.
GROWTH_KIB = 1024
NOISE_KIB = 4096
LONG = 20 * 60
# Hostile connections come and go, and so does the one on which keys are fetched.
DESCRIPTORS = 4


def test_a_long_run_is_right_all_the_time_and_grows_in_nothing(world: World, capsys):
    soak = Soak(world, float(os.environ.get("SOAK_MINUTES", "2")))
    world.start_envoy(world.variant(envoy_config.patient, answering))
    portcullis = world.start_portcullis([soak.policy], "--limits-deadline", "20s", "--log-decisions", "none")
    soak.run(portcullis)
    with capsys.disabled():
        print(f"\n{soak.report()}")
    assert not soak.wrong
    everything_happened(soak)
    assert soak.growth_kib() < NOISE_KIB
    assert soak.seconds < LONG or soak.slope_kib() < GROWTH_KIB
    before, after = soak.descriptors()
    assert abs(after - before) <= DESCRIPTORS
    assert portcullis.stop() == 0


def everything_happened(soak: Soak) -> None:
    """A run in which nothing went wrong because nothing went on shows nothing."""
    counted = soak.counted
    for row in TABLE:
        assert soak.counts[row.name, row.statuses[0]] > 0, f"{row.name} was asked: {soak.counts}"
        reason = f'reason="{row.reason}"'
        assert counted.sum("portcullis_decisions_total", reason) > 0, f"{reason} was counted"
    assert soak.counts["flip", 401] > 0, "both policies were live"
    assert soak.counts["retired, and good before", 401] > 0, "tokens that were good are refused with their key"
    assert soak.reloads > 0
    assert counted.sum("portcullis_policy_reloads_total", 'result="success"') > soak.reloads / 2
    assert counted.sum("portcullis_policy_reloads_total", 'result="failure"') == 0
    assert soak.rotations >= soak.seconds // ROTATE and soak.tokens.retirements > 0
    assert counted.sum("portcullis_key_fetches_total", 'result="ok"') >= soak.rotations
    assert sum(soak.cancelled) > 0 and counted.resets > 0, "some were given up while they were judged"
    assert soak.hostile["envoy"] > 0 and soak.hostile["us"] > 0
    assert counted.sum("portcullis_decisions_total", 'reason="too_large"') > 0, "harm came through Envoy"
    assert counted.sum("portcullis_panics_total") == 0
