"""Faults that come together, under load through a real Envoy: nobody gets in who should not.

docs/reliability.md, "All of it together", has what was seen. What takes longer is `test_soak.py`.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import client
import envoy_config
from cancels import cancelling
from conftest import World
from issuer import Issuer, new_key, signed
from load import Kind, Load
from stack import Process, wait_for
from test_faults import more
from upstreams import Upstream

NAME = "https://unsteady.example"
# Version N of the policy opens `/vN`, and nothing that another one opens.
POLICY = """
version: 1
issuers:
  auth:
    issuer: {name}
    audiences: [crm]
    keys: {{ jwks_url: "{url}" }}
    algorithms: [ES256]
    refresh: {{ interval: 10s, cooldown: 1s }}
defaults: {{ upstream: {{ headers: {{ x-user-id: "{{subject}}" }} }} }}
routes:
  - {{ match: GET /things/**, guard: auth, allow: authenticated }}
  - {{ match: GET /v{version}, allow: anyone }}
"""
PRETENDING = [("x-user-id", "root")]


class Unsteady(Issuer):
    """Hangs up on everybody while it is down."""

    def __init__(self) -> None:
        self.is_down = False
        self.asked: Counter = Counter()
        self.first, self.steady, self.coming = new_key("first"), new_key("steady"), new_key("coming")
        super().__init__([self.first, self.steady])

    def verify_request(self, *_: object) -> bool:
        self.asked["down" if self.is_down else "up"] += 1
        return not self.is_down

    def token(self, key, subject: str) -> str:
        return signed(key, {"iss": NAME, "aud": "crm", "sub": subject, "exp": int(time.time()) + 7200})

    def kinds(self) -> list[Kind]:
        good, other = self.token(self.steady, "user-7"), self.token(self.steady, "user-8")
        forged = good.rpartition(".")[0] + "." + other.rpartition(".")[2]
        return [
            Kind("good", [*client.bearer(good), *PRETENDING], frozenset({200}), "user-7"),
            Kind("nobody", PRETENDING, frozenset({401})),
            Kind("forged", [*client.bearer(forged), *PRETENDING], frozenset({401})),
        ]


class Stand:
    """Everything runs, with a policy that changes."""

    def __init__(self, world: World, *more_statuses: int):
        self.world = world
        self.issuer = Unsteady()
        self.version = 0
        self.file = world.directory / "policy.yaml"
        self.write(0)
        self.portcullis = self.start()
        world.start_envoy(world.variant(envoy_config.patient))
        kinds = [Kind(kind.name, kind.headers, kind.may | {*more_statuses}, kind.user) for kind in self.issuer.kinds()]
        self.load = Load(world.ports.envoy, kinds)

    def start(self) -> Process:
        return self.world.start_portcullis([self.file], "--limits-deadline", "20s")

    def write(self, version: int) -> None:
        self.version = version
        new = self.file.with_suffix(".new")
        new.write_text(POLICY.format(name=NAME, url=self.issuer.url, version=version))
        new.replace(self.file)

    def ask(self, path: str, headers: client.Headers = ()) -> int:
        """Beside the load, which is told of it."""
        self.load.users[path] = "*"
        self.load.uncounted.add(path)
        return client.http1(self.world.ports.envoy, "GET", path, headers).status

    def newest_is_live(self) -> None:
        version = self.version
        wait_for(f"version {version} is live", lambda: self.ask(f"/v{version}") == 200, seconds=60)
        assert self.ask(f"/v{version - 1}") == 403, "what an old version opened"

    @contextmanager
    def flood_of_unknown_keys(self) -> Iterator[Counter]:
        """Each token with a key id of its own; what was answered."""
        stop, answers, stranger = threading.Event(), Counter(), new_key("stranger")[1]
        # None of them may reach the upstream.
        self.load.users["/things/flood"] = None

        def flood() -> None:
            for number in count():
                if stop.is_set():
                    return
                headers = client.bearer(self.issuer.token((f"unknown-{number}", stranger), "root"))
                answers[client.http1(self.world.ports.envoy, "GET", "/things/flood", headers).status] += 1

        thread = threading.Thread(target=flood)
        thread.start()
        try:
            yield answers
        finally:
            stop.set()
            thread.join()


def told(load: Load, what: str) -> None:
    undecided = sum(number for (_, status), number in load.answers.items() if status in (0, 500, 503, 504))
    print(f"\ntogether: {what}: {load.total()} answers, 0 wrong allows, 0 wrong, {undecided} undecided or lost")


def test_reloads_and_rotations_and_unknown_keys_while_the_issuer_is_down(world: World, upstream: Upstream):
    """Who was known goes on being known, whoever is not is not, and what happened meanwhile counts afterwards."""
    stand = Stand(world)
    issuer, load = stand.issuer, stand.load
    retired = client.bearer(issuer.token(issuer.first, "user-1"))
    new = client.bearer(issuer.token(issuer.coming, "user-9"))
    assert stand.ask("/things/before", retired) == 200
    with load, stand.flood_of_unknown_keys() as flood:
        more(load, 50)
        issuer.is_down = True
        issuer.keys = [issuer.steady, issuer.coming]
        for version in range(1, 6):
            stand.write(version)
            stand.newest_is_live()
            assert stand.ask("/things/early", new) in (401, 503), "nobody can know this key"
            more(load, 50)
        wait_for("it was asked while it was down", lambda: issuer.asked["down"] > 0, seconds=60)
        while_down = flood.copy()
        issuer.is_down = False
        wait_for("the new key is known", lambda: stand.ask("/things/new", new) == 200, seconds=60)
        # The fetch that brought the one took the other away: its id is unknown now, and the flood may be waited for.
        undecided_or_denied = frozenset({401, 503})
        assert stand.ask("/things/retired", retired) in undecided_or_denied
        load.kinds += [
            Kind("new-key", new, frozenset({200}), "user-9"),
            Kind("old-key", retired, undecided_or_denied),
        ]
        for version in range(6, 11):
            stand.write(version)
            stand.newest_is_live()
            more(load, 50)
    assert not load.wrong(upstream)
    for kind, status in [("good", 200), ("nobody", 401), ("forged", 401), ("new-key", 200)]:
        assert load.count(kind, status) > 0, kind
    assert load.count("old-key", 401) + load.count("old-key", 503) > 0
    assert while_down.total() > 0
    assert set(flood) <= {401, 503}, flood
    told(
        load,
        f"10 reloads, a rotation, {flood.total()} unknown key ids ({flood[401]} of them 401, {flood[503]} 503), "
        f"{issuer.asked['down']} fetches while the issuer hung up and {issuer.asked['up']} others",
    )


def test_restarts_and_reloads_and_clients_that_cancel(world: World, upstream: Upstream):
    """In between nobody decides, and Envoy says so; nobody is let in, and nobody hears nothing."""
    stand = Stand(world, 503)
    load = stand.load
    stop, cancelled = threading.Event(), []
    forged = next(kind.headers for kind in load.kinds if kind.name == "forged")
    load.users["/things/cancelled"] = None

    def reloads() -> None:
        while not stop.wait(0.2):
            stand.write(stand.version + 1)

    arguments = (world.ports.envoy, forged[:1], stop, cancelled, 0.02)
    threads = [threading.Thread(target=reloads), threading.Thread(target=cancelling, args=arguments)]
    with load:
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = load.count("good", 200), sum(cancelled)
            wait_for(
                "good ones are let in", lambda before=before: load.count("good", 200) >= before[0] + 30, seconds=60
            )
            wait_for("some are cancelled", lambda before=before: sum(cancelled) >= before[1] + 100, seconds=60)
            assert stand.portcullis.stop() == 0, "SIGTERM ends it cleanly"
            stand.portcullis = stand.start()
        before = load.count("good", 200)
        wait_for("good ones are let in again", lambda: load.count("good", 200) >= before + 30, seconds=60)
        stop.set()
        for thread in threads:
            thread.join()
        stand.newest_is_live()
    assert not load.wrong(upstream)
    for kind, status in [("good", 200), ("nobody", 401), ("forged", 401)]:
        assert load.count(kind, status) > 0, kind
    told(load, f"3 restarts, {stand.version} reloads, {sum(cancelled)} cancelled")
