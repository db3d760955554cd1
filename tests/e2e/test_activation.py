"""Sockets that systemd opens and passes: they outlast a restart, and whoever asks meanwhile waits in them."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import client
import envoy_config
import pytest
from conftest import World
from stack import Process, free_port, http_get, portcullis_binary, wait_for

PASS = str(Path(__file__).parent / "pass_sockets.py")
Sockets = list[tuple[str, socket.socket]]


@pytest.fixture
def listening(world: World, request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """As systemd opens it: it is there before the service is, and after."""
    with unix(world.socket) if request.param == "unix" else tcp(world.ports.grpc) as opened:
        yield opened


def unix(path: Path) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(str(path))
    path.chmod(0o600)
    opened.listen(64)
    return opened


def tcp(port: int) -> socket.socket:
    opened = socket.socket()
    opened.bind(("127.0.0.1", port))
    opened.listen(64)
    return opened


def command(sockets: Sockets, *flags: str) -> tuple[list[str], tuple[int, ...]]:
    """The command, and the descriptors that it inherits."""
    given = ",".join(f"{name}={opened.fileno()}" for name, opened in sockets)
    serve = [str(portcullis_binary()), "serve", *flags]
    return [sys.executable, PASS, given, *serve], tuple(opened.fileno() for _, opened in sockets)


def start(world: World, policy: Path, sockets: Sockets, *flags: str) -> Process:
    own = ["--listen-metrics", f"127.0.0.1:{world.ports.metrics}", "--listen-admin", "", "--policies", str(policy)]
    if any(flag == "--listen-metrics" for flag in flags):
        own = own[2:]
    program, descriptors = command(sockets, *own, *flags)
    process = world.start("portcullis", program, pass_fds=descriptors)
    wait_for("it is ready", lambda: http_get(f"http://127.0.0.1:{world.ports.metrics}/readyz")[0] == 200, process)
    return process


def refused(sockets: Sockets, *flags: str, **environment: str) -> str:
    """What it says when it does not start: that it could not answer, which is exit code 2."""
    program, descriptors = command(sockets, "--listen-metrics", "", "--listen-admin", "", *flags)
    ended = subprocess.run(
        program, pass_fds=descriptors, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2, ended.stdout + ended.stderr
    return ended.stderr


def waits_in_the_backlog(config: dict) -> None:
    """As long as a restart takes. The shipped file gives up after 0.25 s, and answers 503."""
    envoy_config.patient(config)
    envoy_config.cluster(config, "portcullis")["connect_timeout"] = "20s"


@pytest.mark.parametrize("listening", ["unix", "tcp"], indirect=True)
def test_requests_wait_while_the_service_restarts(world: World, listening: socket.socket):
    policy = world.policy("routes:\n  - { match: GET /open, allow: anyone }\n")
    world.start_crm_service()
    first = start(world, policy, [("grpc", listening)], "--listen-grpc", "systemd:grpc")
    file = "envoy.yaml" if listening.family == socket.AF_UNIX else "envoy-tcp.yaml"
    world.start_envoy(world.variant(waits_in_the_backlog, of=file))

    def ask() -> int:
        return client.http1(world.ports.envoy, "GET", "/open").status

    assert ask() == 200
    assert client.http1(world.ports.envoy, "GET", "/other").status == 403, "it is Portcullis that answers"
    before = world.socket.stat() if world.socket.exists() else None
    assert first.stop() == 0
    if before:
        after = world.socket.stat()
        assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode), "the socket is systemd's"
    with ThreadPoolExecutor(8) as askers:
        asked = [askers.submit(ask) for _ in range(8)]
        waiting = f"cluster.portcullis.upstream_rq_active: {len(asked)}"
        pending = f"cluster.portcullis.upstream_rq_pending_active: {len(asked)}"

        def wait() -> bool:
            stats = http_get(f"http://127.0.0.1:{world.ports.envoy_admin}/stats?filter=upstream_rq")[1].splitlines()
            return waiting in stats or pending in stats

        wait_for("all of them wait", wait)
        assert not any(one.done() for one in asked), [one.result() for one in asked if one.done()]
        start(world, policy, [("grpc", listening)], "--listen-grpc", "systemd:grpc")
        assert [one.result() for one in asked] == [200] * len(asked)


def test_every_listener_takes_sockets_and_a_name_may_have_several(world: World):
    policy = world.policy("routes:\n  - { match: GET /open, allow: anyone }\n")
    more = world.directory / "more.sock"
    with unix(world.socket) as one, unix(more) as two, tcp(world.ports.metrics) as probes:
        sockets = [("grpc", one), ("probes", probes), ("grpc", two)]
        flags = ["--listen-grpc", "systemd:grpc", "--listen-metrics", "systemd:probes"]
        process = start(world, policy, sockets, *flags)
        for path in (world.socket, more):
            health = client.grpc_call(f"unix:{path}", "/grpc.health.v1.Health/Check")
            assert health == (client.grpc.StatusCode.OK, b"\x08\x01", ""), "SERVING"
        told = {line["address"] for line in process.lines() if "address" in line}
        assert told == {f"unix:{world.socket}", f"unix:{more}", f"127.0.0.1:{world.ports.metrics}"}


def test_what_is_not_passed_is_told_with_its_mend(tmp_path: Path):
    wanted = ["--policies", str(tmp_path), "--listen-grpc", "systemd:grpc"]
    said = refused([], *wanted)
    assert "error: `listen.grpc`: cannot listen on `systemd:grpc`: systemd passes no socket\n" in said
    assert "hint: start it by its socket unit (deploy/systemd), or give `listen.grpc` an address of its own\n" in said
    with unix(tmp_path / "web.sock") as opened:
        said = refused([("web", opened), ("", opened)], *wanted)
        assert "systemd passes other sockets only: `web`, `unknown`\n" in said
        assert "hint: write `FileDescriptorName=grpc` into the socket unit" in said
        # Meant for another process, and inherited by mistake.
        assert "systemd passes no socket\n" in refused([("grpc", opened)], *wanted, LISTEN_PID="1")


def test_a_socket_that_nobody_would_serve_is_refused(tmp_path: Path):
    with unix(tmp_path / "grpc.sock") as one, unix(tmp_path / "web.sock") as two:
        wanted = ["--policies", str(tmp_path), "--listen-grpc", "systemd:grpc"]
        said = refused([("grpc", one), ("web", two)], *wanted)
        assert "systemd passes a socket `web` that no setting names: whoever connects to it would wait in vain" in said
        assert "hint: add `systemd:web` to `listen.grpc`, or take the socket out of the unit\n" in said
        said = refused([("grpc", one)], *wanted, "--listen-http", "systemd:grpc", "--http-target", "x-forwarded")
        assert "`listen.http`: cannot listen on `systemd:grpc`: another setting has taken the socket" in said


def test_what_is_no_listening_socket_is_refused(tmp_path: Path):
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket(type=socket.SOCK_DGRAM) as datagrams, open(tmp_path / "file", "w") as file:
        datagrams.bind(("127.0.0.1", free_port()))
        for passed in (ours, datagrams, file):
            said = refused([("grpc", passed)], "--policies", str(tmp_path), "--listen-grpc", "systemd:grpc")
            assert "what systemd passes under this name is no stream socket that listens\n" in said
            assert "hint: the socket unit needs `ListenStream=`, and `Accept=no`, which is the default\n" in said


def test_a_name_that_systemd_would_not_take_is_no_setting(tmp_path: Path):
    for name in ("", "a:b", "a b", "x" * 256):
        said = refused([], "--policies", str(tmp_path), "--listen-grpc", f"systemd:{name}")
        assert f"setting `listen.grpc` cannot be `systemd:{name}` (given as `--listen-grpc`)" in said
