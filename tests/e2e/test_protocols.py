"""Everything that is more than one plain request and one plain answer, through the real Envoy."""

import base64
import json
import os
import socket

import client
import envoy_config
import pytest
from conftest import World
from stack import free_port, http_get, wait_for
from upstreams import GrpcUpstream, Upstream

POLICY = """
defaults: { upstream: { headers: { x-user-id: "{subject}" } } }
routes:
  - { match: GET /open, allow: anyone }
  - { match: "GET,POST /things/**", guard: auth, allow: authenticated, name: things }
  - { match: GET /live, guard: auth, allow: authenticated }
  - { match: GET /old, guard: auth, allow: authenticated }
  - { match: GET /new, guard: auth, require: { scopes: [new] } }
  - { match: { grpc: { service: crm.Customers, method: Get } }, guard: auth, allow: authenticated }
"""


def serve(world: World, policy: str = POLICY, *edits: envoy_config.Edit):
    """Portcullis and Envoy; the test brings the upstream."""
    world.start_portcullis([world.policy(policy)], "--log-decisions", "all")
    return world.start_envoy(world.variant(*edits))


class TestAccessLog:
    def test_it_names_decision_reason_route_guard_and_subject(self, world: World, mint):
        world.start_crm_service()
        envoy = serve(world)
        client.http1(world.ports.envoy, "GET", "/things/1?token=secret", client.bearer(mint(subject="user-7")))
        line = world.logged(envoy, 0, path="/things/1")
        wanted = {"outcome": "allow", "reason": "allowed", "route": "things", "guard": "auth", "subject": "user-7"}
        assert wanted.items() <= line.items()
        assert int(line["authorization_us"]) > 0
        assert "secret" not in envoy.output()

    def test_a_denial_is_there_too_and_has_the_id_of_portcullis_own_log(self, world: World):
        world.start_crm_service()
        portcullis = world.start_portcullis([world.policy(POLICY)], "--log-decisions", "all")
        envoy = world.start_envoy(world.envoy_config())
        client.http1(world.ports.envoy, "GET", "/things/1")
        line = world.logged(envoy, 0, path="/things/1")
        wanted = {"outcome": "deny", "reason": "missing_token", "route": "things", "flags": "UAEX", "status": 401}
        assert wanted.items() <= line.items()
        assert line["details"] == "ext_authz_denied"

        def own_line() -> dict | None:
            return next((own for own in portcullis.lines() if own.get("decision_id") == line["decision_id"]), None)

        assert wait_for("its own line", own_line, portcullis)["reason"] == "missing_token"

    def test_a_path_that_was_refused_is_logged_with_the_reason(self, world: World):
        world.start_crm_service()
        envoy = serve(world)
        client.http1(world.ports.envoy, "GET", "/a;b")
        assert world.logged(envoy, 0, status=400)["reason"] == "bad_path"


class TestGrpc:
    @pytest.mark.parametrize("raw", [True, False])
    def test_calls_reach_a_grpc_upstream_with_the_caller(self, world: World, mint, raw: bool):
        edits = [envoy_config.raw_headers(raw), envoy_config.add_cluster("grpc", port := free_port(), http2=True)]
        edits.append(envoy_config.add_route({"match": {"prefix": "/", "grpc": {}}, "route": {"cluster": "grpc"}}))
        with GrpcUpstream(port) as upstream:
            serve(world, POLICY, *edits)
            metadata = [*client.bearer(mint(subject="user-7")), ("x-user-id", "root")]
            code, answer, _ = client.grpc_call(world.ports.envoy, "/crm.Customers/Get", metadata=metadata)
            assert code.name == "OK"
            assert json.loads(answer)["x-user-id"] == "user-7"

            refused = [
                client.grpc_call(world.ports.envoy, "/crm.Customers/Get")[0].name,
                client.grpc_call(world.ports.envoy, "/crm.Customers/Delete", metadata=metadata)[0].name,
                client.grpc_call(world.ports.envoy, "/crm.Admin/Get", metadata=metadata)[0].name,
            ]
            assert refused == ["UNAUTHENTICATED", "PERMISSION_DENIED", "PERMISSION_DENIED"]
            assert [call[":path"] for call in upstream.calls] == ["/crm.Customers/Get"]


