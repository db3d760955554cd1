"""deploy/systemd: the units as systemd reads them, how little it may do, and that this is enough for the program."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import yaml
from stack import PROJECT, Stack, free_port, http_get, portcullis_binary, wait_for

SYSTEMD = PROJECT / "deploy" / "systemd"
# Of ten; what is left is the network, the socket, and the host's files for reading.
MOST_EXPOSURE = 1.5


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The service, with the program where it is here, and the socket beside it."""
    shutil.copy(SYSTEMD / "portcullis.socket", tmp_path)
    file = tmp_path / "portcullis.service"
    file.write_text(here((SYSTEMD / "portcullis.service").read_text()))
    return file


def here(text: str) -> str:
    return text.replace("/usr/bin/portcullis", str(portcullis_binary().resolve()))


def test_systemd_takes_the_units(unit: Path):
    verified = run("systemd-analyze", "verify", "--man=no", str(unit), str(unit.with_suffix(".socket")))
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_mistyped_directive_would_be_seen(unit: Path):
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHoem="))
    assert "ProtectHoem" in run("systemd-analyze", "verify", "--man=no", str(unit)).stderr
    socket_unit = unit.with_suffix(".socket")
    socket_unit.write_text(socket_unit.read_text().replace("SocketMode=", "SocketMood="))
    assert "SocketMood" in run("systemd-analyze", "verify", "--man=no", str(socket_unit)).stderr


def test_the_unit_may_do_little(unit: Path):
    judged = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))
    exposure = float(re.search(r"Overall exposure level .*: ([0-9.]+)", judged.stdout)[1])
    assert exposure <= MOST_EXPOSURE, judged.stdout


def allowed_calls() -> set[str]:
    """The system calls that the unit's filter lets through, sets spelt out."""
    calls: set[str] = set()
    for line in (SYSTEMD / "portcullis.service").read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            value = line.removeprefix("SystemCallFilter=")
            named = {call for group in value.removeprefix("~").split() for call in of_group(group)}
            calls = calls - named if value.startswith("~") else calls | named
    return calls


def of_group(name: str) -> set[str]:
    listed = run("systemd-analyze", "syscall-filter", name).stdout.splitlines()
    members = {line.strip() for line in listed if line.startswith("    ") and not line.strip().startswith("#")}
    return {call for each in members for call in (of_group(each) if each.startswith("@") else {each})}


def test_the_program_makes_no_call_that_the_filter_refuses(tmp_path: Path):
    """From the start to the end: a socket that is passed, a question, a reload, and keys that are fetched."""
    calls = tmp_path / "calls"
    with Stack() as stack:
        stack.start_auth_service()
        settings = yaml.safe_load((SYSTEMD / "portcullis.yaml").read_text())
        settings["policies"] = [str(path) for path in stack.laravel_crm()]
        metrics = f"127.0.0.1:{free_port()}"
        settings["listen"].update(metrics=metrics, admin=f"127.0.0.1:{free_port()}")
        settings["key_cache"] = str(tmp_path)
        file = stack.directory / "portcullis.yaml"
        file.write_text(yaml.safe_dump(settings))
        activate = ["systemd-socket-activate", f"--listen={stack.socket}", "--fdname=grpc", "--setenv=JWT_SECRET"]
        strace = [shutil.which("strace"), "--follow-forks", "--output", str(calls), "--seccomp-bpf"]
        # The process that systemd means is strace.
        program = ["env", "--unset=LISTEN_PID", str(portcullis_binary()), "serve", "--config", str(file)]
        traced = stack.start("traced", [*activate, *strace, *program], {"JWT_SECRET": "unused-" * 8})
        wait_for("systemd listens", stack.socket.exists, traced)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(stack.socket))
            wait_for("Portcullis is ready", lambda: http_get(f"http://{metrics}/readyz")[0] == 200, traced, seconds=120)
        stack.start_crm_service()
        stack.start_envoy(stack.envoy_config())
        decided = f"http://127.0.0.1:{stack.ports.envoy}/customers"
        wait_for("a decision", lambda: http_get(decided)[0] == 401)
        pid = int(run("pgrep", "--parent", str(traced.popen.pid)).stdout.split()[0])
        before = reloads(metrics)
        signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGHUP)
        wait_for("the reload", lambda: reloads(metrics) == before + 1, traced)
        signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGTERM)
        traced.popen.wait(60)
    made = set(re.findall(r"^\d+ +(\w+)\(", calls.read_text(), re.MULTILINE))
    assert {"accept4", "epoll_wait", "sendmsg"} & made, made
    allowed = allowed_calls()
    assert {"read", "accept4"} <= allowed
    # Whoever starts the program runs it; systemd's filter lets that through in any case.
    assert made - allowed - {"execve"} == set()


