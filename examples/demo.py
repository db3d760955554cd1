"""`make demo`: AuthService, CRMService, Portcullis and a real Envoy; some requests; then it is yours to try.

With --once it ends after the table, with 1 if a line is not as expected.
"""

import argparse
import http.client
import json
import signal
import sys
import time
from dataclasses import dataclass, field

from stack import PROJECT, Ports, Stack, StackError, free_port, is_free, wait_for

USER = "App\\Models\\User"
ADMIN = "App\\Models\\Admin"


@dataclass(frozen=True)
class Caller:
    """Who asks, and what AuthService is told to mint for them; no wish, no token."""

    name: str
    wish: dict | None = None


NOBODY = Caller("nobody")
READER = Caller("Rita, read-crm", {"shape": "passport", "subject": "7", "scopes": ["read-crm"]})
WRITER = Caller("Will, read and write", {"shape": "passport", "subject": "8", "scopes": ["read-crm", "write-crm"]})
PARTNER_RSA = Caller("partner, RS256", {"shape": "openid", "subject": "partner-3", "scope": "read-crm"})
PARTNER_EC = Caller("partner, ES256", {**PARTNER_RSA.wish, "algorithm": "ES256"})
MOBILE = Caller("mobile user 1", {"shape": "jwt-auth", "subject": 1, "role": "user", "model": USER})
BOSS = Caller("administrator 1", {"shape": "jwt-auth", "subject": 1, "role": "admin", "model": ADMIN})
EXPIRED = Caller("Rita, an hour late", {**READER.wish, "expires_in": -3600})
STRANGER = Caller("signed by a stranger", {**READER.wish, "stranger": True})


@dataclass(frozen=True)
class Step:
    """One request, and what is expected of it; a header `None` must not reach the upstream."""

    caller: Caller
    method: str
    path: str
    status: int
    reason: str
    upstream: dict[str, str | None] = field(default_factory=dict)
    body: dict | None = None
    headers: dict[str, str] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)


UNAUTHENTICATED = {"message": "Unauthenticated"}
FORBIDDEN = {"message": "Forbidden"}
ROLE_ERROR = {"message": "User role error"}
FENCE = {"www-authenticate": "jwt-auth"}
RITA = {"x-user-id": "7", "x-user-guard": "passport", "x-user-scopes": "read-crm", "x-user-roles": None}
PARTNER = {"x-user-id": "partner-3", "x-user-guard": "openid", "x-user-scopes": "read-crm"}
PRETENDED = {"x-user-id": "1", "X-User-Roles": "admin", "x.user.id": "1"}
ANONYMOUS = {"x-user-id": None, "x-user-roles": None, "x-user-scopes": None, "x-user-guard": None, "x.user.id": None}