class TestWebSocket:
    """Judged once, at the upgrade; what flows afterwards is nobody's request."""

    def handshake(self, port: int, credential: client.Headers) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        headers = {
            "host": "crm.example.com",
            "connection": "upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
            **dict(credential),
        }
        lines = ["GET /live HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection

    def test_the_upgrade_is_judged_once(self, world: World, mint):
        with Upstream(world.ports.crm) as upstream:
            envoy = serve(world, POLICY, envoy_config.web_sockets)
            pretending = [*client.bearer(mint(subject="user-7")), ("x-user-id", "1")]
            with self.handshake(world.ports.envoy, pretending) as open_:
                assert open_.recv(4096).startswith(b"HTTP/1.1 101")
                assert ["x-user-id", "user-7"] in upstream.seen[0]["headers"]
                assert ["x-user-id", "1"] not in upstream.seen[0]["headers"]
                for message in (b"one", b"two"):
                    open_.sendall(message)
                    assert open_.recv(4096) == message
            assert world.logged(envoy, 0, path="/live")["reason"] == "allowed"
            assert decisions(world) == 1, "frames are not judged"

    def test_an_upgrade_without_a_token_does_not_happen(self, world: World):
        with Upstream(world.ports.crm) as upstream:
            serve(world, POLICY, envoy_config.web_sockets)
            with self.handshake(world.ports.envoy, []) as refused:
                assert refused.recv(4096).startswith(b"HTTP/1.1 401")
            assert upstream.seen == []

    def test_without_being_switched_on_it_is_refused_by_envoy(self, world: World, mint):
        with Upstream(world.ports.crm) as upstream:
            serve(world)
            with self.handshake(world.ports.envoy, client.bearer(mint())) as refused:
                assert refused.recv(4096).startswith(b"HTTP/1.1 403")
            assert upstream.seen == []


class TestPreflight:
    ASK = [("origin", "https://app.example.com"), ("access-control-request-method", "POST")]

    def test_by_default_it_is_a_request_like_any_other(self, world: World):
        world.start_crm_service()
        serve(world)
        assert client.http1(world.ports.envoy, "OPTIONS", "/things/1", self.ASK).status == 403

    def test_a_policy_can_let_true_preflights_through(self, world: World):
        world.start_crm_service()
        serve(world, POLICY + "preflight: allow\n")
        ask = lambda path, headers: client.http1(world.ports.envoy, "OPTIONS", path, headers)  # noqa: E731
        allowed = ask("/things/1", [*self.ASK, ("x-user-id", "root")])
        assert allowed.status == 200
        assert allowed.upstream("x-user-id") == []
        assert ask("/things/1", []).status == 403, "OPTIONS alone is no preflight"
        assert ask("/nowhere", self.ASK).status == 403
        method = [("origin", "https://app.example.com"), ("access-control-request-method", "DELETE")]
        assert ask("/things/1", method).status == 403, "no route takes the method"

    def test_envoys_cors_filter_answers_before_we_are_asked(self, world: World):
        world.start_crm_service()
        serve(world, POLICY, envoy_config.cors)
        answer = client.http1(world.ports.envoy, "OPTIONS", "/things/1", self.ASK)
        assert (answer.status, answer.header("access-control-allow-origin")) == (200, "https://app.example.com")
        assert decisions(world) == 0
        denied = client.http1(world.ports.envoy, "GET", "/things/1", self.ASK[:1])
        assert denied.status == 401
        assert denied.header("access-control-allow-origin") == "https://app.example.com", "scripts can read why"


class TestInternalRedirect:
    """Envoy follows the upstream's redirect itself; the new target is judged anew."""

    FOLLOW = {
        "match": {"path": "/old"},
        "route": {
            "cluster": "crm",
            "internal_redirect_policy": {"max_internal_redirects": 1, "redirect_response_codes": [302]},
        },
    }

    @pytest.mark.parametrize(("scope", "status", "reached"), [("new", 200, ["/old", "/new"]), ("", 403, ["/old"])])
    def test_the_new_target_is_judged(self, world: World, mint, scope: str, status: int, reached: list[str]):
        with Upstream(world.ports.crm) as upstream:
            serve(world, POLICY, envoy_config.add_route(self.FOLLOW))
            answer = client.http1(world.ports.envoy, "GET", "/old", client.bearer(mint(scope)))
            assert answer.status == status
            assert [seen["path"] for seen in upstream.seen] == reached
            assert decisions(world) == 2


class TestMirroring:
    def test_a_mirror_gets_what_was_allowed_and_nothing_else(self, world: World, mint):
        edits = [envoy_config.add_cluster("mirror", port := free_port())]
        mirrored = {"cluster": "crm", "request_mirror_policies": [{"cluster": "mirror"}]}
        edits.append(envoy_config.add_route({"match": {"prefix": "/things"}, "route": mirrored}))
        with Upstream(world.ports.crm), Upstream(port) as mirror:
            serve(world, POLICY, *edits)
            ask = lambda headers: client.http1(world.ports.envoy, "GET", "/things/1", headers).status  # noqa: E731
            assert ask([]) == 401
            assert ask([*client.bearer(mint(subject="user-7")), ("x-user-id", "root")]) == 200
            wait_for("the mirrored request", lambda: mirror.seen)
            assert [value for name, value in mirror.seen[0]["headers"] if name == "x-user-id"] == ["user-7"]
            assert len(mirror.seen) == 1
            assert decisions(world) == 2, "the copy is not judged again"


def decisions(world: World) -> int:
    """How many decisions Portcullis has counted."""
    _, text = http_get(f"http://127.0.0.1:{world.ports.metrics}/metrics")
    lines = [line for line in text.splitlines() if line.startswith("portcullis_decisions_total{")]
    counts = [line for line in lines if 'mode="enforce"' in line]
    assert counts, text[:500]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in counts)
