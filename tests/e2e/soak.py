"""A long run: half of what this machine can ask through Envoy, while policies and keys change, clients cancel and
others mean harm. Everything is asked by a table that says what is right; what is not is counted.

The generator is two processes of Python. "Peak" is what they, Envoy and Portcullis reach together on this machine
when nobody waits; the run asks half as often.
"""

import contextlib
import json
import multiprocessing
import socket
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import envoy_config
import jwt
from cancels import cancelling
from cryptography.hazmat.primitives.asymmetric import ec
from jwk import ec_members
from stack import Process, Stack, http_get, wait_for

ISSUER = "https://soak.example"
ROTATE = 15.0  # seconds
RELOAD = 2.0
SETTLE = 3.0  # after a key is published, until tokens of it are used; longer than the cooldown
RETIRE = 14.0  # after a key is gone, until its tokens must be refused; longer than the interval between fetches
AT_ONCE = 16  # requests of each generator
MOST_LATENCIES = 200_000

POLICY = """
version: 1
issuers:
  soak:
    issuer: https://soak.example
    audiences: [crm]
    keys: {{ jwks_url: "http://127.0.0.1:{port}/jwks" }}
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


@dataclass(frozen=True)
class Row:
    """One kind of request, and what may be answered. `user`: the upstream must see the caller of the token."""

    name: str
    path: str
    tokens: str
    statuses: tuple[int, ...]
    share: int


TABLE = (
    Row("good", "/things/1", "good", (200,), 50),
    Row("open", "/open", "", (200,), 10),
    Row("nobody", "/things/1", "", (401,), 10),
    Row("forged", "/things/1", "forged", (401,), 8),
    Row("expired", "/things/1", "expired", (401,), 5),
    # 503 where the issuer is asked for the unknown key and does not answer within the 100 ms that a request waits.
    Row("retired", "/things/1", "retired", (401, 503), 5),
    Row("unscoped", "/admin/1", "good", (403,), 5),
    Row("forbidden", "/private/1", "good", (403,), 5),
    Row("flip", "/flip", "", (200, 401), 2),
)


class Issuer(ThreadingHTTPServer):
    """Publishes two keys, and exchanges the older for a new one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Jwks)
        self.number = 0
        self.keys: list[tuple[str, ec.EllipticCurvePrivateKey]] = []
        self.rotate()
        self.rotate()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def rotate(self) -> list[tuple[str, ec.EllipticCurvePrivateKey]]:
        """The keys that are gone."""
        self.number += 1
        keys = [*self.keys, (f"k{self.number}", ec.generate_private_key(ec.SECP256R1()))]
        self.keys, gone = keys[-2:], keys[:-2]
        return gone

    def document(self) -> bytes:
        public = lambda key: {name: value for name, value in ec_members(key).items() if name != "d"}  # noqa: E731
        named = [{"kid": name, "alg": "ES256", "use": "sig", **public(key)} for name, key in self.keys]
        return json.dumps({"keys": named}).encode()


class _Jwks(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        body = self.server.document()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values) -> None:
        pass


def token(key: tuple[str, ec.EllipticCurvePrivateKey], subject: str, expires_in: float = 7200) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "crm", "sub": subject, "iat": now - 8000, "exp": now + int(expires_in)}
    return jwt.encode(claims, key[1], "ES256", {"kid": key[0]})


def tokens_of(key: tuple[str, ec.EllipticCurvePrivateKey]) -> list[list[str]]:
    return [[subject := f"user-{number}", token(key, subject)] for number in range(25)]


@dataclass
class Tokens:
    """What may be used now, in a file that the generators read again and again."""

    path: Path
    issuer: Issuer
    good: list[list[str]] = field(default_factory=list)
    retired: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for key in self.issuer.keys:
            self.good += tokens_of(key)
        self.write()

    def write(self) -> None:
        newest = self.issuer.keys[-1]
        forged = [
            [user, f"{text.rpartition('.')[0]}.{self.good[0][1].rpartition('.')[2]}"] for user, text in self.good[1:]
        ]
        expired = [["user-0", token(newest, "user-0", expires_in=-3600)]]
        table = {"good": self.good, "retired": self.retired or forged, "forged": forged, "expired": expired}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(table))
        new.replace(self.path)


def ask_for_ever(port: int, path: Path, rate, stop, results) -> None:
    """A process: asks what the table says, `rate` times a second, or as fast as can be where that is 0."""
    rows = [row for row in TABLE for _ in range(row.share)]
    wrong: Counter = Counter()
    counts: Counter = Counter()
    latencies: list[float] = []
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(AT_ONCE)]
    tokens, read_at, turn = {}, 0.0, 0
    began, asked, paced = time.monotonic(), 0, rate.value
    while not stop.is_set():
        now = time.monotonic()
        if now - read_at > 1:
            tokens, read_at = json.loads(path.read_text()), now
            if paced != rate.value:
                paced, began, asked = rate.value, now, 0
        if paced and began + asked / paced > now:
            time.sleep(began + asked / paced - now)
        started, sent = time.monotonic(), []
        for connection in connections:
            turn += 1
            row = rows[turn * 37 % len(rows)]
            user, text = tokens[row.tokens][turn % len(tokens[row.tokens])] if row.tokens else ("", "")
            sent.append((row, user))
            with contextlib.suppress(OSError):  # told when the answer is read
                connection.sendall(request(row, text))
        for place, (row, user) in enumerate(sent):
            try:
                status, seen = answer_of(connections[place])
            except OSError as error:
                status, seen = 0, str(error)
                connections[place].close()
                connections[place] = socket.create_connection(("127.0.0.1", port))
            if len(latencies) < MOST_LATENCIES:
                latencies.append(time.monotonic() - started)
            counts[row.name, status] += 1
            if status not in row.statuses and status in (0, 500, 503, 504):
                wrong[f"lost: {row.name} {status} {seen}"] += 1
            elif status not in row.statuses:
                wrong[f"wrong {'allow' if status == 200 else 'deny'}: {row.name} {status}"] += 1
            elif status == 200 and seen != (user if row.name == "good" else ""):
                wrong[f"wrong caller: {row.name} is seen as `{seen}`"] += 1
        asked += len(sent)
    results.put((dict(counts), dict(wrong), latencies))


