"""deploy/compose: a valid compose file, whose parts are those of the demo, run by podman-compose."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import client
import engine
import images
import pytest
import yaml
from stack import PROJECT, free_port, wait_for

COMPOSE = PROJECT / "deploy" / "compose"
FILE = COMPOSE / "compose.yaml"
TOOLS = PROJECT / ".cache" / "deploy-tools"


def test_the_file_is_as_the_specification_says():
    command = [str(TOOLS / "bin/check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_containerfile_has_no_bad_habits():
    linted = subprocess.run(
        [TOOLS / "bin/hadolint", COMPOSE / "Containerfile"], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_services_use_the_library_that_the_tests_use():
    wanted = next(
        line for line in (PROJECT / "requirements.txt").read_text().splitlines() if line.startswith("cryptography==")
    )
    assert wanted.split()[0] in (COMPOSE / "Containerfile").read_text()


def test_envoy_is_configured_as_in_deploy_envoy():
    def written(path) -> str:
        text = path.read_text()
        return text[text.index("# To make it yours") :]

    before = (
        "    # Loopback for the demo. In a pod or on a host that serves others: 0.0.0.0, and TLS in front or here.\n"
        "    address: { socket_address: { address: 127.0.0.1, port_value: 8080 } }\n"
    )
    after = "    address: { socket_address: { address: 0.0.0.0, port_value: 8080 } }\n"
    expected = written(PROJECT / "deploy/envoy/envoy-tcp.yaml").replace(before, after)
    assert written(COMPOSE / "envoy.yaml") == expected


def test_the_issuers_are_those_of_the_policy():
    def without_keys(path) -> dict:
        document = yaml.safe_load(path.read_text())
        for issuer in document["issuers"].values():
            issuer.pop("keys")
        return document

    assert without_keys(COMPOSE / "issuers.yaml") == without_keys(PROJECT / "policies/laravel-crm/issuers.yaml")


def test_every_container_is_confined():
    for name, service in yaml.safe_load(FILE.read_text())["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def compose(*arguments: str, port: int) -> str:
    command = [sys.executable, "-m", "podman_compose", "--file", str(FILE), *arguments]
    environment = {**engine.environment(), "PORT": str(port), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=COMPOSE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def demo(image: str) -> Iterator[int]:
    """Envoy's port, with all of it running; the images that a registry would give are made here."""
    images.envoy("envoyproxy/envoy:distroless-v1.40.0")
    images.demo("portcullis-demo")
    port = free_port()
    compose("down", "--volumes", port=port)
    compose("up", "--detach", "--no-build", port=port)
    try:
        yield port
    finally:
        compose("down", "--volumes", port=port)


def minted(**wish) -> str:
    """As the head of compose.yaml says it."""
    program = (
        "import json, urllib.request as r\n"
        f'print(json.load(r.urlopen("http://127.0.0.1:8082/tokens", {json.dumps(wish)!r}.encode()))["token"])'
    )
    return engine.podman("exec", "portcullis-demo_auth_1", "python", "-c", program).strip()


def test_the_demo_runs_in_containers(demo: int):
    def is_ready() -> bool:
        probe = ["podman", "exec", "portcullis-demo_portcullis_1", "/portcullis", "healthcheck"]
        return engine.run(*probe, check=False).returncode == 0

    # AuthService makes its keys at its first start, and Portcullis waits for them.
    wait_for("Portcullis is ready", is_ready, seconds=180)

    def asked(method: str, path: str, *headers: tuple[str, str]) -> tuple[int, str]:
        """The status that the client got, and the reason in Portcullis' log."""
        container = "portcullis-demo_portcullis_1"
        before = len(engine.decisions(container))
        status = client.http1(demo, method, path, list(headers)).status
        logged = wait_for("its line in the log", lambda: engine.decisions(container)[before:])
        return status, logged[0]["reason"]

    assert asked("GET", "/healthz") == (200, "allowed")
    assert asked("GET", "/customers") == (401, "missing_token")
    reader = client.bearer(minted(shape="passport", subject="7", scopes=["read-crm"]))
    assert client.http1(demo, "GET", "/customers", reader).upstream("x-user-id") == ["7"]
    assert asked("POST", "/customers", *reader) == (403, "missing_scope")
    boss = client.bearer(minted(shape="jwt-auth", subject=1, role="admin", model="App\\Models\\Admin"))
    assert client.http1(demo, "GET", "/admin/reports", boss).upstream("x-user-guard") == ["admin"]
    partner = client.bearer(minted(shape="openid", subject="p", scope="read-crm", algorithm="ES256"))
    assert client.http1(demo, "GET", "/customers/5", partner).upstream("x-user-guard") == ["openid"]
    # CRMService asks AuthService through Envoy, with its caller's token.
    assert client.http1(demo, "GET", "/me", reader).json()["auth_service"]["body"]["id"] == "7"
