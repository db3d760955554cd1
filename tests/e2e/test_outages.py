"""Portcullis killed, stopped, slow, restarted, under load: no request ever passes undecided."""

import signal
import socket
import threading
import time
from pathlib import Path

import client
import envoy_config
import pytest
from conftest import World
from load import POLICY, Load
from stack import Process, free_port, wait_for
from upstreams import Upstream


def serve(world: World, tcp: bool = False) -> Process:
    portcullis = world.start_portcullis([world.policy(POLICY)], tcp=tcp)
    world.start_envoy(world.envoy_config("envoy-tcp.yaml" if tcp else "envoy.yaml"))
    return portcullis


def wait_for_more(load: Load, kind: str, status: int, more: int = 20) -> None:
    before = load.count(kind, status)
    wait_for(f"{kind} requests answered with {status}", lambda: load.count(kind, status) >= before + more)


@pytest.mark.parametrize("tcp", [False, True], ids=["unix", "tcp"])
def test_killed_under_load(world: World, upstream: Upstream, load: Load, tcp: bool):
    portcullis = serve(world, tcp)
    with load:
        wait_for_more(load, "good", 200)
        portcullis.kill()
        for kind in ("good", "nobody", "forged"):
            wait_for_more(load, kind, 503)
        reached = len(upstream.seen)
        wait_for_more(load, "good", 503)
        assert len(upstream.seen) == reached, "nothing passes while nobody decides"
        # A socket file that a killed process left behind is no obstacle.
        world.start_portcullis([world.directory / "policy.yaml"], tcp=tcp)
        wait_for_more(load, "good", 200)
        wait_for_more(load, "nobody", 401)
    assert not load.wrong(upstream)
    load.saw(32, f"killed and started again, {'TCP' if tcp else 'unix socket'}")


def test_stopped_under_load(world: World, upstream: Upstream, load: Load):
    """A process that hangs: Envoy waits for its 250 ms and says 503."""
    portcullis = serve(world)
    with load:
        wait_for_more(load, "good", 200)
        portcullis.send(signal.SIGSTOP)
        for kind in ("good", "nobody", "forged"):
            wait_for_more(load, kind, 503, more=2)
        reached = len(upstream.seen)
        wait_for_more(load, "good", 503, more=2)
        assert len(upstream.seen) == reached
        portcullis.send(signal.SIGCONT)
        wait_for_more(load, "good", 200)
        wait_for_more(load, "forged", 401)
    assert not load.wrong(upstream)
    load.saw(32, "stopped and continued")


def test_restarted_under_load(world: World, upstream: Upstream, load: Load):
    portcullis = serve(world)
    with load:
        for _ in range(3):
            wait_for_more(load, "good", 200)
            assert portcullis.stop() == 0, "SIGTERM ends it cleanly"
            portcullis = world.start_portcullis([world.directory / "policy.yaml"])
        wait_for_more(load, "good", 200)
        wait_for_more(load, "nobody", 401)
    assert not load.wrong(upstream)
    load.saw(30, "three restarts by SIGTERM, with nobody to answer in between")


class SlowSocket:
    """Between Envoy and Portcullis: passes every byte on, answers `delay` seconds late."""

    def __init__(self, listen: Path, to: Path):
        self.delay = 0.0
        self._to = str(to)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(listen))
        self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "SlowSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                envoy, _ = self._server.accept()
            except OSError:
                return
            portcullis = socket.socket(socket.AF_UNIX)
            portcullis.connect(self._to)
            threading.Thread(target=self._pass, args=(envoy, portcullis, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(portcullis, envoy, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_answer:
                    time.sleep(self.delay)
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()


def test_slow_answers_are_waited_for_and_late_ones_are_503(world: World, upstream: Upstream, mint):
    credential = client.bearer(mint(subject="user-7"))
    ask = lambda path, *headers: client.http1(world.ports.envoy, "GET", path, *headers).status  # noqa: E731
    behind = world.directory / "behind.sock"
    world.start_portcullis([world.policy(POLICY)], socket=behind)
    with SlowSocket(world.socket, behind) as slow:
        world.start_envoy(world.envoy_config())
        assert ask("/things/good", credential) == 200
        slow.delay = 0.05
        assert (ask("/things/good", credential), ask("/things/good")) == (200, 401)
        slow.delay = 2.0
        reached = len(upstream.seen)
        assert (ask("/things/good", credential), ask("/things/good"), ask("/open")) == (503, 503, 503)
        assert len(upstream.seen) == reached


class TestFailureModeAllow:
    """What a deployment gives up by `failure_mode_allow: true`, which deploy/envoy does not set."""

    UNREACHABLE = """
    version: 1
    issuers:
      auth: {{ issuer: https://auth.example.com, audiences: [crm], keys: {{ jwks_url: "http://127.0.0.1:{port}/" }} }}
    routes:
      - {{ match: GET /things/**, guard: auth, allow: authenticated }}
    """

    def serve(self, world: World, *flags: str) -> Process:
        policy = world.directory / "unreachable.yaml"
        policy.write_text(self.UNREACHABLE.format(port=free_port()))
        world.start_envoy(world.variant(envoy_config.failure_mode_allow))
        return world.start_portcullis([policy], *flags, ready=False)

    def test_what_could_not_be_decided_is_still_refused(self, world: World, upstream: Upstream, mint):
        self.serve(world)
        ask = lambda headers: client.http1(world.ports.envoy, "GET", "/things/good", headers).status  # noqa: E731
        assert (ask(client.bearer(mint())), ask([])) == (503, 401)
        assert upstream.seen == []

    def test_answers_error_response_leaves_it_to_envoy(self, world: World, upstream: Upstream, mint):
        self.serve(world, "--answers-error-response", "true")
        ask = lambda headers: client.http1(world.ports.envoy, "GET", "/things/good", headers).status  # noqa: E731
        assert ask(client.bearer(mint())) == 200, "undecided, and failure_mode_allow says open"
        assert ask([]) == 401, "what was denied stays denied"

    def test_without_portcullis_everything_passes(self, world: World, upstream: Upstream):
        self.serve(world).kill()
        assert client.http1(world.ports.envoy, "GET", "/things/good").status == 200
