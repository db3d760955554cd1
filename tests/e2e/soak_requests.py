"""What is asked in a long run, and what may be answered: written beforehand, so that what is not right is counted."""

import contextlib
import json
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

AT_ONCE = 16  # requests of each generator
MOST_LATENCIES = 200_000  # kept of all, by chance


@dataclass(frozen=True)
class Row:
    """One kind of request. `reason`: the word under which Portcullis must have counted some of them."""

    name: str
    path: str
    tokens: str
    statuses: tuple[int, ...]
    share: int
    reason: str


TABLE = (
    Row("good", "/things/1", "good", (200,), 50, "allowed"),
    Row("open", "/open", "", (200,), 10, "allowed"),
    Row("nobody", "/things/1", "", (401,), 10, "missing_token"),
    Row("forged", "/things/1", "forged", (401,), 8, "bad_signature"),
    Row("expired", "/things/1", "expired", (401,), 5, "expired"),
    # 503 where the issuer is asked for the unknown key and does not answer within the 100 ms that a request waits.
    Row("retired", "/things/1", "retired", (401, 503), 5, "unknown_key"),
    Row("unscoped", "/admin/1", "good", (403,), 5, "missing_scope"),
    Row("forbidden", "/private/1", "good", (403,), 5, "forbidden"),
    Row("flip", "/flip", "", (200, 401), 2, "allowed"),
)


class Generator:
    """Asks in turn, and judges the answers."""

    def __init__(self, port: int):
        self.port = port
        self.rows = [row for row in TABLE for _ in range(row.share)]
        self.turn = 0
        self.counts: Counter = Counter()
        self.wrong: Counter = Counter()
        self.latencies: list[float] = []
        self.timed = 0
        self.let_in: set[str] = set()
        self.connections = [self.connect() for _ in range(AT_ONCE)]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port))

    def next(self, tokens: dict[str, list[list[str]]]) -> tuple[Row, str, str]:
        """What to ask, as whom, with which token. Until tokens are retired there are none to ask with."""
        while True:
            self.turn += 1
            row = self.rows[self.turn * 37 % len(self.rows)]
            if not row.tokens:
                return row, "", ""
            if usable := tokens[row.tokens]:
                return row, *usable[self.turn % len(usable)]

    def ask(self, tokens: dict[str, list[list[str]]]) -> int:
        """One request on every connection, at once."""
        started, sent = time.monotonic(), []
        for connection in self.connections:
            row, user, token = self.next(tokens)
            sent.append((row, user, token))
            with contextlib.suppress(OSError):  # told when the answer is read
                connection.sendall(request(row, token))
        for place, (row, user, token) in enumerate(sent):
            try:
                status, seen = answer_of(self.connections[place])
            except OSError as error:
                status, seen = 0, str(error)
                self.connections[place].close()
                self.connections[place] = self.connect()
            self.keep(time.monotonic() - started)
            self.judge(row, user, token, status, seen)
        return len(sent)

    def keep(self, latency: float) -> None:
        """All have the same chance to be among those that are kept, the last as the first."""
        self.timed += 1
        if len(self.latencies) < MOST_LATENCIES:
            self.latencies.append(latency)
        elif (place := random.randrange(self.timed)) < MOST_LATENCIES:
            self.latencies[place] = latency

    def judge(self, row: Row, user: str, token: str, status: int, seen: str) -> None:
        self.counts[row.name, status] += 1
        if status not in row.statuses and status in (0, 500, 503, 504):
            self.wrong[f"lost: {row.name} {status} {seen}"] += 1
        elif status not in row.statuses:
            self.wrong[f"wrong {'allow' if status == 200 else 'deny'}: {row.name} {status}"] += 1
        elif status == 200 and seen != (user if row.name == "good" else ""):
            self.wrong[f"wrong caller: {row.name} is seen as `{seen}`"] += 1
        if row.name == "good" and status == 200:
            self.let_in.add(token)
        if row.name == "retired" and status == 401 and token in self.let_in:
            self.counts["retired, and good before", status] += 1


def ask_for_ever(port: int, path: Path, rate, stop, results) -> None:
    """A process: asks what the table says, `rate` times a second, or as fast as can be where that is 0."""
    generator = Generator(port)
    tokens, read_at = {}, 0.0
    began, asked, paced = time.monotonic(), 0, rate.value
    while not stop.is_set():
        now = time.monotonic()
        if now - read_at > 1:
            tokens, read_at = json.loads(path.read_text()), now
            if paced != rate.value:
                paced, began, asked = rate.value, now, 0
                generator.latencies, generator.timed = [], 0
        if paced and began + asked / paced > now:
            time.sleep(began + asked / paced - now)
        asked += generator.ask(tokens)
    results.put((dict(generator.counts), dict(generator.wrong), generator.latencies))


def request(row: Row, token: str) -> bytes:
    lines = [f"GET {row.path} HTTP/1.1", "host: crm.example", "x-user-id: root", "x.user.id: root"]
    lines += [f"authorization: Bearer {token}"] if token else []
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
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed in the middle of an answer")
        body += piece
    seen = fields.get(b"x-seen-user", b"").decode()
    return int(head.split(b" ", 2)[1]), "" if seen == "-" else seen
