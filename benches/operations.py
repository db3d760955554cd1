"""`make bench-ops`: what operating costs, beside what was promised. Prints, and asserts nothing."""

import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "examples"), str(PROJECT / "tests" / "e2e")]

from issuer import Issuer, new_key, signed  # noqa: E402
from stack import Process, Stack, free_port, http_get, wait_for  # noqa: E402

MIB = 1 << 20
RUNS = 7
ROUTES = 10_000
TOKENS = 100_000
KEY = new_key("k")
HEAD = """version: 1
issuers:
  main:
    issuer: https://bench.example
    audiences: [bench]
    keys: {{ jwks_url: "{url}" }}
    algorithms: [ES256]
routes:
"""


class Bench(Stack):
    def __init__(self) -> None:
        super().__init__()
        self.issuer = Issuer([KEY])

    def policy(self, routes: list[str]) -> str:
        return HEAD.format(url=self.issuer.url) + "\n".join(f"  - {route}" for route in routes) + "\n"

    def serve(self, text: str, *flags: str) -> tuple[Process, float]:
        """The process, and after how many seconds it was ready."""
        path = self.directory / "policy.yaml"
        path.write_text(text)
        url = f"http://127.0.0.1:{self.ports.metrics}/readyz"
        began = time.monotonic()
        process = self.start_portcullis([path], *flags, ready=False)
        while http_get(url)[0] != 200:
            time.sleep(0.001)
        return process, time.monotonic() - began

    def metric(self, series: str) -> float:
        page = http_get(f"http://127.0.0.1:{self.ports.metrics}/metrics")[1]
        return next(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(series + " "))

    def revision(self) -> str:
        page = http_get(f"http://127.0.0.1:{self.ports.metrics}/metrics")[1]
        return next((line for line in page.splitlines() if line.startswith("portcullis_policy_info{")), "")


def resident(process: Process) -> int:
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


def tokens() -> Iterator[bytes]:
    now = int(time.time())
    for number in range(TOKENS):
        claims = {"iss": "https://bench.example", "aud": "bench", "sub": f"user-{number}", "exp": now + 7200}
        claims |= {"iat": now, "jti": f"{number:032x}", "scope": "read-crm delete-crm", "client_id": "partner-app"}
        yield signed(KEY, claims).encode()


def fill(port: int) -> int:
    """Asks with every token; how many were let in."""
    allowed = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answers = connection.makefile("rb")
        for token in tokens():
            connection.sendall(
                b"GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-method: GET\r\nx-forwarded-proto: https\r\n"
                b"x-forwarded-host: crm.example\r\nx-forwarded-uri: /a/b/9999/1\r\nauthorization: Bearer "
                + token
                + b"\r\n\r\n"
            )
            allowed += answers.readline().startswith(b"HTTP/1.1 200")
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.read(length)
    return allowed


def started() -> float:
    times = []
    for _ in range(RUNS):
        with Bench() as bench:
            times.append(bench.serve(bench.policy(["{ match: /open, allow: anyone }"]))[1])
    return statistics.median(times) * 1000


def idle() -> float:
    with Bench() as bench:
        return resident(bench.serve(bench.policy(["{ match: /open, allow: anyone }"]))[0]) / MIB


def full() -> tuple[float, str]:
    with Bench() as bench:
        routes = [f'{{ match: "GET /a/b/{number}/{{id}}", allow: authenticated }}' for number in range(ROUTES)]
        http = free_port()
        flags = ["--listen-http", f"127.0.0.1:{http}", "--http-target", "x-forwarded", "--cache-max-bytes", "512MiB"]
        process, _ = bench.serve(bench.policy(routes), *flags, "--log-decisions", "none")
        allowed = fill(http)
        entries, cached = bench.metric("portcullis_token_cache_entries"), bench.metric("portcullis_token_cache_bytes")
        used = resident(process)
        told = f"{allowed} tokens allowed, {entries:.0f} cached in {cached / MIB:.1f} MiB by the cache's own account"
        return (used - cached) / MIB, f"{told}; {used / MIB:.1f} MiB in all"


def reloaded(*flags: str) -> float:
    """The slowest of some swaps as a kubelet makes them."""
    with Bench() as bench:
        mount = bench.directory / "mount"
        mount.mkdir()

        def swap(number: int) -> None:
            (mount / f"..{number}").mkdir()
            text = bench.policy([f"{{ match: /open-{number}, allow: anyone }}"])
            (mount / f"..{number}" / "policy.yaml").write_text(text)
            os.symlink(f"..{number}", mount / "..next")
            os.rename(mount / "..next", mount / "..data")

        swap(0)
        os.symlink("..data/policy.yaml", mount / "policy.yaml")
        process = bench.start_portcullis([mount], *flags)
        slowest = 0.0
        for number in range(1, RUNS):
            known = bench.revision()
            swap(number)
            began = time.monotonic()
            wait_for("the new policy is live", lambda known=known: bench.revision() not in ("", known), process)
            slowest = max(slowest, time.monotonic() - began)
        return slowest


def tell(what: str, goal: float, measured: float, unit: str, more: str = "") -> None:
    word = "met" if measured < goal else "missed"
    print(f"{what:58} goal < {goal:5.0f} {unit:3}   {measured:8.1f} {unit:3}   {word}   {more}", flush=True)


def main() -> None:
    tell("start to ready, issuer reachable (median)", 300, started(), "ms")
    tell("resident when idle", 20, idle(), "MiB")
    measured, more = full()
    tell(f"resident, {ROUTES} routes, {TOKENS} tokens, without the cache", 64, measured, "MiB", more)
    tell("ConfigMap swap to live, file events (slowest)", 5, reloaded(), "s")
    tell("ConfigMap swap to live, no file events (slowest)", 5, reloaded("--reload-watch", "false"), "s")


if __name__ == "__main__":
    main()
