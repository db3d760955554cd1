"""nginx and Caddy as deploy/ sets them up: nobody gets in undecided, and nobody makes up who he is."""

import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import client
import pytest
import yaml
from conftest import World
from stack import PROJECT, Process, free_port, is_free, place, wait_for
from upstreams import Upstream

POLICY = """
responses: { format: message, decision_id_header: x-decision-id }
defaults:
  upstream:
    headers: { x-user-id: "{subject}", x-user-guard: "{guard}", x-user-scopes: "{scopes}", x-user-roles: "{roles}" }
routes:
  - { match: /open, allow: anyone }
  - { match: "GET,POST /customers/{id}", guard: auth, allow: authenticated }
  - { match: GET /reports, guard: auth, require: { scopes: [reports] } }
  - { match: GET /admin, allow: nobody, on_deny: { status: 404 } }
  - { match: GET /login, allow: nobody, on_deny: { status: 302, headers: { location: "https://auth.example.com/" } } }
  - { match: DELETE /open, allow: nobody }
"""
HOST = ("host", "crm.example.com")
IDENTITY = ["x-user-id", "x-user-guard", "x-user-scopes", "x-user-roles"]


@dataclass
class Door:
    """One proxy with Portcullis beside it."""

    name: str
    world: World
    upstream: Upstream
    port: int
    portcullis: Process

    def ask(self, method: str, path: str, *headers: tuple[str, str], body: bytes | None = None) -> client.Answer:
        names = {name.lower() for name, _ in headers}
        return client.http1(self.port, method, path, [*([] if "host" in names else [HOST]), *headers], body)

    def raw(self, request: bytes) -> bytes:
        """What comes back for exactly these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            told = b""
            while data := connection.recv(65536):
                told += data
            return told


def start_portcullis(world: World, name: str, port: int) -> Process:
    target = {"nginx": "x-original", "caddy": "x-forwarded"}[name]
    flags = ["--listen-http", f"127.0.0.1:{port}", "--http-target", target]
    process = world.start_portcullis([world.policy(POLICY)], *flags)
    wait_for("the HTTP listener", lambda: not is_free(port), process)
    return process


def start_proxy(world: World, name: str, port: int, upstream: int, portcullis: int) -> Process:
    changes = {
        "8080": str(port),
        "127.0.0.1:8081": f"127.0.0.1:{upstream}",
        "127.0.0.1:9194": f"127.0.0.1:{portcullis}",
    }
    binary = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert binary, f"there is no {name}; `make system` installs it"
    if name == "nginx":
        changes |= {
            "/run/portcullis/nginx.pid": str(world.directory / "nginx.pid"),
            "events {": "daemon off;\nevents {",
        }
        config = place(PROJECT / "deploy/nginx/nginx.conf", world.directory / "nginx.conf", changes)
        command = [binary, "-p", str(world.directory), "-c", str(config)]
    else:
        config = place(PROJECT / "deploy/caddy/Caddyfile", world.directory / "Caddyfile", changes)
        command = [binary, "run", "--config", str(config), "--adapter", "caddyfile"]
    process = world.start(name, command, {"HOME": str(world.directory)})
    wait_for(f"{name} listens", lambda: not is_free(port), process)
    return process


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def door(request) -> Iterator[Door]:
    port, upstream_port, portcullis_port = free_port(), free_port(), free_port()
    with World() as world, Upstream(upstream_port) as upstream:
        portcullis = start_portcullis(world, request.param, portcullis_port)
        start_proxy(world, request.param, port, upstream_port, portcullis_port)
        yield Door(request.param, world, upstream, port, portcullis)


@pytest.fixture
def token(mint: Callable[..., str]) -> tuple[str, str]:
    return ("authorization", f"Bearer {mint('read-crm write-crm')}")


def test_the_upstream_learns_who_is_asking(door: Door, token):
    answer = door.ask("GET", "/customers/7?page=2", token)
    assert answer.json()["path"] == "/customers/7?page=2"
    assert answer.upstream("x-user-id") == ["user-1"]
    assert answer.upstream("x-user-guard") == ["auth"]
    assert answer.upstream("x-user-scopes") == ["read-crm write-crm"]
    assert answer.upstream("x-user-roles") == [], "the token has none"
    assert answer.upstream("host") == ["crm.example.com"]


def test_method_and_body_are_those_of_the_request(door: Door, token):
    answer = door.ask("POST", "/customers/7", token, body=b"name=x")
    assert (answer.json()["method"], answer.json()["body"]) == ("POST", "name=x")
    assert door.ask("DELETE", "/open").status == 403
    assert door.ask("GET", "/open").status == 200


def test_nobody_makes_up_an_identity(door: Door):
    for name in IDENTITY:
        for spelling in (name, name.upper(), name.title()):
            answer = door.ask("GET", "/open", (spelling, "root"))
            assert [answer.upstream(header) for header in IDENTITY] == [[], [], [], []], spelling


def test_a_look_alike_does_not_reach_the_upstream(door: Door):
    for spelling in ("x_user_id", "X-User_Id", "x.user.id", "X_USER_GUARD"):
        answer = door.ask("GET", "/open", (spelling, "root"))
        if door.name == "nginx":
            assert b"root" not in answer.body, "nginx drops it"
            assert answer.status == 200
        else:
            assert answer.status == 400, "Caddy would pass it on, so Portcullis refuses"


def test_nobody_names_another_request_than_his_own(door: Door):
    others = [
        ("x-forwarded-uri", "/open"),
        ("x-forwarded-host", "other.example.com"),
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "https://crm.example.com/open"),
        ("x-original-method", "OPTIONS"),
        ("x_original_url", "https://crm.example.com/open"),
        ("x_forwarded_uri", "/open"),
    ]
    assert door.ask("GET", "/admin").status == 404
    for other in others:
        assert door.ask("GET", "/admin", other).status in (400, 404), other
        assert door.ask("GET", "/admin", other, other).status in (400, 404), f"twice {other}"
        for hop in ("connection", "proxy-connection"):
            assert door.ask("GET", "/admin", other, (hop, f"close, {other[0]}")).status in (400, 404), other
    every = door.ask("GET", "/admin", *others[:6])
    assert every.status in (400, 404)


def test_denials_have_their_status_and_challenge(door: Door, token):
    answer = door.ask("GET", "/customers/7")
    assert (answer.status, answer.header("www-authenticate")) == (401, 'Bearer realm="api"')
    answer = door.ask("GET", "/reports", token)
    assert answer.status == 403
    assert 'error="insufficient_scope", scope="reports"' in answer.header("www-authenticate")
    assert answer.header("x-decision-id")
    answer = door.ask("GET", "/admin")
    assert answer.status == 404
    assert answer.header("x-decision-id")
    answer = door.ask("GET", "/login")
    assert (answer.status, answer.header("location")) == (302, "https://auth.example.com/")
    assert door.ask("GET", "/nowhere").status == 403
    assert door.ask("HEAD", "/admin").status == 404


def test_bodies_of_denials_come_through_caddy_only(door: Door):
    body = door.ask("GET", "/customers/7").body
    assert (body == b'{"message":"Unauthenticated"}') == (door.name == "caddy")


@pytest.mark.parametrize(
    "path",
    [
        "//open",
        "/./open",
        "/x/../open",
        "/x/%2e%2e/open",
        "/open%2fx",
        "/open;x",
        "/open%00",
        "/%61dmin/../open",
        "/open//",
    ],
)
def test_a_path_with_two_readings_is_refused(door: Door, path: str):
    seen = len(door.upstream.seen)
    assert 400 <= door.ask("GET", path).status < 500
    assert len(door.upstream.seen) == seen


def test_a_path_with_an_escape_is_judged_as_what_it_means(door: Door):
    assert door.ask("GET", "/%61dmin").status == 404
    assert door.ask("GET", "/%6fpen").status == 200


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET http://other.example.com/admin HTTP/1.1\r\nhost: crm.example.com",
        b"GET http://crm.example.com/admin HTTP/1.1\r\nhost: crm.example.com",
        b"GET /admin HTTP/1.0",
        b"GET /admin#/open HTTP/1.1\r\nhost: crm.example.com",
        b"GET /admin?/../open HTTP/1.1\r\nhost: crm.example.com",
        b"GET /admin HTTP/1.1\r\nhost: crm.example.com\r\nhost: other.example.com",
        b"GET /admin HTTP/1.1\r\nhost: crm.example.com, other.example.com",
        b"get /admin HTTP/1.1\r\nhost: crm.example.com",
        b"OPTIONS * HTTP/1.1\r\nhost: crm.example.com",
        b"CONNECT crm.example.com:443 HTTP/1.1\r\nhost: crm.example.com",
        b"TRACE /admin HTTP/1.1\r\nhost: crm.example.com",
    ],
)
def test_a_strange_request_line_opens_nothing(door: Door, request_line: bytes):
    seen = len(door.upstream.seen)
    told = door.raw(request_line + b"\r\nconnection: close\r\n\r\n")
    assert len(door.upstream.seen) == seen, told


def test_a_websocket_is_judged_at_its_upgrade(door: Door):
    handshake = b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n"
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
        connection.sendall(b"GET /admin HTTP/1.1\r\nhost: crm.example.com\r\n" + handshake + b"\r\n")
        told = connection.recv(65536)
    assert b" 404 " in told.split(b"\r\n", 1)[0]


def test_without_portcullis_nobody_gets_in(door: Door, token):
    door.portcullis.send(signal.SIGSTOP)
    threads = Path(f"/proc/{door.portcullis.popen.pid}/task")
    is_stopped = lambda: all("State:\tT" in (thread / "status").read_text() for thread in threads.iterdir())  # noqa: E731
    wait_for("every thread has stopped", is_stopped)
    try:
        assert door.ask("GET", "/open").status == 503, "it hangs"
    finally:
        door.portcullis.send(signal.SIGCONT)
    wait_for("it answers again", lambda: door.ask("GET", "/open").status == 200)


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_portcullis_that_is_gone_or_not_ready_opens_nothing(name: str):
    port, portcullis_port = free_port(), free_port()
    with World() as world, Upstream(free_port()) as upstream:
        start_proxy(world, name, port, upstream.server_port, portcullis_port)
        ask = lambda: client.http1(port, "GET", "/open", [HOST]).status  # noqa: E731
        assert ask() == 503
        portcullis = start_portcullis(world, name, portcullis_port)
        wait_for("it is asked again", lambda: ask() == 200)
        portcullis.kill()
        assert ask() == 503


def test_traefik_is_told_what_the_others_are():
    config = yaml.safe_load((PROJECT / "deploy/traefik/dynamic.yaml").read_text())
    forward = config["http"]["middlewares"]["portcullis"]["forwardAuth"]
    assert forward["trustForwardHeader"] is False
    assert [name.lower() for name in forward["authResponseHeaders"]] == IDENTITY
    assert "authRequestHeaders" not in forward
    assert config["http"]["routers"]["crm"]["middlewares"][0] == "portcullis"
    resource = yaml.safe_load((PROJECT / "deploy/traefik/middleware.yaml").read_text())
    address = {"address": resource["spec"]["forwardAuth"]["address"]}
    assert resource["spec"]["forwardAuth"] == forward | address
