"""A long run: half of what this machine can ask through Envoy, while policies and keys change, clients cancel and
others mean harm. What is asked and what is right stands in `soak_requests`.

The generator is two processes of Python. "Peak" is what they, Envoy and Portcullis reach together on this machine
when nobody waits; the run asks half as often.
"""

import multiprocessing
import socket
import statistics
import threading
import time
from collections import Counter
from pathlib import Path

import envoy_config
from cancels import cancelling
from soak_requests import ask_for_ever
from soak_tokens import NAME, RotatingIssuer, Tokens
from stack import Process, Stack, http_get, wait_for

ROTATE = 15.0  # seconds
RELOAD = 2.0
SETTLE = 3.0  # after a key is published, until tokens of it are used; longer than the cooldown
RETIRE = 14.0  # after a key is gone, until its tokens must be refused; longer than the interval between fetches

POLICY = """
version: 1
issuers:
  soak:
    issuer: {issuer}
    audiences: [crm]
    keys: {{ jwks_url: "{url}" }}
    algorithms: [ES256]
    refresh: {{ interval: 10s, cooldown: 1s }}
defaults: {{ upstream: {{ headers: {{ x-user-id: "{{subject}}" }} }} }}
routes:
  - {{ match: GET /open, allow: anyone }}
  - {{ match: GET /flip, allow: {flip} }}
  - {{ match: GET /things/**, allow: authenticated }}
  - {{ match: GET /admin/**, require: {{ scopes: [admin] }} }}
forbid:
  - {{ name: private, match: /private/** }}
"""
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_PING = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00pingpong"
# To Envoy, or to our own socket.
HARM = (
    ("envoy", b"GET /things/1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + b"." * 50_000 + b"\r\n\r\n"),
    ("us", _PREFACE[:11]),
    ("us", _PREFACE + _SETTINGS + b"\xff" * 4096),
    ("us", _PREFACE + _SETTINGS + _PING * 500),
    ("envoy", b"GET /things/%zz/../1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \xff\xfe\r\n\r\n"),
)


def answering(config: envoy_config.Config) -> None:
    """Envoy answers what is allowed by itself, and says whom an upstream would have seen."""
    envoy_config.virtual_host(config)["routes"] = [
        {
            "match": {"prefix": "/"},
            "direct_response": {"status": 200},
            "response_headers_to_add": [{"header": {"key": "x-seen-user", "value": "%REQ(x-user-id)%"}}],
        }
    ]
    # Every request is the same log line: half a gigabyte in half an hour.
    envoy_config.connection_manager(config).pop("access_log")


def envoy_count(stack: Stack, name: str) -> int:
    page = http_get(f"http://127.0.0.1:{stack.ports.envoy_admin}/stats?filter=^{name}$")[1]
    return int(page.split(": ")[1])


class Counted:
    """What Portcullis and Envoy say that happened."""

    def __init__(self, stack: Stack):
        page = http_get(f"http://127.0.0.1:{stack.ports.metrics}/metrics")[1]
        pairs = [line.rpartition(" ") for line in page.splitlines() if not line.startswith("#")]
        self.series = {name: float(value) for name, _, value in pairs}
        self.resets = envoy_count(stack, "cluster.portcullis.upstream_rq_tx_reset")

    def sum(self, metric: str, *labels: str) -> float:
        """Of all series of a metric that have these labels, `name="value"`."""
        return sum(
            value
            for name, value in self.series.items()
            if name.partition("{")[0] == metric and all(label in name for label in labels)
        )


class Soak:
    """One run. `wrong` and `growth` say what came of it."""

    def __init__(self, stack: Stack, minutes: float):
        self.stack = stack
        self.seconds = minutes * 60
        self.issuer = RotatingIssuer()
        self.policy = stack.directory / "soak.yaml"
        self.write_policy(0)
        self.tokens = Tokens(stack.directory / "tokens.json", self.issuer)
        self.wrong: Counter = Counter()
        self.counts: Counter = Counter()
        self.latencies: list[float] = []
        self.samples: list[tuple[float, int, int, int]] = []
        self.cancelled: list[int] = []
        self.hostile: Counter = Counter()
        self.reloads = self.rotations = 0
        self.peak = 0.0
        self.counted: Counted

    def write_policy(self, turn: int) -> None:
        flip = ("anyone", "authenticated")[turn % 2]
        text = POLICY.format(issuer=NAME, url=self.issuer.url, flip=flip)
        new = self.policy.with_suffix(".new")
        new.write_text(text)
        new.replace(self.policy)

    def run(self, portcullis: Process) -> None:
        context = multiprocessing.get_context("spawn")
        rate, stop, results = context.Value("d", 0.0), context.Event(), context.Queue()
        arguments = (self.stack.ports.envoy, self.tokens.path, rate, stop, results)
        generators = [context.Process(target=ask_for_ever, args=arguments, daemon=True) for _ in range(2)]
        for generator in generators:
            generator.start()
        self.peak = self.measure_peak()
        rate.value = self.peak / 2 / len(generators)
        self.disturb(portcullis)
        self.counted = Counted(self.stack)
        stop.set()
        for _ in generators:
            counts, wrong, latencies = results.get(timeout=60)
            self.counts.update(counts)
            self.wrong.update(wrong)
            self.latencies += latencies
        for generator in generators:
            generator.join()

    def measure_peak(self, seconds: float = 5.0) -> float:
        """Requests a second that get through while nobody waits."""
        # Two programs of Python take their time to start.
        wait_for("the generators ask", lambda: self.stack_requests() > 500, seconds=120)
        before = self.stack_requests()
        began = time.monotonic()
        time.sleep(seconds)
        return (self.stack_requests() - before) / (time.monotonic() - began)

    def stack_requests(self) -> int:
        return envoy_count(self.stack, "http.ingress.downstream_rq_total")

    def disturb(self, portcullis: Process) -> None:
        stop = threading.Event()
        # Changed in place: those who cancel read it for every request.
        newest = lambda: ("authorization", f"Bearer {self.tokens.good[-1][1]}")  # noqa: E731
        headers = [newest()]
        pause = 10 / (self.peak / 2 * 0.05)
        threads = [
            threading.Thread(target=cancelling, args=(self.stack.ports.envoy, headers, stop, self.cancelled, pause)),
            threading.Thread(target=self.harm, args=(stop,)),
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        due: list[tuple[float, object]] = []
        next_rotation = began + SETTLE
        next_reload = began + RELOAD
        while (now := time.monotonic()) < began + self.seconds:
            headers[0] = newest()
            if now >= next_reload:
                self.reloads += 1
                self.write_policy(self.reloads)
                next_reload += RELOAD
            if now >= next_rotation:
                self.rotate(now, due)
                next_rotation += ROTATE
            for when, act in [entry for entry in due if entry[0] <= now]:
                due.remove((when, act))
                act()
            self.sample(now - began, portcullis)
            time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()

    def rotate(self, now: float, due: list) -> None:
        """In the order of a careful issuer: tokens of the oldest key are used no more, it goes, a new one comes, and
        is used when it had time to be known."""
        self.rotations += 1
        old = self.tokens.put_away_oldest()

        def exchange() -> None:
            self.issuer.rotate()
            due.append((time.monotonic() + SETTLE, self.tokens.use_newest))
            due.append((time.monotonic() + RETIRE, lambda: self.tokens.retire(old)))

        due.append((now + SETTLE, exchange))

    def harm(self, stop: threading.Event) -> None:
        """About ten hostile connections a second."""
        envoy, ours = ("127.0.0.1", self.stack.ports.envoy), str(self.stack.socket)
        turn = 0
        while not stop.wait(0.1):
            target, data = HARM[turn % len(HARM)]
            turn += 1
            with socket.socket(socket.AF_INET if target == "envoy" else socket.AF_UNIX) as connection:
                connection.settimeout(5)
                try:
                    connection.connect(envoy if target == "envoy" else ours)
                    connection.sendall(data)
                    self.hostile[target] += 1
                    if target == "envoy" and connection.recv(4096).startswith(b"HTTP/1.1 200"):
                        self.wrong["wrong allow: hostile"] += 1
                except OSError:
                    pass

    def sample(self, at: float, portcullis: Process) -> None:
        status = Path(f"/proc/{portcullis.popen.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        descriptors = len(list(Path(f"/proc/{portcullis.popen.pid}/fd").iterdir()))
        self.samples.append((at, resident, descriptors, self.cached_kib()))

    def cached_kib(self) -> int:
        """What the memory of tokens holds: it fills up to `cache.max_bytes`, whatever is in it."""
        page = http_get(f"http://127.0.0.1:{self.stack.ports.metrics}/metrics")[1]
        line = next(line for line in page.splitlines() if line.startswith("portcullis_token_cache_bytes "))
        return int(float(line.split()[1])) // 1024

    def between(self, first: float, last: float, column: int) -> list[int]:
        return [sample[column] for sample in self.samples if first <= sample[0] / self.seconds <= last]

    def growth_kib(self) -> float:
        """Resident memory of the last fifth against that of the fifth after the warm-up."""
        return statistics.median(self.between(0.8, 1, 1)) - statistics.median(self.between(0.4, 0.6, 1))

    def slope_kib(self) -> float:
        """What resident memory gains in ten minutes beside remembered tokens, by the line through all samples after
        the warm-up."""
        samples = [(at, resident - cached) for at, resident, _, cached in self.samples if at >= 0.4 * self.seconds]
        return 600 * statistics.linear_regression(*zip(*samples, strict=True)).slope

    def descriptors(self) -> tuple[float, float]:
        return statistics.median(self.between(0.4, 0.6, 2)), statistics.median(self.between(0.8, 1, 2))

    def report(self) -> str:
        ordered = sorted(self.latencies)
        share = lambda part: ordered[int(part * (len(ordered) - 1))] * 1000  # noqa: E731
        late = sum(latency > 0.25 for latency in ordered) / len(ordered)
        before, after = self.descriptors()
        return "\n".join(
            [
                f"{self.seconds / 60:.0f} min at half of {self.peak:.0f} requests/s (two generators through Envoy)",
                f"{sum(self.counts.values())} answers, {self.reloads} reloads, {self.rotations} rotations, "
                f"{self.tokens.retirements} retirements, {sum(self.cancelled)} cancelled, "
                f"{self.hostile.total()} hostile connections",
                f"wrong or lost: {dict(self.wrong) or 'none'}",
                f"latency by the generators' clocks: p50 {share(0.5):.1f} ms, p99 {share(0.99):.1f} ms, "
                f"over 250 ms {late:.3%}",
                f"memory {statistics.median(self.between(0.4, 0.6, 1)) / 1024:.1f} MiB, "
                f"grown by {self.growth_kib() / 1024:.2f} MiB, beside {self.samples[-1][3] / 1024:.2f} MiB of "
                f"remembered tokens by {self.slope_kib() / 1024:.2f} MiB in ten minutes; "
                f"descriptors {before:.0f}, then {after:.0f}",
            ]
        )
