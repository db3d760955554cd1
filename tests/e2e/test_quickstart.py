"""The quickstart, command by command: what it shows is what is printed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from stack import PROJECT, free_port, portcullis_binary, wait_for

PAGE = (PROJECT / "docs" / "quickstart.md").read_text()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "portcullis").symlink_to(portcullis_binary())
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")}
    return plain | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def run(command: str, directory: Path, environment: dict[str, str]) -> str:
    shell = ["bash", "-c", command]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}  # as it stands on a screen
    ended = subprocess.run(shell, cwd=directory, env=environment, **both, text=True, timeout=60, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}"
    return ended.stdout


def timeless(text: str) -> str:
    """How long something took differs from run to run."""
    return re.sub(r" in [\d.]+ m?s$", " in … ms", text, flags=re.MULTILINE)


def steps() -> list[tuple[str, list[str]]]:
    """Each command after a `$`, and the lines that are shown below it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in timeless(block).splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def test_every_command_of_the_quickstart_prints_what_is_shown(tmp_path: Path, environment: dict[str, str]):
    directory = tmp_path / "work"
    directory.mkdir()
    assert len(steps()) > 8
    for command, shown in steps():
        printed = timeless(run(command, directory, environment)).splitlines()
        if shown and shown[-1] == "…":
            assert printed[: len(shown) - 1] == shown[:-1], command
            assert len(printed) >= len(shown), f"{command}: nothing was left out"
        else:
            assert printed == shown, command

    serve, ask = re.findall(r"```sh\n(portcullis .*?)\n```", PAGE)
    admin = free_port()
    listen = f" --listen-grpc 127.0.0.1:0 --listen-metrics '' --listen-admin 127.0.0.1:{admin}"
    server = subprocess.Popen(
        ["bash", "-c", f"exec {serve}{listen}"], cwd=directory, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        ready = f"portcullis healthcheck --address 127.0.0.1:{admin}"

        def is_ready() -> bool:
            probe = ["bash", "-c", ready]
            asked = subprocess.run(probe, env=environment, capture_output=True, timeout=60, check=False)
            return asked.returncode == 0

        wait_for("a server that is ready", is_ready)
        answer = run(ask.replace("9193", str(admin)), directory, environment)
        assert answer.startswith("allow (allowed)"), answer
        assert "signature yes" in answer
    finally:
        server.terminate()
        server.wait(timeout=60)
