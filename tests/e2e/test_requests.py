"""The table of requests: policies/laravel-crm behind the real Envoy, over every transport that we offer.

The expectations are written here by hand; tests/e2e never asks Portcullis what it would say.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import client
import pytest
import tokens
from conftest import World
from stack import PROJECT, Process

USER = "App\\Models\\User"
ADMIN = "App\\Models\\Admin"

# who, method, path, status, reason; a path with a host in front is asked of that host.
TABLE = """
    nobody    GET     /healthz                        200  allowed
    garbage   GET     /healthz                        200  allowed
    nobody    GET     /customers                      401  missing_token
    reader    GET     /customers                      200  allowed
    reader    GET     /customers/                     200  allowed
    reader    GET     /customers?page=2               200  allowed
    reader    GET     /customers/5                    200  allowed
    reader    HEAD    /customers                      200  allowed
    reader    POST    /customers                      403  missing_scope
    reader    DELETE  /customers/5                    403  missing_scope
    writer    POST    /customers                      200  allowed
    writer    DELETE  /customers/5                    200  allowed
    writer    DELETE  /customers                      403  no_route
    all       POST    /customers                      200  allowed
    partner   GET     /customers                      200  allowed
    partner-e GET     /customers                      200  allowed
    partner   POST    /customers                      403  missing_scope
    mobile    GET     /customers                      401  guard_mismatch
    boss      GET     /admin/reports                  200  allowed
    boss      GET     /admin                          200  allowed
    mobile    GET     /admin/reports                  401  guard_mismatch
    mobile    GET     /admin                          401  guard_mismatch
    mobile    POST    /admin/login                    401  guard_mismatch
    reader    GET     /admin/reports                  401  guard_mismatch
    nobody    GET     /admin/reports                  401  missing_token
    nobody    POST    /admin/login                    200  allowed
    nobody    GET     /admin/login                    401  missing_token
    mobile    GET     /app/orders                     200  allowed
    boss      GET     /app/orders                     401  guard_mismatch
    mobile    GET     /app/users/1                    200  allowed
    mobile    GET     /app/users/2                    403  claim_mismatch
    boss      GET     /backoffice/jobs                200  allowed
    mobile    GET     /backoffice/jobs                401  guard_mismatch
    nobody    GET     /me                             401  missing_token
    boss      GET     /me                             200  allowed
    expired   GET     /customers                      401  expired
    stranger  GET     /customers                      401  bad_signature
    stranger  GET     /admin/reports                  401  bad_signature
    garbage   GET     /customers                      401  malformed_token
    none-alg  GET     /customers                      401  disallowed_algorithm
    unsigned  GET     /customers                      401  malformed_token
    reader    GET     /invoices                       403  no_route
    nobody    GET     /                               403  no_route
    reader    GET     /Customers                      403  no_route
    reader    GET     /customers;jsessionid=1         400  bad_path
    reader    GET     /customers/%2e%2e%3badmin       400  bad_path
    reader    GET     /customers/%zz                  400  bad_path
    nobody    GET     /healthz/../customers           401  missing_token
    nobody    GET     //healthz                       200  allowed
    nobody    GET     /api/user                       403  no_route
    nobody    GET     auth.example.com/api/user       401  missing_token
    reader    GET     auth.example.com/api/user       200  allowed
    reader    GET     auth.example.com./api/user      200  allowed
    reader    GET     AUTH.example.com:80/api/user    200  allowed
    reader    POST    auth.example.com/tokens         403  no_route
"""


@dataclass(frozen=True)
class Row:
    who: str
    method: str
    target: str
    status: int
    reason: str

    @property
    def host(self) -> str:
        return self.target[: self.target.index("/")] or "crm.example.com"

    @property
    def path(self) -> str:
        return self.target[self.target.index("/") :]


ROWS = [
    Row(who, method, target, int(status), reason)
    for who, method, target, status, reason in (line.split() for line in TABLE.strip().splitlines())
]


@pytest.fixture(scope="module")
def callers(keys: tokens.Keys) -> dict[str, str]:
    stranger = tokens.Keys.load_or_create(PROJECT / ".cache" / "example-keys" / "stranger")
    signed = tokens.passport(keys, "7", ["read-crm", "write-crm"])
    _, claims, signature = signed.split(".")
    header = tokens.base64url(b'{"typ":"JWT","alg":"none"}')
    return {
        "reader": tokens.passport(keys, "7", ["read-crm"]),
        "writer": tokens.passport(keys, "8", ["read-crm", "write-crm"]),
        "all": tokens.passport(keys, "9", ["*"]),
        "expired": tokens.passport(keys, "7", ["read-crm"], expires_in=-3600),
        "partner": tokens.openid(keys, "partner-3", "read-crm"),
        "partner-e": tokens.openid(keys, "partner-3", "read-crm", algorithm="ES256"),
        "mobile": tokens.jwt_auth(keys, 1, "user", USER),
        "boss": tokens.jwt_auth(keys, 1, "admin", ADMIN),
        "stranger": tokens.passport(stranger, "7", ["read-crm"]),
        "garbage": "eyJ.this is no token",
        "none-alg": f"{header}.{claims}.{signature}",
        "unsigned": f"{header}.{claims}.",
    }


@pytest.fixture(scope="module", params=["envoy.yaml", "envoy-tcp.yaml"])
def gateway(request) -> Iterator[tuple[World, Process]]:
    """The stack of the demo, over the unix socket and over TCP."""
    with World() as world:
        world.start_auth_service()
        world.start_crm_service()
        world.start_portcullis(world.laravel_crm(), tcp=request.param == "envoy-tcp.yaml")
        yield world, world.start_envoy(world.envoy_config(request.param))


@pytest.mark.parametrize("ask", [client.http1, client.http2])
def test_every_row_of_the_table(ask, gateway, callers: dict[str, str]):
    world, envoy = gateway
    wrong = []
    for row in ROWS:
        headers = [("host", row.host)]
        if row.who != "nobody":
            headers += client.bearer(callers[row.who])
        since = envoy.log.stat().st_size
        answer = ask(world.ports.envoy, row.method, row.path, headers)
        # CRMService asks AuthService through the same Envoy while it answers /me.
        cluster = "auth" if row.host.lower().startswith("auth.") else "crm"
        logged = world.logged(envoy, since, upstream=cluster)
        found = (answer.status, logged["status"], logged["reason"])
        if found != (row.status, row.status, row.reason):
            wrong.append(f"{row.who} {row.method} {row.target}: {found}, expected {row.status} {row.reason}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("ask", [client.http1, client.http2])
@pytest.mark.parametrize("path", ["/customers%2Fadmin", "/customers/%2fadmin", "/customers%5Cadmin", "/..%5cadmin"])
def test_escaped_slashes_go_no_further_than_envoy(ask, path: str, gateway, callers: dict[str, str]):
    """deploy/envoy refuses them; without that we do (tests/it/tables.rs)."""
    world, _ = gateway
    assert ask(world.ports.envoy, "GET", path, client.bearer(callers["reader"])).status == 400
