"""The program as a person at a terminal sees it: colour, width, what is under way, and `test --watch`."""

import fcntl
import http.server
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
from pathlib import Path
from types import TracebackType

from stack import portcullis_binary

PATIENCE = 60.0
COLOR = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """A program whose three streams are one terminal."""

    def __init__(self, directory: Path, *arguments: str, columns: int = 100, **variables: str) -> None:
        self.master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        unwanted = {"NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"}
        plain = {name: value for name, value in os.environ.items() if name not in unwanted}
        self.process = subprocess.Popen(
            [str(portcullis_binary()), *arguments],
            cwd=directory,
            env=plain | {"TERM": "xterm"} | variables,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        self.shown = ""

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(timeout=PATIENCE)
        os.close(self.master)

    def read(self) -> bool:
        """Takes in what is there; whether more may come."""
        ready, _, _ = select.select([self.master], [], [], PATIENCE)
        assert ready, f"nothing more came after\n{self.shown}"
        try:
            found = os.read(self.master, 65536)
        except OSError:  # every holder of the terminal is gone
            return False
        self.shown += found.decode()
        return bool(found)

    def until(self, text: str) -> str:
        """Waits for a text, and gives what was shown up to it; what stands behind it is left for the next."""
        while text not in self.shown:
            assert self.read(), f"`{text}` never came\n{self.shown}"
        before, _, self.shown = self.shown.partition(text)
        return before + text

    def whole(self) -> str:
        """Everything, once the program has ended."""
        while self.read():
            pass
        self.process.wait(timeout=PATIENCE)
        return self.shown


def start(directory: Path) -> Path:
    """A directory with the policy of `init`."""
    subprocess.run([str(portcullis_binary()), "init", "policies"], cwd=directory, check=True, capture_output=True)
    return directory


def test_a_terminal_has_colour_unless_nobody_wants_it(tmp_path: Path):
    start(tmp_path)
    with Screen(tmp_path, "test") as screen:
        assert "\x1b[32mok\x1b[0m: " in screen.whole()
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with Screen(tmp_path, "test", **variables) as screen:
            shown = screen.whole()
            assert "ok: " in shown and not COLOR.search(shown), shown
    with Screen(tmp_path, "--color", "never", "test") as screen:
        assert not COLOR.search(screen.whole())


def test_tables_and_problems_fit_into_the_width_of_the_terminal(tmp_path: Path):
    start(tmp_path)
    for columns in (80, 120):
        for arguments in (["routes"], ["routes", "--matrix"]):
            with Screen(tmp_path, "--color", "never", *arguments, columns=columns) as screen:
                lines = screen.whole().splitlines()
                assert max(map(len, lines)) <= columns, lines
                assert len(lines) > 6
    (tmp_path / "policies" / "policy.yaml").write_text(f"version: 1\nroutes: [{{ mtach: /{'a' * 200} }}]\n")
    with Screen(tmp_path, "--color", "never", "check", columns=80) as screen:
        lines = screen.whole().splitlines()
        assert any("mtach" in line for line in lines)
        assert max(map(len, lines)) <= 80, lines


class SlowServer:
    """A server that answers only when it is told to."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        may_answer = self.may_answer

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                may_answer.wait(PATIENCE)
                self.send_error(503)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


def test_whoever_waits_longer_than_a_second_is_told_for_what(tmp_path: Path):
    server = SlowServer()
    arguments = ["explain", "GET", "/", "--admin", server.address]
    try:
        with Screen(tmp_path, *arguments) as screen:
            screen.until(f"waiting for {server.address} … ")
            server.may_answer.set()
            shown = screen.whole()
            # The line is wiped before anything else is written.
            assert re.search(r"\r\x1b\[K\x1b\[1;31merror\x1b\[0m: .* answers 503", shown), shown
        server.may_answer.clear()
        command = [str(portcullis_binary()), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as piped:
            threading.Timer(1.5, server.may_answer.set).start()
            out, error = piped.communicate(timeout=PATIENCE)
        assert out == "" and error.startswith("error: ") and "waiting" not in error, error
    finally:
        server.close()


def test_mutants_are_counted_while_they_are_tried(tmp_path: Path):
    start(tmp_path)
    policy = tmp_path / "policies" / "policy.yaml"
    routes = "".join(
        f"  - {{ match: GET /r{number}, guard: [app, admin], require: {{ scopes: [a{number}, b] }} }}\n"
        for number in range(2000)
    )
    policy.write_text(policy.read_text().replace("routes:\n", f"routes:\n{routes}", 1))
    with Screen(tmp_path, "test", "--mutate") as screen:
        shown = screen.until(" mutants\x1b[K")
        assert re.search(r"\r\d+ of \d+ mutants\x1b\[K$", shown), shown


def test_watched_tests_run_again_when_a_file_is_saved(tmp_path: Path):
    start(tmp_path)
    policy = tmp_path / "policies" / "policy.yaml"
    good = policy.read_text()
    with Screen(tmp_path, "test", "--watch") as screen:
        screen.until("waiting for a change; Ctrl-C ends")
        policy.write_text(good.replace("[read-crm]", "[write-crm]"))
        screen.until("FAIL\x1b[0m who may do what: GET /customers as reader")
        screen.until("waiting for a change; Ctrl-C ends")
        # As an editor saves: another file in its place.
        other = policy.with_suffix(".new")
        other.write_text(good)
        other.rename(policy)
        screen.until("\x1b[32mok\x1b[0m: ")
        screen.until("waiting for a change; Ctrl-C ends")
