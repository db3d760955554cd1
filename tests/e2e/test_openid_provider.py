"""A real OpenID provider: discovery over TLS with a private CA, several algorithms, rotation, an outage."""

import base64
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import client
import pytest
from authority import Authority
from conftest import World
from jwk import private_jwk
from stack import Process, free_port, wait_for

POLICY = """
version: 1
issuers:
  provider:
    issuer: https://127.0.0.1:{port}
    audiences: [crm]
    keys: {{ discovery: true, ca_file: {ca} }}
    algorithms: [RS256, PS256, ES256, EdDSA]
    refresh: {{ cooldown: 1s }}
routes:
  - {{ match: GET /open, allow: anyone }}
  - {{ match: GET /customers, guard: provider, require: {{ scopes: [read-crm] }} }}
"""


class Provider:
    def __init__(self, world: World):
        self.world = world
        self.port = free_port()
        self.authority = Authority()
        self.pair = self.authority.server()
        self.ca = world.directory / "ca.pem"
        self.ca.write_text(self.authority.pem)
        self.process: Process | None = None

    def start(self, *keys: dict) -> None:
        """With these keys; those of a provider that ran before are gone."""
        self.stop()
        settings = self.world.directory / "provider.json"
        settings.write_text(
            json.dumps(
                {
                    "port": self.port,
                    "jwks": {"keys": keys},
                    "certificate": self.pair.certificate,
                    "key": self.pair.key,
                }
            )
        )
        program = Path(__file__).parent / "openid_provider.mjs"
        self.process = self.world.start("openid-provider", ["node", str(program), str(settings)])
        wait_for("the provider answers", self.answers, self.process)

    def stop(self) -> None:
        if self.process:
            self.process.kill()

    def answers(self) -> bool:
        try:
            return self._request("GET", "/.well-known/openid-configuration")[0] == 200
        except OSError:
            return False

    def token(self, algorithm: str, scope: str = "read-crm") -> str:
        basic = base64.b64encode(b"partner-app:" + urllib.parse.quote_plus("known to this test only").encode())
        form = {"grant_type": "client_credentials", "resource": f"urn:crm:{algorithm}", "scope": scope}
        headers = {
            "authorization": f"Basic {basic.decode()}",
            "content-type": "application/x-www-form-urlencoded",
        }
        status, body = self._request("POST", "/token", urllib.parse.urlencode(form), headers)
        assert status == 200, body
        return json.loads(body)["access_token"]

    def _request(self, method: str, path: str, body: str | None = None, headers: dict | None = None):
        context = ssl.create_default_context(cadata=self.authority.pem)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def provider(world: World) -> Iterator[Provider]:
    world.start_crm_service()
    world.start_envoy(world.envoy_config())
    yield Provider(world)


def serve(provider: Provider, ready: bool = True) -> Process:
    policy = provider.world.directory / "provider.yaml"
    policy.write_text(POLICY.format(port=provider.port, ca=provider.ca))
    return provider.world.start_portcullis([policy], ready=ready)


def ask(provider: Provider, token: str, path: str = "/customers") -> int:
    return client.http1(provider.world.ports.envoy, "GET", path, client.bearer(token)).status


def test_tokens_of_every_algorithm_are_taken(provider: Provider):
    keys = [private_jwk(algorithm, f"{algorithm}-1") for algorithm in ("RS256", "PS256", "ES256", "EdDSA")]
    provider.start(*keys)
    serve(provider)
    for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
        assert ask(provider, provider.token(algorithm)) == 200, algorithm
        assert ask(provider, provider.token(algorithm, "write-crm")) == 403, algorithm
        token = provider.token(algorithm)
        assert ask(provider, token[: token.rindex(".") + 1] + provider.token(algorithm).rpartition(".")[2]) == 401


def test_keys_rotate_while_tokens_flow(provider: Provider):
    first, second, third = (private_jwk("RS256", name) for name in ("first", "second", "third"))
    provider.start(first)
    serve(provider)
    old = provider.token("RS256")
    assert ask(provider, old) == 200

    # With an overlap: the new key signs, the old one still counts.
    provider.start(second, first)
    new = provider.token("RS256")
    wait_for("a token of the new key is taken", lambda: ask(provider, new) == 200)
    assert ask(provider, old) == 200

    # Without one: whatever the old keys signed ends.
    provider.start(third)
    newest = provider.token("RS256")
    wait_for("a token of the newest key is taken", lambda: ask(provider, newest) == 200)
    assert (ask(provider, old), ask(provider, new)) == (401, 401)


def test_an_outage_changes_nothing_for_known_keys(provider: Provider):
    first = private_jwk("ES256", "first")
    provider.start(first)
    serve(provider)
    known = provider.token("ES256")
    assert ask(provider, known) == 200
    provider.start(private_jwk("ES256", "second"))
    unknown = provider.token("ES256")
    provider.stop()

    assert ask(provider, known) == 200
    # For the cooldown after a good fetch the key is known not to exist. From then on that cannot be found out,
    # which is no statement about the token.
    wait_for("it cannot be found out", lambda: ask(provider, unknown) == 503)
    assert ask(provider, known) == 200
    assert ask(provider, unknown, "/open") == 200


def test_a_certificate_of_another_authority_is_not_believed(provider: Provider):
    provider.start(private_jwk("ES256", "first"))
    provider.ca.write_text(Authority().pem)
    portcullis = serve(provider, ready=False)
    wait_for("it says why", lambda: "certificate" in portcullis.output(), portcullis)
    assert ask(provider, provider.token("ES256")) == 503
