"""What clients are told, through the real Envoy: bodies, challenges and headers; browsers, scripts and gRPC clients."""

import re
from collections.abc import Callable, Iterator

import client
import pytest
from conftest import World

POLICY = """
responses:
  format: problem
  realm: crm
  resource_metadata: https://crm.example.com/.well-known/oauth-protected-resource
  decision_id_header: x-decision-id
routes:
  - { match: /problem, guard: auth, require: { scopes: [read-crm, write-crm] } }
  - { match: /message, guard: auth, require: { scopes: [read-crm] }, on_deny: { format: message } }
  - { match: /text, guard: auth, require: { scopes: [read-crm] }, on_deny: { format: text } }
  - { match: /empty, guard: auth, require: { scopes: [read-crm] }, on_deny: { format: empty } }
  - match: /custom
    guard: auth
    require: { scopes: [read-crm] }
    on_deny:
      unauthenticated:
        headers: { x-login: "https://auth.example.com" }
        body: '{"why":"{reason}","in":"{realm}"}'
      forbidden:
        headers: { content-type: text/html }
        body: "<p>{missing} is missing for {route}</p>"
  - { match: /hidden, guard: auth, require: { scopes: [read-crm] }, on_deny: { status: 404 } }
  - match: /login
    guard: auth
    allow: authenticated
    on_deny: { unauthenticated: { status: 302, headers: { location: "https://auth.example.com/login" } } }
  - { match: /roles, guard: auth, require: { roles: [clerk] } }
  - { match: { grpc: { service: crm.Customers } }, guard: auth, require: { scopes: [read-crm] } }
forbid:
  - name: closed
    match: /closed/**
    on_deny: { status: 451, format: text }
"""

REALM = 'Bearer realm="crm"'
METADATA = ', resource_metadata="https://crm.example.com/.well-known/oauth-protected-resource"'


@pytest.fixture(scope="module")
def port(module_world: World) -> int:
    world = module_world
    world.start_crm_service()
    world.start_portcullis([world.policy(POLICY)])
    world.start_envoy(world.envoy_config())
    return world.ports.envoy


both = pytest.mark.parametrize("ask", [client.http1, client.http2])


@both
@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/problem", 401, "application/problem+json", b'{"type":"about:blank","title":"Unauthorized","status":401}'),
        ("/message", 401, "application/json", b'{"message":"Unauthenticated"}'),
        ("/text", 401, "text/plain; charset=utf-8", b"Unauthorized"),
        ("/empty", 401, None, b""),
        ("/custom", 401, "application/json", b'{"why":"missing_token","in":"crm"}'),
        ("/nowhere", 403, "application/problem+json", b'{"type":"about:blank","title":"Forbidden","status":403}'),
        ("/a;b", 400, "application/problem+json", b'{"type":"about:blank","title":"Bad Request","status":400}'),
        ("/closed/x", 451, "text/plain; charset=utf-8", b"Unavailable For Legal Reasons"),
        ("/hidden", 404, "application/problem+json", b'{"type":"about:blank","title":"Not Found","status":404}'),
    ],
)
def test_each_body_has_its_form_and_its_type(ask, port: int, path: str, status: int, kind: str | None, body: bytes):
    answer = ask(port, "GET", path)
    assert (answer.status, answer.header("content-type"), answer.body) == (status, kind, body)
    assert answer.header("cache-control") == "no-store"
    assert re.fullmatch("[0-9a-f-]{36}", answer.header("x-decision-id"))


@both
@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/message", b'{"message":"Forbidden"}', "application/json"),
        ("/text", b"Forbidden", "text/plain; charset=utf-8"),
        ("/empty", b"", None),
        ("/custom", b"<p>read-crm is missing for /custom</p>", "text/html"),
    ],
)
def test_without_the_permission_it_is_403(ask, port: int, mint, path: str, body: bytes, kind: str | None):
    answer = ask(port, "GET", path, client.bearer(mint("other")))
    assert (answer.status, answer.body, answer.header("content-type")) == (403, body, kind)


