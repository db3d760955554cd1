"""The files of deploy/nginx and deploy/caddy, run by the real programs, and Envoy asking over HTTP."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import client
import envoy_config
import pytest
import tokens
from conftest import World
from stack import PROJECT, Process, StackError, free_port, is_free, place, wait_for

USER = "App\\Models\\User"
ADMIN = "App\\Models\\Admin"


def program(name: str) -> str:
    """Debian keeps servers where only root looks."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        raise StackError(f"there is no {name}; `make system` installs it")
    return found


@dataclass(frozen=True)
class Proxy:
    """A proxy that asks Portcullis, with what it makes of answers that are neither yes, 401 nor 403."""

    name: str
    world: World
    portcullis: Process
    undecided: int
    hides_bodies: bool = False

    def ask(self, method: str, path: str, headers: client.Headers = ()) -> client.Answer:
        return client.http1(self.world.ports.envoy, method, path, [("host", "crm.example.com"), *headers])


def nginx(world: World, http: int) -> Process:
    temporary = "".join(
        f"{kind}_temp_path {world.directory}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    changes = {
        "127.0.0.1:9194": f"127.0.0.1:{http}",
        "127.0.0.1:8081": f"127.0.0.1:{world.ports.crm}",
        "127.0.0.1:8080": f"127.0.0.1:{world.ports.envoy}",
        "/run/portcullis/nginx.pid": f"{world.directory}/nginx.pid",
        "access_log off;": f"access_log off; {temporary}",
    }
    config = place(PROJECT / "deploy/nginx/nginx.conf", world.directory / "nginx.conf", changes)
    return world.start("nginx", [program("nginx"), "-c", str(config), "-e", "stderr", "-g", "daemon off;"])


def caddy(world: World, http: int) -> Process:
    changes = {
        "127.0.0.1:9194": f"127.0.0.1:{http}",
        "127.0.0.1:8081": f"127.0.0.1:{world.ports.crm}",
        "crm.example.com:8080": f"crm.example.com:{world.ports.envoy}",
    }
    config = place(PROJECT / "deploy/caddy/Caddyfile", world.directory / "Caddyfile", changes)
    home = {"HOME": str(world.directory), "XDG_DATA_HOME": str(world.directory)}
    return world.start("caddy", [program("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"], home)


def envoy(world: World, http: int, *edits: envoy_config.Edit) -> Process:
    """deploy/envoy, asking over HTTP instead of gRPC."""

    def ask_over_http(config: envoy_config.Config) -> None:
        filter_ = envoy_config.authorization(config)
        for grpc_only in ("grpc_service", "transport_api_version", "encode_raw_headers", "include_tls_session"):
            del filter_[grpc_only]
        filter_["http_service"] = {
            "server_uri": {"uri": f"http://127.0.0.1:{http}", "cluster": "portcullis-http", "timeout": "0.25s"},
            "path_prefix": "/authz",
            # Everything the policy may look at; by default only a few headers are shown.
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": [{"prefix": "x-user-"}, {"exact": "cookie"}]},
                "allowed_client_headers": {"patterns": [{"safe_regex": {"regex": ".*"}}]},
            },
        }
        filter_["allowed_headers"] = {"patterns": [{"safe_regex": {"regex": ".*"}}]}

    config = world.variant(envoy_config.add_cluster("portcullis-http", http), ask_over_http, *edits)
    return world.start_envoy(config)


@pytest.fixture(scope="module", params=["nginx", "caddy", "envoy"])
def proxy(request) -> Iterator[Proxy]:
    with World() as world:
        world.start_auth_service()
        world.start_crm_service()
        start, target, undecided = {
            "nginx": (nginx, ["x-original"], 503),
            "caddy": (caddy, ["x-forwarded"], 503),
            "envoy": (envoy, ["request", "--http-path-prefix", "/authz"], 503),
        }[request.param]
        http = free_port()
        flags = ["--listen-http", f"127.0.0.1:{http}", "--http-target", *target]
        portcullis = world.start_portcullis(world.laravel_crm(), *flags)
        process = start(world, http)
        wait_for("the proxy listens", lambda: not is_free(world.ports.envoy), process)
        yield Proxy(request.param, world, portcullis, undecided, hides_bodies=request.param == "nginx")


