"""What the upstream learns, and what nobody can make it believe, through the real Envoy."""

from collections.abc import Callable, Iterator

import client
import envoy_config
import pytest
from conftest import World

POLICY = """
defaults:
  upstream:
    headers:
      x-user-id: "{subject}"
      x-user-scopes: "{scopes}"
      x-user-roles: "{roles}"
      x-user-tenant: "{claims.org.id}"
routes:
  - { match: /open, allow: anyone }
  - { match: /plain, guard: auth, allow: authenticated }
  - match: "/things/{thing}"
    guard: auth
    allow: authenticated
    upstream:
      headers: { x-user-thing: "{params.thing}", x-user-roles: null, x-user-guard: "{guard}/{issuer}/{route}" }
    name: things
  - match: /without-token
    guard: auth
    allow: authenticated
    upstream: { remove_token: true, remove: [x-user-debug] }
"""

SPELLINGS = ["x-user-id", "X-User-Id", "x.user.id", "X.USER.ID", "x-user.id"]


@pytest.fixture(scope="module", params=[True, False], ids=["raw headers", "header map"])
def port(request) -> Iterator[int]:
    """Both ways in which Envoy can show us headers."""
    with World() as world:
        world.start_crm_service()
        world.start_portcullis([world.policy(POLICY)])
        world.start_envoy(world.variant(envoy_config.raw_headers(request.param)))
        yield world.ports.envoy


@pytest.fixture
def claims(mint: Callable[..., str]) -> Callable[..., client.Headers]:
    """The credential of a token with any claims."""
    return lambda **more: client.bearer(mint("read-crm write-crm", more=more))


def test_headers_are_made_from_the_caller_and_the_path(port: int, claims):
    answer = client.http1(port, "GET", "/things/a-1", claims(org={"id": "acme"}, roles=["clerk"]))
    assert answer.upstream("x-user-id") == ["user-1"]
    assert answer.upstream("x-user-scopes") == ["read-crm write-crm"]
    assert answer.upstream("x-user-tenant") == ["acme"]
    assert answer.upstream("x-user-thing") == ["a-1"]
    assert answer.upstream("x-user-guard") == ["auth/auth/things"]
    assert answer.upstream("x-user-roles") == [], "the route drops the default"


def test_lists_are_joined_with_a_space(port: int, claims):
    assert client.http1(port, "GET", "/plain", claims(roles=["a", "b"])).upstream("x-user-roles") == ["a b"]


@pytest.mark.parametrize("path", ["/open", "/plain"])
@pytest.mark.parametrize("ask", [client.http1, client.http2])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_nobody_can_pretend(ask, port: int, claims, path: str, spelling: str):
    headers = [(spelling, "admin"), (spelling, "root"), ("x-user-roles", "admin"), *claims()]
    answer = ask(port, "GET", path, headers)
    named = [value for name, value in answer.json()["headers"] if name.replace(".", "-") == "x-user-id"]
    assert named == ([] if path == "/open" else ["user-1"])
    assert answer.upstream("x-user-roles") == []


def test_a_spelling_with_underscores_does_not_get_past_envoy(port: int, claims):
    assert client.http1(port, "GET", "/plain", [("x_user_id", "admin"), *claims()]).status == 400


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nx-user-admin: 1",
        "a\nb",
        "ü",
        "a\u0000b",
        "a\tb",
        " a",
        "a  b",
        "",
        {"an": "object"},
        None,
        ["a,b"],
        ["a b"],
    ],
)
def test_a_value_that_could_do_harm_is_not_sent(port: int, claims, value):
    """The request goes on; the header is missing, whatever the client sent under its name."""
    answer = client.http1(port, "GET", "/plain", [("x-user-tenant", "mine"), *claims(org={"id": value})])
    assert answer.upstream("x-user-tenant") == []
    assert answer.upstream("x-user-admin") == []
    assert answer.upstream("x-user-id") == ["user-1"]


def test_a_capture_cannot_add_a_line_or_a_parameter(port: int, claims):
    answer = client.http1(port, "GET", "/things/a%3Fb=1&c%20d", claims())
    assert answer.json()["path"] == "/things/a%3Fb=1&c%20d"
    assert answer.upstream("x-user-thing") == ["a?b=1&c d"]
    assert client.http1(port, "GET", "/things/a%0d%0ax-user-admin:1", claims()).status == 400


def test_the_credential_can_be_kept_from_the_upstream(port: int, claims):
    headers = [("x-user-debug", "1"), *claims()]
    assert client.http1(port, "GET", "/without-token", headers).upstream("authorization") == []
    assert client.http1(port, "GET", "/plain", headers).upstream("authorization") != []


def test_the_query_and_the_body_reach_the_upstream_as_they_were(port: int, claims):
    answer = client.http1(port, "POST", "/plain?a=1&a=2&b=%20x", claims(), b"a body")
    assert (answer.json()["path"], answer.json()["body"]) == ("/plain?a=1&a=2&b=%20x", "a body")


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_a_method_override_is_refused(port: int, claims, name: str):
    assert client.http1(port, "POST", "/plain", [(name, "DELETE"), *claims()], b"").status == 400


@pytest.mark.parametrize("name", ["x-original-url", "x-rewrite-url"])
def test_another_url_does_not_reach_the_upstream(port: int, claims, name: str):
    assert client.http1(port, "GET", "/plain", [(name, "/admin"), *claims()]).upstream(name) == []


@pytest.mark.parametrize("ask", [client.http1, client.http2])
def test_two_credentials_are_no_credential(ask, port: int, claims):
    """Envoy joins them with a comma; the upstream might take the other one than we did."""
    answer = ask(port, "GET", "/plain", [*claims(), *client.bearer("another")])
    assert answer.status == 400
