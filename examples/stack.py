"""Starts the programs of the demo and of the end-to-end tests, as separate processes on loopback.

Whatever is started here ends with the `Stack`: on leaving it, on Ctrl-C, on SIGTERM, and (by the kernel's
parent-death signal) even if this process is killed.
"""

import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
# Made once and kept: an RSA key of 4096 bits takes a while.
KEYS = PROJECT / ".cache" / "example-keys"
PATIENCE = 30.0  # seconds; generous, because only a failure ever waits that long
_LIBC = ctypes.CDLL(None, use_errno=True)


class StackError(Exception):
    """Something could not be started; the text says what and why."""


class Process:
    """A program that runs, with all it prints in a file."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        environment: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ):
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                pass_fds=pass_fds,
                start_new_session=True,  # Ctrl-C is for us; we end the others in order
                preexec_fn=_die_with_parent,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def lines(self, since: int = 0) -> list[dict]:
        """The JSON objects it printed, after the first `since` bytes."""
        text = self.log.read_bytes()[since:].decode(errors="replace")
        whole = text[: text.rfind("\n") + 1]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def is_running(self) -> bool:
        return self.popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        if self.is_running():
            self.popen.send_signal(number)

    def stop(self, seconds: float = 5.0) -> int:
        """SIGTERM, then SIGKILL; the exit status."""
        self.send(signal.SIGCONT)  # a stopped process could not hear the next one
        self.send(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.send(signal.SIGKILL)
        return self.popen.wait()


def _die_with_parent() -> None:
    PR_SET_PDEATHSIG = 1  # linux/prctl.h
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


_GIVEN: set[int] = set()  # what was asked for may not be in use yet


def free_port() -> int:
    """A port that nobody uses, below the range that the kernel hands out for outgoing connections; each once."""
    for _ in range(1000):
        port = random.randrange(20000, 32000)
        if port not in _GIVEN and is_free(port):
            _GIVEN.add(port)
            return port
    raise StackError("no free port between 20000 and 32000")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_for(what: str, is_true: Callable[[], object], process: Process | None = None, seconds: float = PATIENCE):
    """Asks until the answer is yes, and returns it; a process that ended meanwhile ends the waiting."""
    deadline = time.monotonic() + seconds
    while True:
        answer = is_true()
        if answer:
            return answer
        if process and not process.is_running():
            raise StackError(f"{process.name} ended with {process.popen.returncode}:\n{process.output()[-4000:]}")
        if time.monotonic() > deadline:
            tail = f"\n{process.output()[-4000:]}" if process else ""
            raise StackError(f"waited {seconds:.0f} s in vain: {what}{tail}")
        time.sleep(0.02)


def http_get(url: str) -> tuple[int, str]:
    """Status and body; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


def place(source: Path, target: Path, changes: dict[str, str]) -> Path:
    """Copies a configuration file with other addresses; one that it does not name is a mistake."""
    text = source.read_text()
    for old, new in changes.items():
        if old not in text:
            raise StackError(f"{source} does not name `{old}`")
        text = text.replace(old, new)
    target.write_text(text)
    return target


def portcullis_binary() -> Path:
    given = os.environ.get("PORTCULLIS_BIN")
    binary = Path(given) if given else PROJECT / "target" / "release" / "portcullis"
    if not binary.is_file():
        raise StackError(f"there is no {binary}; `cargo build --release` makes it (or set PORTCULLIS_BIN)")
    return binary


def envoy_binary() -> Path:
    given = os.environ.get("ENVOY_BIN")
    binary = Path(given) if given else Path(sys.prefix) / "bin" / "envoy"
    if not given:
        # The launcher of the package only replaces itself; the program itself can be signalled at once.
        packaged = list(Path(sys.prefix).glob("lib/python*/site-packages/envoy/_bin/envoy"))
        binary = packaged[0] if packaged else binary
    if not binary.is_file():
        raise StackError(f"there is no Envoy at {binary}; `make .venv` installs it (or set ENVOY_BIN)")
    return binary


@dataclass
class Ports:
    """Where everything listens, on 127.0.0.1."""

    envoy: int = field(default_factory=free_port)
    envoy_admin: int = field(default_factory=free_port)
    crm: int = field(default_factory=free_port)
    auth: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)