@pytest.fixture(scope="module")
def callers(keys: tokens.Keys) -> dict[str, client.Headers]:
    minted = {
        "reader": tokens.passport(keys, "7", ["read-crm"]),
        "partner": tokens.openid(keys, "partner-3", "read-crm"),
        "mobile": tokens.jwt_auth(keys, 1, "user", USER),
        "boss": tokens.jwt_auth(keys, 1, "admin", ADMIN),
        "expired": tokens.passport(keys, "7", ["read-crm"], expires_in=-3600),
    }
    return {"nobody": []} | {name: client.bearer(token) for name, token in minted.items()}


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        ("nobody", "GET", "/healthz", 200),
        ("nobody", "GET", "/customers", 401),
        ("reader", "GET", "/customers", 200),
        ("reader", "GET", "/customers/5?x=/y&z=//", 200),
        ("reader", "HEAD", "/customers", 200),
        ("reader", "POST", "/customers", 403),
        ("partner", "GET", "/customers", 200),
        ("mobile", "GET", "/admin/reports", 401),
        ("boss", "GET", "/admin/reports", 200),
        ("expired", "GET", "/customers", 401),
        ("reader", "GET", "/invoices", 403),
        ("nobody", "POST", "/admin/login", 200),
    ],
)
def test_the_decision_is_the_same(proxy: Proxy, callers, who: str, method: str, path: str, status: int):
    answer = proxy.ask(method, path, callers[who])
    assert answer.status == status
    if status == 200 and method != "HEAD":
        assert answer.json()["path"] == path, "the upstream sees what was judged"


def test_the_upstream_learns_who_asks_and_nothing_that_was_pretended(proxy: Proxy, callers):
    pretended = [("x-user-id", "1"), ("x-user-roles", "admin"), ("x-original-url", "/admin"), ("x-rewrite-url", "/a")]
    answer = proxy.ask("GET", "/customers", [*pretended, *callers["reader"]])
    assert answer.upstream("x-user-id") == ["7"]
    assert answer.upstream("x-user-guard") == ["passport"]
    assert answer.upstream("x-user-scopes") == ["read-crm"]
    for name in ("x-user-roles", "x-original-url", "x-rewrite-url"):
        assert answer.upstream(name) == []


def test_an_open_route_has_no_caller(proxy: Proxy):
    answer = proxy.ask("GET", "/healthz", [("x-user-id", "1"), ("x-user-scopes", "*")])
    for name in ("x-user-id", "x-user-guard", "x-user-scopes", "x-user-roles"):
        assert answer.upstream(name) == []


@pytest.mark.parametrize("name", ["X_User_Id", "x.user.id", "x-user.id"])
def test_look_alikes_do_not_reach_the_upstream(proxy: Proxy, callers, name: str):
    answer = proxy.ask("GET", "/customers", [(name, "1"), *callers["reader"]])
    if answer.status == 200:
        named = [value for present, value in answer.json()["headers"] if present.translate(FOLD) == "x-user-id"]
        assert named == ["7"]
    else:
        assert answer.status == 400


FOLD = str.maketrans("_.", "--")


