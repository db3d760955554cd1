"""Faults of the machine and of clients, under load through a real Envoy: nothing wrong, nothing lost.

docs/reliability.md says which rows of the fault matrix are held here.
"""

import http.client
import os
import resource
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import client
import envoy_config
import pytest
from cancels import cancelling
from conftest import World
from load import POLICY, Load
from stack import Process, http_get, wait_for
from upstreams import Upstream

FAKETIME = next(Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketime.so.1"), None)


def serve(world: World, *flags: str, prefix: tuple[str, ...] = (), **environment: str) -> Process:
    """Nobody is impatient, so that on a busy machine too what is lost was lost by Portcullis."""
    patient = ("--limits-deadline", "20s", *flags)
    portcullis = world.start_portcullis([world.policy(POLICY)], *patient, prefix=prefix, environment=environment)
    world.start_envoy(world.variant(envoy_config.patient))
    return portcullis


def nothing_is_amiss(load: Load, upstream: Upstream) -> None:
    """Not one wrong answer, not one lost, and nobody turned away for want of an answer."""
    assert not load.wrong(upstream)
    assert load.count("good", 200) > 0
    unanswered = sum(load.count(kind.name, status) for kind in load.kinds for status in (0, 500, 503))
    assert unanswered == 0, load.answers


def more(load: Load, requests: int = 300) -> None:
    until = load.total() + requests
    wait_for("more requests are answered", lambda: load.total() >= until, seconds=120)


def metric(world: World, series: str) -> float:
    page = http_get(f"http://127.0.0.1:{world.ports.metrics}/metrics")[1]
    return next(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(series + " "))


def envoy_counts(world: World, *names: str) -> list[int]:
    page = http_get(f"http://127.0.0.1:{world.ports.envoy_admin}/stats?filter=cluster.portcullis")[1]
    known = dict(line.split(": ", 1) for line in page.splitlines())
    return [int(known[f"cluster.portcullis.{name}"]) for name in names]


def test_clients_that_cancel_cut_nobody_off(world: World, upstream: Upstream, load: Load, mint):
    """Row 28: Envoy passes cancels on as resets, on the connection that everybody's requests share."""
    serve(world)
    stop, cancelled = threading.Event(), []
    # Refused, so that only Envoy and Portcullis are hurried: the upstream could not accept so many connections.
    headers = client.bearer(mint(subject="user-9")[:-8] + "AAAAAAAA")
    with load:
        more(load, 50)
        threads = [
            threading.Thread(target=cancelling, args=(world.ports.envoy, headers, stop, cancelled)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        wait_for("many were cancelled", lambda: sum(cancelled) >= 5000, seconds=120)
        more(load)
        stop.set()
        for thread in threads:
            thread.join()
    resets = envoy_counts(world, "upstream_rq_tx_reset")[0]
    assert resets > 100, "they were cancelled while they were being judged"
    connections, cut = envoy_counts(world, "upstream_cx_total", "upstream_cx_destroy_remote")
    assert (cut, connections <= 2) == (0, True), "one connection for each of Envoy's two workers, never cut"
    nothing_is_amiss(load, upstream)
    load.saw(28, f"{sum(cancelled)} cancelled, {resets} resets on our connections, none cut")


@pytest.mark.parametrize("sink", ["full", "limited", "unread"])
def test_a_log_that_cannot_be_written_costs_lines_only(world: World, upstream: Upstream, load: Load, sink: str):
    """Row 33: a full disk, a file that may not grow, a pipe that nobody reads."""
    target = world.directory / "log"
    os.mkfifo(target)
    reader = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
    script = {
        "full": 'exec "$@" >/dev/full',
        "limited": f'trap "" XFSZ; ulimit -f 1; exec "$@" >{target}.limited',
        "unread": f'exec "$@" >{target}',
    }[sink]
    portcullis = serve(world, "--log-decisions", "all", "--log-queue", "16", prefix=("sh", "-c", script, "sh"))
    with load:
        more(load, 600)
    nothing_is_amiss(load, upstream)
    dropped = metric(world, "portcullis_log_dropped_total")
    assert dropped > 0, "what nobody will read is counted"
    load.saw(33, f"{sink}: {dropped:.0f} lines dropped and counted")
    assert portcullis.stop(seconds=20) == 0
    os.close(reader)


def test_scrapes_slow_none_of_the_decisions(world: World, upstream: Upstream, load: Load):
    """Row 34: many scrapes, and readers that do not read, beside the load."""
    serve(world)
    stop, scraped = threading.Event(), []

    def scrape() -> None:
        while not stop.is_set():
            scraped.append(http_get(f"http://127.0.0.1:{world.ports.metrics}/metrics")[0])

    deaf = [socket.create_connection(("127.0.0.1", world.ports.metrics)) for _ in range(50)]
    for number, connection in enumerate(deaf):
        connection.sendall(b"GET /metrics HTTP/1.1\r\nhost: x\r\n" + b"\r\n" * (number % 2))
    scraper = threading.Thread(target=scrape)
    with load:
        scraper.start()
        more(load, 600)
        stop.set()
    scraper.join()
    for connection in deaf:
        connection.close()
    assert 200 in scraped
    nothing_is_amiss(load, upstream)
    load.saw(34, f"{len(scraped)} scrapes beside it, 50 connections that read nothing")


def test_a_process_without_processor_time_is_late_and_never_wrong(world: World, upstream: Upstream, load: Load):
    """Row 37: two busy loops on the one core that Portcullis may use."""
    serve(world, prefix=("taskset", "--cpu-list", "0"))
    busy = [subprocess.Popen(["taskset", "--cpu-list", "0", "sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        with load:
            more(load)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    nothing_is_amiss(load, upstream)
    load.saw(37, "two busy loops on the one core")


def test_a_flood_of_valid_tokens_fits_into_little_memory(world: World, upstream: Upstream, load: Load, mint):
    """Rows 22 and 36: every token another one, a cache of 64 KiB, and a process that may not have 256 MiB."""
    portcullis = serve(world, "--cache-max-bytes", "64KiB")
    limit = 256 << 20
    resource.prlimit(portcullis.popen.pid, resource.RLIMIT_DATA, (limit, limit))
    flood = [client.bearer(mint(subject=f"flood-{number}")) for number in range(200)]
    failed = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", world.ports.envoy, timeout=30)
        while flood:
            connection.request("GET", "/things/flood", headers=dict(flood.pop()))
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failed.append(answer.status)
        connection.close()

    load.uncounted.add("/things/flood")
    load.users["/things/flood"] = "*"
    with load:
        flooding = threading.Thread(target=ask)
        flooding.start()
        flooding.join()
    assert not failed
    assert metric(world, "portcullis_token_cache_bytes") <= 64 << 10
    assert metric(world, "portcullis_token_cache_evictions_total") > 0
    resident = metric(world, "process_resident_memory_bytes")
    assert resident < 128 << 20, "in a build without optimisation"
    nothing_is_amiss(load, upstream)
    for row in (22, 36):
        load.saw(row, f"200 other tokens beside it, cache of 64 KiB, {resident / (1 << 20):.0f} MiB resident")


@contextmanager
def clock(world: World) -> Iterator[tuple[dict[str, str], Path]]:
    assert FAKETIME, "libfaketime is not installed: .ci/system"
    told = world.directory / "clock"
    told.write_text("+0")
    yield (
        {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(told),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        },
        told,
    )


def test_a_clock_that_is_set_lets_nobody_in_for_longer(world: World, upstream: Upstream, mint):
    """Row 14: the wall clock of a running process jumps; a token that is remembered ends by the new time."""
    with clock(world) as (environment, told):
        serve(world, **environment)
        credential = client.bearer(mint(subject="user-7"))
        ask = lambda: client.http1(world.ports.envoy, "GET", "/things/1", credential).status  # noqa: E731
        assert [ask(), ask()] == [200, 200]
        told.write_text("+10d")
        assert ask() == 401, "over, by the new clock, though it was remembered"
        wait_for("jumps are counted", lambda: metric(world, "portcullis_clock_jumps_total") >= 1)
        told.write_text("+0")
        wait_for("the old time counts again", lambda: ask() == 200)
