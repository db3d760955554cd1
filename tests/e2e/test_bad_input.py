"""What people and networks get wrong: each ends in a message that says what and where, or in a denial."""

import socket
import subprocess

import client
import pytest
import tokens
from conftest import World
from stack import http_get, portcullis_binary, wait_for

OPEN = "routes:\n  - { match: GET /healthz, allow: anyone }\n"


def serve_and_fail(world: World, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a `serve` that cannot."""
    command = [str(portcullis_binary()), "serve", "--listen-grpc", f"127.0.0.1:{world.ports.grpc}"]
    command += ["--listen-metrics", f"127.0.0.1:{world.ports.metrics}"]
    command += ["--listen-admin", f"127.0.0.1:{world.ports.admin}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return ended.returncode, ended.stderr + ended.stdout


def test_an_unknown_key_in_a_policy_is_named_with_place_and_mend(world: World):
    policy = world.policy("routes:\n  - match: GET /healthz\n    alow: anyone\n")
    code, said = serve_and_fail(world, "--policies", str(policy))
    assert code == 1
    assert f"{policy}:5:5" in said
    assert "`alow`" in said
    assert "did you mean `allow`?" in said


def test_every_problem_of_a_policy_is_told_at_once(world: World):
    policy = world.policy("routes:\n  - match: GET /healthz\n    alow: anyone\n  - match: get /x\n    allow: anyone\n")
    code, said = serve_and_fail(world, "--policies", str(policy))
    assert code == 1
    assert ":5:5" in said
    assert ":6:12" in said


def test_a_missing_policy_is_named(world: World):
    code, said = serve_and_fail(world, "--policies", "/nonexistent/policies")
    assert code == 2
    assert "/nonexistent/policies" in said


def test_a_setting_that_does_not_exist_is_refused(world: World):
    policy = world.policy(OPEN)
    code, said = serve_and_fail(world, "--policies", str(policy), "--limits-token-bites", "1KiB")
    assert code == 2
    assert "limits-token-bites" in said


def test_a_port_in_use_is_named(world: World):
    policy = world.policy(OPEN)
    with socket.create_server(("127.0.0.1", world.ports.grpc)):
        code, said = serve_and_fail(world, "--policies", str(policy))
    assert code == 2
    assert f"`127.0.0.1:{world.ports.grpc}`: another process listens on it" in said
    assert "`listen.grpc`" in said, "the setting that mends it"


def test_an_unreachable_issuer_means_not_ready_and_not_dead(world: World, keys: tokens.Keys):
    """And its tokens alone are 503; as soon as the issuer is there, so are its tokens."""
    world.start_crm_service()
    world.start_envoy(world.envoy_config())
    # AuthService has made the key file once, so that only the key set is missing.
    server = world.start_portcullis(world.laravel_crm(), ready=False)
    ready = f"http://127.0.0.1:{world.ports.metrics}/readyz"
    status, text = http_get(f"{ready}?verbose")
    assert status == 503
    assert "openid" in text
    ask = lambda *parts: client.http1(world.ports.envoy, *parts).status  # noqa: E731
    partner = client.bearer(tokens.openid(keys, "partner-3", "read-crm"))
    assert ask("GET", "/customers", partner) == 503
    assert ask("GET", "/customers", client.bearer(tokens.passport(keys, "7", ["read-crm"]))) == 200
    assert ask("GET", "/healthz") == 200
    assert ask("GET", "/customers") == 401
    assert server.is_running()

    world.start_auth_service()
    wait_for("it is ready", lambda: http_get(ready)[0] == 200, server)
    assert ask("GET", "/customers", partner) == 200


def test_an_empty_question_is_denied(world: World):
    """Zero bytes are a valid CheckRequest without an HTTP request; absence is no permission."""
    world.start_portcullis([world.policy("routes: [{ match: /**, allow: anyone }]\n")], tcp=True)
    code, answer, details = client.grpc_call(world.ports.grpc, "/envoy.service.auth.v3.Authorization/Check")
    assert (code.name, details) == ("OK", ""), "Check never answers with a gRPC error"
    assert status_code(answer) != 0, "an absent or zero status is an allow"


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\x0a\xff", bytes(range(256)), b"\x0a\x04\x22\x02\x12\x7f"])
def test_a_question_that_is_no_message_is_never_an_allow(world: World, garbage: bytes):
    server = world.start_portcullis([world.policy("routes: [{ match: /**, allow: anyone }]\n")], tcp=True)
    code, answer, _ = client.grpc_call(world.ports.grpc, "/envoy.service.auth.v3.Authorization/Check", garbage)
    assert code.name != "OK" or status_code(answer) != 0
    assert server.is_running()


@pytest.mark.parametrize(
    "credential",
    ["Bearer", "Bearer ", "Bearer x", "Bearer ..", "Bearer a.b.c", "Bearer " + "A" * 20000, "Bearer é", "bearer a b"],
)
def test_garbage_for_a_token_is_refused(garbage_world: World, credential: str):
    headers = [("authorization", credential)]
    assert client.http1(garbage_world.ports.envoy, "GET", "/customers", headers).status in (400, 401)
    assert client.http1(garbage_world.ports.envoy, "GET", "/healthz", headers).status == 200


@pytest.fixture(scope="module")
def garbage_world(module_world: World) -> World:
    world = module_world
    world.start_crm_service()
    world.start_portcullis(
        [world.policy(f"{OPEN}  - {{ match: GET /customers, guard: auth, allow: authenticated }}\n")]
    )
    world.start_envoy(world.envoy_config())
    return world


def status_code(message: bytes) -> int:
    """`status.code` of a CheckResponse, read by hand: field 1 (google.rpc.Status), its field 1 (int32)."""
    fields = dict(fields_of(message))
    return dict(fields_of(fields.get(1, b""))).get(1, 0)


def fields_of(message: bytes):
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            assert tag & 7 == 2, "CheckResponse has varints and messages only"
            length = varint()
            yield tag >> 3, message[at : at + length]
            at += length