def request(row: Row, text: str) -> bytes:
    lines = [f"GET {row.path} HTTP/1.1", "host: crm.example", "x-user-id: root", "x.user.id: root"]
    lines += [f"authorization: Bearer {text}"] if text else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer_of(connection: socket.socket) -> tuple[int, str]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length:
        body += connection.recv(65536)
    seen = fields.get(b"x-seen-user", b"").decode()
    return int(head.split(b" ", 2)[1]), "" if seen == "-" else seen


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


class Soak:
    """One run. `wrong` and `growth` say what came of it."""

    def __init__(self, stack: Stack, minutes: float):
        self.stack = stack
        self.seconds = minutes * 60
        self.issuer = Issuer()
        self.policy = stack.directory / "soak.yaml"
        self.write_policy(0)
        self.tokens = Tokens(stack.directory / "tokens.json", self.issuer)
        self.wrong: Counter = Counter()
        self.counts: Counter = Counter()
        self.latencies: list[float] = []
        self.samples: list[tuple[float, int, int]] = []
        self.cancelled: list[int] = []
        self.hostile = self.reloads = self.rotations = 0
        self.peak = 0.0

    def write_policy(self, turn: int) -> None:
        text = POLICY.format(port=self.issuer.server_address[1], flip=("anyone", "authenticated")[turn % 2])
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
        page = http_get(
            f"http://127.0.0.1:{self.stack.ports.envoy_admin}/stats?filter=^http.ingress.downstream_rq_total$"
        )[1]
        return int(page.split(": ")[1])

    def disturb(self, portcullis: Process) -> None:
        stop = threading.Event()
        user, text = self.tokens.good[-1]
        headers = [("authorization", f"Bearer {text}")]
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
        oldest, staying = self.issuer.keys
        old_tokens = self.tokens.good[: len(self.tokens.good) // 2] if self.rotations > 0 else []
        self.tokens.good = self.tokens.good[len(self.tokens.good) // 2 :]
        self.tokens.write()

        def exchange() -> None:
            self.issuer.rotate()
            due.append((time.monotonic() + SETTLE, use_new))
            due.append((time.monotonic() + RETIRE, retire))

        def use_new() -> None:
            self.tokens.good += tokens_of(self.issuer.keys[-1])
            self.tokens.write()

        def retire() -> None:
            self.tokens.retired = old_tokens
            self.tokens.write()

        due.append((now + SETTLE, exchange))

    def harm(self, stop: threading.Event) -> None:
        """About ten hostile connections a second, to Envoy and to Portcullis itself."""
        envoy, ours = ("127.0.0.1", self.stack.ports.envoy), str(self.stack.socket)
        dots = b"GET /things/1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + b"." * 50_000 + b"\r\n\r\n"
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        attacks = [
            (envoy, dots),
            (ours, preface[:11]),
            (ours, preface + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\xff" * 4096),
            (
                ours,
                preface
                + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
                + b"\x00\x00\x08\x06\x00\x00\x00\x00\x00pingpong" * 500,
            ),
            (envoy, b"GET /things/%zz/../1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \xff\xfe\r\n\r\n"),
        ]
        while not stop.wait(0.1):
            target, data = attacks[self.hostile % len(attacks)]
            family = socket.AF_INET if isinstance(target, tuple) else socket.AF_UNIX
            with socket.socket(family) as connection:
                connection.settimeout(5)
                try:
                    connection.connect(target)
                    connection.sendall(data)
                    if target == envoy and connection.recv(4096).startswith(b"HTTP/1.1 200"):
                        self.wrong["wrong allow: hostile"] += 1
                except OSError:
                    pass
            self.hostile += 1

    def sample(self, at: float, portcullis: Process) -> None:
        status = Path(f"/proc/{portcullis.popen.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
        descriptors = len(list(Path(f"/proc/{portcullis.popen.pid}/fd").iterdir()))
        self.samples.append((at, resident, descriptors))

    def between(self, first: float, last: float, column: int) -> list[int]:
        return [sample[column] for sample in self.samples if first <= sample[0] / self.seconds <= last]

    def growth_kib(self) -> float:
        """Resident memory of the last fifth against that of the fifth after the warm-up."""
        return statistics.median(self.between(0.8, 1, 1)) - statistics.median(self.between(0.4, 0.6, 1))

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
                f"{sum(self.cancelled)} cancelled, {self.hostile} hostile connections",
                f"wrong or lost: {dict(self.wrong) or 'none'}",
                f"latency by the generators' clocks: p50 {share(0.5):.1f} ms, p99 {share(0.99):.1f} ms, "
                f"over 250 ms {late:.3%}",
                f"memory {statistics.median(self.between(0.4, 0.6, 1)) / 1024:.1f} MiB, "
                f"grown by {self.growth_kib() / 1024:.2f} MiB; descriptors {before:.0f}, then {after:.0f}",
            ]
        )