STORY = [
    Step(NOBODY, "GET", "/healthz", 200, "allowed", ANONYMOUS),
    Step(NOBODY, "GET", "/customers", 401, "missing_token", body=UNAUTHENTICATED),
    Step(READER, "GET", "/customers", 200, "allowed", RITA),
    Step(READER, "GET", "/customers?pretending", 200, "allowed", {**RITA, "x.user.id": None}, headers=PRETENDED),
    Step(NOBODY, "GET", "/healthz?pretending", 200, "allowed", ANONYMOUS, headers=PRETENDED),
    Step(READER, "POST", "/customers", 403, "missing_scope", body=FORBIDDEN),
    Step(WRITER, "POST", "/customers", 200, "allowed", {"x-user-id": "8", "x-user-scopes": "read-crm write-crm"}),
    Step(PARTNER_RSA, "GET", "/customers/5", 200, "allowed", PARTNER),
    Step(PARTNER_EC, "GET", "/customers/5", 200, "allowed", PARTNER),
    # Two families of users share the id 1.
    Step(BOSS, "GET", "/admin/reports", 200, "allowed", {"x-user-id": "1", "x-user-guard": "admin"}),
    Step(MOBILE, "GET", "/admin/reports", 401, "guard_mismatch", body=ROLE_ERROR, answer=FENCE),
    Step(MOBILE, "GET", "/app/orders", 200, "allowed", {"x-user-id": "1", "x-user-guard": "user"}),
    Step(BOSS, "GET", "/app/orders", 401, "guard_mismatch", body=ROLE_ERROR, answer=FENCE),
    # The same, told by the model's class (`prv`) instead of the role.
    Step(BOSS, "GET", "/backoffice/jobs", 200, "allowed", {"x-user-id": "1", "x-user-guard": "admin-model"}),
    Step(MOBILE, "GET", "/backoffice/jobs", 401, "guard_mismatch", body=ROLE_ERROR, answer=FENCE),
    # The fence lets those without a token pass; the route behind it decides.
    Step(NOBODY, "POST", "/admin/login", 200, "allowed", ANONYMOUS),
    Step(NOBODY, "GET", "/admin/reports", 401, "missing_token", body=UNAUTHENTICATED),
    # CRMService asks AuthService who its caller is, with the caller's token.
    Step(READER, "GET", "/me", 200, "allowed", RITA),
    Step(EXPIRED, "GET", "/customers", 401, "expired", body=UNAUTHENTICATED),
    Step(STRANGER, "GET", "/customers", 401, "bad_signature", body=UNAUTHENTICATED),
    Step(READER, "GET", "/invoices", 403, "no_route", body=FORBIDDEN),
]


class Demo:
    def __init__(self, stack: Stack):
        self.stack = stack
        self.tokens: dict[str, str] = {}

    def start(self) -> None:
        self.stack.start_auth_service()
        self.stack.start_crm_service()
        self.portcullis = self.stack.start_portcullis(self.stack.laravel_crm(), "--log-decisions", "all")
        self.stack.start_envoy(self.stack.envoy_config())

    def token(self, caller: Caller) -> str:
        if caller.name not in self.tokens:
            wish = json.dumps(caller.wish).encode()
            answer = request(self.stack.ports.auth, "POST", "/tokens", {}, wish)
            self.tokens[caller.name] = json.loads(answer.body)["token"]
        return self.tokens[caller.name]

    def run(self, step: Step) -> tuple["Answer", str, list[str]]:
        """The answer, the reason in Portcullis' log, and what is not as expected."""
        headers = dict(step.headers)
        if step.caller.wish:
            headers["authorization"] = f"Bearer {self.token(step.caller)}"
        since = self.portcullis.log.stat().st_size
        answer = request(self.stack.ports.envoy, step.method, step.path, headers)
        reason = wait_for("the decision's log line", lambda: self.logged_reason(step, since), self.portcullis)
        return answer, reason, differences(step, answer, reason)

    def logged_reason(self, step: Step, since: int) -> str | None:
        path = step.path.partition("?")[0]
        for line in self.portcullis.lines(since):
            if line.get("decision_id") and (line.get("method"), line.get("path")) == (step.method, path):
                return line["reason"]
        return None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict | None:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def upstream_headers(self) -> dict[str, str] | None:
        """What CRMService says reached it; nothing where the request did not get there."""
        seen = self.json() or {}
        return dict(seen["headers"]) if "headers" in seen else None