@pytest.mark.parametrize(
    "headers",
    [
        [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/healthz")],
        [("x-forwarded-uri", "/healthz"), ("x-forwarded-host", "crm.example.com"), ("x-forwarded-proto", "https")],
        [("x-original-method", "GET"), ("x-original-url", "http://crm.example.com/healthz")],
        [("x-original-url", "/healthz")],
    ],
)
def test_a_client_cannot_name_another_request(proxy: Proxy, headers: client.Headers):
    """What is asked for is /customers, whatever headers say of an open path."""
    assert proxy.ask("GET", "/customers", headers).status == 401
    assert proxy.ask("POST", "/admin/reports", headers).status == 401


@pytest.mark.parametrize("path", ["/customers;x", "/healthz/..%2fcustomers", "/healthz/%2e%2e;/customers", "/%zz"])
def test_an_ambiguous_path_does_not_pass(proxy: Proxy, callers, path: str):
    assert proxy.ask("GET", path, callers["reader"]).status == 400


@pytest.mark.parametrize("path", ["/healthz/../customers", "//customers", "/healthz/%2e%2e/customers"])
def test_dots_and_slashes_are_read_as_the_upstream_reads_them(proxy: Proxy, path: str):
    """Refused, or tidied up before anyone looks: /customers needs a token either way."""
    assert proxy.ask("GET", path).status in (400, 401)


def test_a_method_override_does_not_pass(proxy: Proxy, callers):
    answer = proxy.ask("GET", "/customers", [("x-http-method-override", "DELETE"), *callers["reader"]])
    assert answer.status in (400, 403)


def test_clients_read_the_answers_of_portcullis(proxy: Proxy, callers):
    denied = proxy.ask("GET", "/customers")
    assert denied.header("www-authenticate") == 'Bearer realm="api"'
    if not proxy.hides_bodies:
        assert denied.json() == {"message": "Unauthenticated"}
        fence = proxy.ask("GET", "/admin/reports", callers["mobile"])
        assert (fence.json(), fence.header("www-authenticate")) == ({"message": "User role error"}, "jwt-auth")


@pytest.mark.parametrize(
    ("path", "cookies", "left"),
    [
        ("/kept", "sess={token}; theme=dark", ["sess={token}; theme=dark"]),
        ("/kept", "theme=dark; admin=of.an.admin; sess={token}", ["theme=dark; sess={token}"]),
        ("/taken", "sess={token}; theme=dark", ["theme=dark"]),
        ("/taken", "a=1; sess={token}; theme=dark; admin=of.an.admin", ["a=1; theme=dark"]),
        ("/taken", "sess={token}", []),
    ],
)
def test_envoy_takes_tokens_out_of_the_cookies(
    cookies_of_envoy: World, mint: Callable[..., str], path: str, cookies: str, left: list[str]
):
    token = mint()
    headers = [("host", "crm.example.com"), ("cookie", cookies.format(token=token))]
    answer = client.http1(cookies_of_envoy.ports.envoy, "GET", path, headers)
    assert answer.upstream("cookie") == [cookie.format(token=token) for cookie in left]


@pytest.fixture(scope="module")
def cookies_of_envoy() -> Iterator[World]:
    """Envoy asking over HTTP, and tokens in cookies."""
    with World() as world:
        policy = world.policy("")
        keys = f"audiences: [{tokens.OPENID_AUDIENCE}], keys: {{ jwks_file: jwks.json }}"
        policy.write_text(f"""
version: 1
issuers:
  auth: {{ issuer: {tokens.OPENID_ISSUER}, token: {{ cookie: sess }}, {keys} }}
  admin: {{ issuer: https://admin.example.com, token: {{ cookie: admin }}, {keys} }}
defaults: {{ guard: auth }}
routes:
  - {{ match: /kept, allow: authenticated }}
  - {{ match: /taken, allow: authenticated, upstream: {{ remove_token: true }} }}
""")
        world.start_crm_service()
        http = free_port()
        flags = ["--listen-http", f"127.0.0.1:{http}", "--http-target", "request", "--http-path-prefix", "/authz"]
        world.start_portcullis([policy], *flags)
        envoy(world, http, tokens_in_cookies)
        yield world


def tokens_in_cookies(config: envoy_config.Config) -> None:
    """Portcullis sees the cookies, and may change them."""
    filter_ = envoy_config.authorization(config)
    del filter_["disallowed_headers"]
    filter_["decoder_header_mutation_rules"]["allow_expression"]["regex"] = "^(x[-_.].*|authorization|cookie)$"


def test_without_portcullis_nothing_passes(proxy: Proxy, callers):
    """The last one of the module: Portcullis is gone then."""
    proxy.portcullis.kill()
    for who, path in (("reader", "/customers"), ("nobody", "/customers"), ("nobody", "/healthz")):
        assert proxy.ask("GET", path, callers[who]).status == proxy.undecided


def test_the_files_name_every_header_of_the_example_policy():
    policy = (PROJECT / "policies/laravel-crm/routes.yaml").read_text()
    names = [name for name in ("x-user-id", "x-user-guard", "x-user-scopes", "x-user-roles") if name in policy]
    assert len(names) == 4
    for file in ("nginx/nginx.conf", "caddy/Caddyfile", "traefik/dynamic.yaml"):
        text = Path(PROJECT / "deploy" / file).read_text().lower()
        assert [name for name in names if name not in text] == [], file
