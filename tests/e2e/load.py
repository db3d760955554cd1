"""Requests in the background, and the judge of what came of them."""

import http.client
import threading
from collections import Counter
from dataclasses import dataclass, field

import client
from upstreams import Upstream

POLICY = """
defaults: { upstream: { headers: { x-user-id: "{subject}" } } }
routes:
  - { match: GET /open, allow: anyone }
  - { match: GET /things/**, guard: auth, allow: authenticated }
"""


@dataclass(frozen=True)
class Kind:
    """Requests of one kind; only statuses in `may` are right, and only `user` may reach the upstream as caller."""

    name: str
    headers: client.Headers
    may: frozenset[int]
    user: str | None = None


def kinds(good: str, forged: str) -> list[Kind]:
    pretending = [("x-user-id", "root"), ("x.user.id", "root")]
    return [
        Kind("good", [*client.bearer(good), *pretending], frozenset({200, 503}), "user-7"),
        Kind("nobody", pretending, frozenset({401, 503})),
        Kind("forged", [*client.bearer(forged), *pretending], frozenset({401, 503})),
    ]


@dataclass
class Load:
    """Asks `/things/KIND` of Envoy from several connections until it is left."""

    port: int
    kinds: list[Kind]
    connections: int = 4
    answers: Counter = field(default_factory=Counter)
    # Who else asks beside this load: the caller that a path may have (`*`: any), and paths whose answers nobody counts.
    users: dict[str, str | None] = field(default_factory=dict)
    uncounted: set[str] = field(default_factory=set)

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(self.connections)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count(self, kind: str, status: int) -> int:
        with self._lock:
            return self.answers[kind, status]

    def total(self) -> int:
        with self._lock:
            return self.answers.total()

    def _ask(self, turn: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self._stop.is_set():
            kind = self.kinds[turn % len(self.kinds)]
            turn += 1
            try:
                status = self._once(connection, kind)
            except (OSError, http.client.HTTPException):
                # A lost request: in no kind's `may`. The next one connects anew.
                connection.close()
                status = 0
            with self._lock:
                self.answers[kind.name, status] += 1
        connection.close()

    @staticmethod
    def _once(connection: http.client.HTTPConnection, kind: Kind) -> int:
        connection.putrequest("GET", f"/things/{kind.name}")
        for name, value in kind.headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def saw(self, row: int, more: str) -> None:
        """Tells what a fault did to this load: `make faults` lists it, docs/reliability.md has it."""
        with self._lock:
            undecided = sum(count for (_, status), count in self.answers.items() if status in (0, 500, 503, 504))
        print(f"\nfault {row:>2}: {self.total()} answers, 0 wrong, {undecided} undecided or lost; {more}")

    def wrong(self, upstream: Upstream) -> list[str]:
        """What must never happen, by the clients' and by the upstream's account."""
        wrong = [
            f"{kind.name}: {status} ({count} times)"
            for kind in self.kinds
            for (name, status), count in self.answers.items()
            if name == kind.name and status not in kind.may
        ]
        users = {f"/things/{kind.name}": kind.user for kind in self.kinds} | self.users
        for seen in upstream.seen:
            named = [value for name, value in seen["headers"] if name.replace(".", "-") == "x-user-id"]
            if users[seen["path"]] == "*":
                continue
            if users[seen["path"]] is None or named != [users[seen["path"]]]:
                wrong.append(f"{seen['path']} reached the upstream as {named}")
        passed = sum(count for (_, status), count in self.answers.items() if status == 200)
        reached = sum(seen["path"] not in self.uncounted for seen in upstream.seen)
        if passed != reached:
            wrong.append(f"{passed} were answered with 200, {reached} reached the upstream")
        return sorted(set(wrong))
