"""`make demo`, as a person runs it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import demo
from stack import PROJECT, wait_for

PROGRAM = [sys.executable, str(PROJECT / "examples" / "demo.py")]


def test_the_demo_does_what_it_says():
    shown = subprocess.run([*PROGRAM, "--once"], capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert f"{len(demo.STORY)} of {len(demo.STORY)} lines as expected" in shown.stdout


def hear_ctrl_c() -> None:
    """As at a terminal: what is started in the background may have been told to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_stops_everything_that_was_started(tmp_path: Path):
    output = tmp_path / "output"
    with output.open("wb") as file:
        running = subprocess.Popen(PROGRAM, stdout=file, stderr=subprocess.STDOUT, preexec_fn=hear_ctrl_c)
    try:
        wait_for("the invitation", lambda: "Ctrl-C ends everything" in output.read_text() or running.poll() is not None)
        started = children(running.pid)
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0, output.read_text()
    finally:
        running.kill()
    assert len(started) == 4, "AuthService, CRMService, Portcullis and Envoy"
    assert not [process for process in started if Path(f"/proc/{process}").exists()]


def test_the_curl_lines_hold_fresh_tokens_and_the_address_of_envoy():
    lines = []
    with subprocess.Popen(PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            for line in running.stdout:
                lines.append(line)
                if "Ctrl-C ends everything" in line:
                    break
            commands = [line.strip() for line in lines if line.startswith("curl ")]
            statuses = [status_of(command) for command in commands]
        finally:
            running.send_signal(signal.SIGTERM)
    assert statuses == ["200", "403", "401"], "".join(lines)


def status_of(command: str) -> str | None:
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.match(r"HTTP/1.1 (\d+)", shown)
    return found and found[1]


def test_a_line_that_is_not_as_expected_is_told():
    step = demo.Step(demo.NOBODY, "GET", "/customers", 401, "missing_token", body=demo.UNAUTHENTICATED)
    let_through = demo.Answer(200, {}, b'{"headers": []}')
    assert demo.differences(step, let_through, "allowed") == [
        "status 200, expected 401",
        "reason allowed, expected missing_token",
        "body b'{\"headers\": []}', expected {'message': 'Unauthenticated'}",
        "reached the upstream",
    ]


def children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
