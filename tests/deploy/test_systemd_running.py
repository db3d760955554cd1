"""deploy/systemd on a server of its own: a real systemd in a container runs the units as they stand."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import client
import engine
import images
import pytest
from stack import wait_for

NAME = "portcullis-server"
POLICY = "version: 1\nroutes:\n  - { match: GET /open, allow: anyone }\n"
SERVING = (client.grpc.StatusCode.OK, b"\x08\x01", "")


class Server:
    """The machine, seen from outside."""

    def __init__(self) -> None:
        # It may do what a machine may: what the units give up is theirs to say.
        started = ["--privileged", "--systemd=always", "--cgroupns", "private", "--network", "none", "--tmpfs", "/run"]
        engine.podman("rm", "--force", "--time", "0", "--ignore", NAME)
        engine.podman("run", "--detach", "--name", NAME, *started, "localhost/portcullis-server")
        self.root = Path(f"/proc/{engine.inspect(NAME)['State']['Pid']}/root")
        self.socket = self.root / "run/portcullis/portcullis.sock"
        self.policy = self.root / "etc/portcullis/policies/policy.yaml"
        self.policy.parent.mkdir()
        self.policy.write_text(POLICY)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return engine.run("podman", "exec", NAME, *command, check=check)

    def shown(self, unit: str, key: str) -> str:
        return self.run("systemctl", "show", "--value", "--property", key, unit).stdout.strip()

    def is_booted(self) -> bool:
        # `degraded`: this machine lacks most of what a distribution's units are about.
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def is_ready(self) -> bool:
        return self.run("/usr/bin/portcullis", "healthcheck", check=False).returncode == 0

    def health(self) -> tuple:
        return client.grpc_call(f"unix:{self.socket}", "/grpc.health.v1.Health/Check")

    def processes(self) -> list[int]:
        """Those of the service, by this machine's numbers."""
        own = [path for path in Path("/proc").glob("[0-9]*/exe") if path.is_symlink()]
        return [
            int(path.parent.name)
            for path in own
            if _leads_to(path) == "/usr/bin/portcullis" and _is_in(path, self.root)
        ]


def _leads_to(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""  # it has ended


def _is_in(link: Path, root: Path) -> bool:
    return os.path.samefile(link, root / "usr/bin/portcullis")


@pytest.fixture(scope="module")
def server(image_context: Path) -> Iterator[Server]:
    images.server("portcullis-server", image_context / "root" / "portcullis")
    server = Server()
    try:
        wait_for("the machine is up", server.is_booted)
        # As deploy/systemd/README.md says.
        server.run("systemd-sysusers")
        server.run("systemctl", "daemon-reload")
        server.run("systemctl", "enable", "--now", "portcullis.socket", "portcullis.service")
        wait_for("Portcullis is ready", server.is_ready)
        yield server
    except Exception as failed:
        status = server.run("systemctl", "status", "--no-pager", "portcullis.service", check=False)
        raise AssertionError(f"{status.stdout}{status.stderr}") from failed
    finally:
        engine.podman("rm", "--force", "--time", "0", NAME)


def test_the_units_start_and_questions_are_answered(server: Server):
    assert server.shown("portcullis.service", "ActiveState") == "active"
    assert server.health() == SERVING


def test_the_socket_is_for_its_group_and_the_process_may_nothing(server: Server):
    users = dict(line.split(":")[0:3:2] for line in (server.root / "etc/passwd").read_text().splitlines())
    group = next(
        line for line in (server.root / "etc/group").read_text().splitlines() if line.startswith("portcullis:")
    )
    assert group.endswith(":envoy"), "so that Envoy may open the socket"
    told = server.socket.stat()
    assert (told.st_mode & 0o777, str(told.st_uid)) == (0o660, users["portcullis"])
    [process] = server.processes()
    with open(f"/proc/{process}/status") as status:
        said = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    assert said["Uid"].split() == [users["portcullis"]] * 4
    assert int(said["CapEff"], 16) == int(said["CapBnd"], 16) == 0
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2"), "the filter of system calls is in force"


def test_the_first_question_starts_a_stopped_service(server: Server):
    server.run("systemctl", "stop", "portcullis.service")
    assert server.processes() == []
    before = server.socket.stat().st_ino
    assert server.health() == SERVING, "it waited in the socket"
    assert server.socket.stat().st_ino == before


def test_a_killed_process_and_a_restart_leave_the_socket(server: Server):
    before = server.socket.stat().st_ino
    [process] = server.processes()
    os.kill(process, signal.SIGKILL)
    assert server.health() == SERVING
    wait_for("it is another process", lambda: server.processes() not in ([], [process]))
    server.run("systemctl", "restart", "portcullis.service")
    assert server.health() == SERVING
    assert server.socket.stat().st_ino == before


def test_a_reload_tells_of_a_broken_policy_and_leaves_the_good_one(server: Server):
    [process] = server.processes()
    server.run("systemctl", "reload", "portcullis.service")
    server.policy.write_text(POLICY.replace("allow:", "alow:"))
    assert server.run("systemctl", "reload", "portcullis.service", check=False).returncode == 1
    assert server.health() == SERVING
    assert server.processes() == [process]
    server.policy.write_text(POLICY)
    server.run("systemctl", "reload", "portcullis.service")


def test_a_service_that_cannot_start_is_tried_until_it_can_and_keeps_its_socket(server: Server):
    """A policy that is broken while it is down, and somebody who asks all the time."""
    server.run("systemctl", "stop", "portcullis.service")
    server.policy.write_text(POLICY.replace("allow:", "alow:"))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(server.socket))
        # More often than systemd would have it by default.
        wait_for("it was tried again and again", lambda: int(server.shown("portcullis.service", "NRestarts")) > 5)
        assert server.shown("portcullis.socket", "ActiveState") == "active"
        server.policy.write_text(POLICY)
        wait_for("it is answered", lambda: server.health() == SERVING)
    assert server.shown("portcullis.socket", "ActiveState") == "active"