class Stack:
    """Programs that belong together, and the directory of what they write."""

    def __init__(self, ports: Ports | None = None):
        self.ports = ports or Ports()
        # Below /tmp and not below the checkout: the path of a unix socket holds 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="portcullis-"))
        self.socket = self.directory / "portcullis.sock"
        self.processes: list[Process] = []

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str] | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Process:
        process = Process(name, command, self.directory / f"{name}.log", environment, pass_fds)
        self.processes.append(process)
        return process

    def start_auth_service(self) -> Process:
        program = [sys.executable, str(PROJECT / "examples/auth_service.py")]
        process = self.start("auth-service", [*program, "--port", str(self.ports.auth), "--keys", str(KEYS)])
        wait_for("AuthService listens", lambda: not is_free(self.ports.auth), process)
        return process

    def start_crm_service(self) -> Process:
        program = [sys.executable, str(PROJECT / "examples/crm_service.py")]
        ports = ["--port", str(self.ports.crm), "--auth-port", str(self.ports.envoy)]
        process = self.start("crm-service", [*program, *ports])
        wait_for("CRMService listens", lambda: not is_free(self.ports.crm), process)
        return process

    def laravel_crm(self) -> list[Path]:
        """The policies of the demo: the routes as they stand, the issuers with this machine's addresses."""
        policies = PROJECT / "policies" / "laravel-crm"
        changes = {
            "http://127.0.0.1:8082/": f"http://127.0.0.1:{self.ports.auth}/",
            "keys/oauth-public.key": str(KEYS / "oauth-public.key"),
        }
        return [policies / "routes.yaml", place(policies / "issuers.yaml", self.directory / "issuers.yaml", changes)]

    def start_portcullis(
        self,
        policies: list[Path],
        *flags: str,
        tcp: bool = False,
        ready: bool = True,
        socket: Path | None = None,
        environment: dict[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> Process:
        """`portcullis serve`; with `ready`, returns when it is ready, else when it listens. `prefix` starts it."""
        listen = f"127.0.0.1:{self.ports.grpc}" if tcp else f"unix:{socket or self.socket}"
        command = [*prefix, str(portcullis_binary()), "serve", "--listen-grpc", listen]
        command += ["--listen-metrics", f"127.0.0.1:{self.ports.metrics}"]
        command += ["--listen-admin", f"127.0.0.1:{self.ports.admin}"]
        for path in policies:
            command += ["--policies", str(path)]
        secret = (KEYS / "jwt-secret").read_text() if (KEYS / "jwt-secret").exists() else "unused-" * 8
        process = self.start("portcullis", [*command, *flags], {"JWT_SECRET": secret, **(environment or {})})
        page, wanted = ("readyz", "is ready") if ready else ("livez", "is alive")
        url = f"http://127.0.0.1:{self.ports.metrics}/{page}"
        wait_for(f"Portcullis {wanted}", lambda: http_get(url)[0] == 200, process)
        return process

    def envoy_config(self, name: str = "envoy.yaml") -> Path:
        """A file of deploy/envoy with this machine's addresses, and nothing else changed."""
        source = PROJECT / "deploy" / "envoy" / name
        changes = {
            "port_value: 9901": f"port_value: {self.ports.envoy_admin}",
            "port_value: 8080": f"port_value: {self.ports.envoy}",
            "port_value: 8081": f"port_value: {self.ports.crm}",
            "port_value: 8082": f"port_value: {self.ports.auth}",
        }
        if "port_value: 9191" in source.read_text():
            changes["port_value: 9191"] = f"port_value: {self.ports.grpc}"
        else:
            changes["path: /run/portcullis/portcullis.sock"] = f"path: {self.socket}"
        return place(source, self.directory / name, changes)

    def start_envoy(self, config: Path, *flags: str) -> Process:
        command = [str(envoy_binary()), "--config-path", str(config), "--disable-hot-restart"]
        command += ["--log-level", "warning", "--concurrency", "2", "--file-flush-interval-msec", "50"]
        process = self.start("envoy", [*command, *flags])
        url = f"http://127.0.0.1:{self.ports.envoy_admin}/ready"
        wait_for("Envoy is ready", lambda: http_get(url)[0] == 200, process)
        return process