def request(port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body or None, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def differences(step: Step, answer: Answer, reason: str) -> list[str]:
    wrong = []
    if answer.status != step.status:
        wrong.append(f"status {answer.status}, expected {step.status}")
    if reason != step.reason:
        wrong.append(f"reason {reason}, expected {step.reason}")
    if step.body is not None and answer.json() != step.body:
        wrong.append(f"body {answer.body[:80]!r}, expected {step.body}")
    for name, value in step.answer.items():
        if answer.headers.get(name) != value:
            wrong.append(f"{name}: {answer.headers.get(name)}, expected {value}")
    reached = answer.upstream_headers()
    if (reached is not None) != (step.status == 200):
        wrong.append("reached the upstream" if reached is not None else "did not reach the upstream")
    for name, value in step.upstream.items():
        if (reached or {}).get(name) != value:
            wrong.append(f"upstream learnt {name}: {(reached or {}).get(name)}, expected {value}")
    if step.path == "/me" and (answer.json() or {}).get("auth_service", {}).get("body", {}).get("id") != "7":
        wrong.append(f"AuthService answered {(answer.json() or {}).get('auth_service')}")
    return wrong


def learnt(answer: Answer) -> str:
    reached = answer.upstream_headers()
    if reached is None:
        return "–"
    said = [f"{name.removeprefix('x-user-')}={value}" for name, value in reached.items() if name.startswith("x-user-")]
    user = (answer.json() or {}).get("auth_service", {}).get("body")
    return " ".join(said) + (f" (AuthService: user {user['id']})" if user else "") or "nothing of a caller"


def print_table(demo: Demo) -> bool:
    columns = "{:<21} {:<29} {:<7} {:<15} {}"
    print("\n" + columns.format("who", "asks for", "status", "reason", "what the upstream learnt"))
    print(columns.format("─" * 20, "─" * 28, "─" * 6, "─" * 14, "─" * 40))
    wrong = 0
    for step in STORY:
        answer, reason, problems = demo.run(step)
        asked = f"{step.method} {step.path}"
        print(columns.format(step.caller.name, asked, answer.status, reason, learnt(answer)))
        for problem in problems:
            print(f"    NOT AS EXPECTED: {problem}")
        wrong += bool(problems)
    print(f"\n{len(STORY) - wrong} of {len(STORY)} lines as expected")
    return wrong == 0


def print_invitation(demo: Demo) -> None:
    ports = demo.stack.ports
    base = f"http://127.0.0.1:{ports.envoy}"
    print("\nTry your own (the tokens are good for an hour):\n")
    for method, path, caller in [
        ("GET", "/customers", READER),
        ("POST", "/customers", READER),
        ("GET", "/admin/reports", MOBILE),
    ]:
        print(f"# {caller.name}")
        print(f"curl -i -X {method} {base}{path} -H 'authorization: Bearer {demo.token(caller)}'\n")
    print(f"metrics      http://127.0.0.1:{ports.metrics}/metrics")
    print(f"admin        http://127.0.0.1:{ports.admin}/readyz?verbose")
    print(f"Envoy        http://127.0.0.1:{ports.envoy_admin}/")
    print(f"logs         {demo.stack.directory}")
    print(f"the policy   {(PROJECT / 'policies/laravel-crm/routes.yaml')} (edit it: changes are taken up at once)")
    print("\nCtrl-C ends everything.", flush=True)


def preferred_ports(wanted: int) -> Ports:
    """The ports of deploy/envoy where they are free, others where they are not."""

    def free(port: int) -> int:
        return port if is_free(port) else free_port()

    return Ports(free(wanted), free(9901), free(8081), free(8082), free(9191), free(9192), free(9193))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--once", action="store_true", help="end after the table")
    arguments.add_argument("--port", type=int, default=8080, help="Envoy's port; another one if it is taken")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Stack(Ports() if given.once else preferred_ports(given.port)) as stack:
            print("starting AuthService, CRMService, Portcullis and Envoy", flush=True)
            demo = Demo(stack)
            demo.start()
            as_expected = print_table(demo)
            if given.once:
                return 0 if as_expected else 1
            print_invitation(demo)
            while all(process.is_running() for process in stack.processes):
                time.sleep(0.5)
            ended = next(process for process in stack.processes if not process.is_running())
            raise StackError(f"{ended.name} ended:\n{ended.output()[-4000:]}")
    except KeyboardInterrupt:
        print("\nstopped")
        return 0
    except StackError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
