"""Commands of a proof: shown as they run, ended when they take too long."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Failed(Exception):
    """A step that broke a promise, or could not be done."""


def output(*command: str, cwd: Path = ROOT) -> str:
    """What a short command says."""
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.rstrip()


def run(
    *command: str,
    limit: float,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    statuses: tuple[int, ...] = (0,),
) -> str:
    """The output of a command, which is shown as it comes.

    Raises `Failed` where it ends with another status, or is not done after `limit` seconds; it is ended then, with
    everything that it started.
    """
    print("+", *command, flush=True)
    lines: list[str] = []
    late = threading.Event()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:

        def end() -> None:
            late.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(limit, end)
        timer.start()
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                lines.append(line)
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
    told = "".join(lines)
    if late.is_set():
        raise Failed(f"`{' '.join(command)}` was not done after {limit:.0f} s")
    if status not in statuses:
        raise Failed(f"`{' '.join(command)}` ended with {status}:\n" + "".join(lines[-30:]))
    return told