def reloads(metrics: str) -> int:
    return counted(metrics, 'portcullis_policy_reloads_total{result="success"}')


def counted(metrics: str, series: str) -> int:
    lines = http_get(f"http://{metrics}/metrics")[1].splitlines()
    return next(int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} "))


def test_a_reload_takes_up_a_policy_and_fails_for_one_that_is_broken(tmp_path: Path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nroutes:\n  - { match: GET /open, allow: anyone }\n")
    with Stack() as stack:
        # Nothing else than a signal makes it look.
        process = stack.start_portcullis([policy], "--reload-watch", "false", "--reload-interval", "1h")
        metrics = f"127.0.0.1:{stack.ports.metrics}"

        def reload() -> list[int]:
            """As systemd runs them: one after the other, until one fails."""
            codes: list[int] = []
            for line in (SYSTEMD / "portcullis.service").read_text().splitlines():
                if line.startswith("ExecReload=") and not any(codes):
                    text = here(line.removeprefix("ExecReload=")).replace("/etc/portcullis/policies", str(policy))
                    codes.append(run(*text.replace("$MAINPID", str(process.popen.pid)).split()).returncode)
            return codes

        before = reloads(metrics)
        policy.write_text(policy.read_text() + "  - { match: GET /news, allow: anyone }\n")
        assert reload() == [0, 0]
        wait_for("the reload", lambda: reloads(metrics) == before + 1, process)
        assert counted(metrics, "portcullis_policy_routes") == 2
        policy.write_text(policy.read_text() + "  - { match: GET /more, alow: anyone }\n")
        assert reload() == [1], "and the program is not told to look"
        assert counted(metrics, "portcullis_policy_routes") == 2


def test_the_program_takes_the_settings():
    printed = run(str(portcullis_binary()), "serve", "--config", str(SYSTEMD / "portcullis.yaml"), "--print-config")
    assert printed.returncode == 0, printed.stderr
    effective = yaml.safe_load(printed.stdout)
    service, opened = ((SYSTEMD / f"portcullis.{kind}").read_text() for kind in ("service", "socket"))
    assert effective["listen"]["grpc"] == "systemd:grpc"
    assert "\nFileDescriptorName=grpc\n" in opened
    assert "\nListenStream=/run/portcullis/portcullis.sock\n" in opened
    assert "pipe: { path: /run/portcullis/portcullis.sock }" in (PROJECT / "deploy/envoy/envoy.yaml").read_text()
    assert "RuntimeDirectory=" not in service, "it would go with the service, and the socket in it"
    assert effective["key_cache"] == "/var/cache/portcullis"
    assert "CacheDirectory=portcullis\n" in service


def test_the_users_are_as_systemd_writes_them():
    conf = (SYSTEMD / "portcullis.conf").read_text()
    with_comments = [line for line in conf.splitlines() if line and not line.startswith("#")]
    assert with_comments == ['u portcullis - "Portcullis" /', 'u envoy - "Envoy" /', "m envoy portcullis"]
    made = run("systemd-sysusers", "--dry-run", str(SYSTEMD / "portcullis.conf"))
    assert made.returncode == 0, made.stderr