@pytest.mark.parametrize(
    ("path", "scope", "challenge"),
    [
        # No error code without credentials: the client has done nothing wrong yet.
        ("/problem", None, REALM + METADATA),
        # Exactly what is missing.
        ("/problem", "read-crm", f'{REALM}, error="insufficient_scope", scope="write-crm"{METADATA}'),
        ("/problem", "", f'{REALM}, error="insufficient_scope", scope="read-crm write-crm"{METADATA}'),
        ("/roles", "", f'{REALM}, error="insufficient_scope"{METADATA}'),
        # A hidden area gives itself away by nothing.
        ("/hidden", None, None),
        ("/hidden", "", None),
    ],
)
def test_the_challenge_says_what_would_help(port: int, mint, path: str, scope: str | None, challenge: str | None):
    headers = [] if scope is None else client.bearer(mint(scope))
    assert client.http1(port, "GET", path, headers).header("www-authenticate") == challenge


def test_a_bad_token_is_an_invalid_token_and_an_expired_one_says_so(port: int, mint):
    token = mint("read-crm")
    forged = token[: token.rindex(".")] + "." + "A" * 342
    expired = mint("read-crm", expires_in=-3600)
    ask = lambda token: client.http1(port, "GET", "/message", client.bearer(token)).header("www-authenticate")  # noqa: E731
    assert ask(forged) == f'{REALM}, error="invalid_token"{METADATA}'
    assert ask(expired) == (f'{REALM}, error="invalid_token", error_description="the token has expired"{METADATA}')


def test_a_browser_is_sent_to_log_in(port: int):
    answer = client.http1(port, "GET", "/login")
    assert (answer.status, answer.header("location")) == (302, "https://auth.example.com/login")
    assert answer.header("www-authenticate") is None


def test_a_custom_header_goes_with_its_block_only(port: int, mint):
    assert client.http1(port, "GET", "/custom").header("x-login") == "https://auth.example.com"
    assert client.http1(port, "GET", "/custom", client.bearer(mint())).header("x-login") is None


@both
def test_head_gets_the_headers_and_no_body(ask, port: int):
    answer = ask(port, "HEAD", "/message")
    assert (answer.status, answer.body) == (401, b"")
    assert answer.header("content-type") == "application/json"


@pytest.mark.parametrize(
    ("method", "scope", "code", "details"),
    [
        ("/crm.Customers/Get", None, "UNAUTHENTICATED", "Unauthorized"),
        ("/crm.Customers/Get", "other", "PERMISSION_DENIED", "Forbidden"),
        ("/crm.Nobody/Named", "read-crm", "PERMISSION_DENIED", "Forbidden"),
        # What would be 451 for a browser must not reach a gRPC client as UNKNOWN.
        ("/closed/x", None, "PERMISSION_DENIED", "Unavailable For Legal Reasons"),
    ],
)
def test_a_grpc_client_sees_a_grpc_status(port: int, mint, method: str, scope: str | None, code: str, details: str):
    metadata = [] if scope is None else client.bearer(mint(scope))
    found, _, said = client.grpc_call(port, method, metadata=metadata)
    assert (found.name, said) == (code, details)


@pytest.fixture(scope="module", params=["none", "reason"])
def disclosing(request) -> Iterator[tuple[str, int]]:
    with World() as world:
        world.start_crm_service()
        world.start_portcullis([world.policy(POLICY.replace("realm: crm", f"realm: crm\n  disclose: {request.param}"))])
        world.start_envoy(world.envoy_config())
        yield request.param, world.ports.envoy


def test_what_is_disclosed_is_configurable(disclosing: tuple[str, int], mint: Callable[..., str]):
    disclosed, port = disclosing
    answer = client.http1(port, "GET", "/problem", client.bearer(mint("read-crm")))
    if disclosed == "none":
        assert answer.header("www-authenticate") == REALM + METADATA
        assert b"missing_scope" not in answer.body
    else:
        assert answer.json()["reason"] == "missing_scope"
        assert answer.json()["rule"] == "/problem"
        assert 'error_description="a scope is missing"' in answer.header("www-authenticate")
