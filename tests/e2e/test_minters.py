"""Tokens of three libraries that know nothing of Portcullis are taken, and what was changed in them is not."""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import client
import joserfc.jwk
import joserfc.jwt
import jwt
import pytest
from conftest import World
from jwk import private_jwk

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "HS256")
PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}

POLICY = """
version: 1
issuers:
  signed: {{ issuer: https://signed.example.com, audiences: [crm], keys: {{ jwks_file: {jwks} }},
             algorithms: [RS256, PS256, ES256, EdDSA] }}
  shared: {{ issuer: https://shared.example.com, audiences: [crm], keys: {{ secret_env: JWT_SECRET }},
             algorithms: [HS256] }}
routes:
  - {{ match: GET /customers, guard: [signed, shared], require: {{ scopes: [read-crm] }} }}
"""


def with_pyjwt(key: dict, algorithm: str, claims: dict) -> str:
    if algorithm == "HS256":
        return jwt.encode(claims, SECRET, algorithm)
    return jwt.encode(claims, jwt.PyJWK(key, algorithm).key, algorithm, {"kid": key["kid"]})


def with_joserfc(key: dict, algorithm: str, claims: dict) -> str:
    imported = joserfc.jwk.import_key(SECRET, "oct") if algorithm == "HS256" else joserfc.jwk.import_key(key)
    header = {"alg": algorithm, "kid": key["kid"]}
    return joserfc.jwt.encode(header, claims, imported, algorithms=[algorithm])


def with_jose(key: dict, algorithm: str, claims: dict) -> str:
    secret = {"kty": "oct", "kid": "secret", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")}
    wish = {"key": secret if algorithm == "HS256" else key, "algorithm": algorithm, "claims": claims}
    program = Path(__file__).parent / "mint.mjs"
    minted = subprocess.run(["node", program, json.dumps(wish)], capture_output=True, text=True, timeout=30, check=True)
    return minted.stdout.strip()


@pytest.fixture(scope="module")
def signers() -> dict[str, dict]:
    keys = {algorithm: private_jwk(algorithm, f"{algorithm}-1") for algorithm in ALGORITHMS if algorithm != "HS256"}
    return keys | {"HS256": {"kid": "secret"}}


@pytest.fixture(scope="module")
def port(module_world: World, signers: dict[str, dict], tmp_path_factory) -> Iterator[int]:
    world = module_world
    public = [{name: value for name, value in key.items() if name not in PRIVATE} for key in signers.values()]
    jwks = world.directory / "signed.json"
    jwks.write_text(json.dumps({"keys": [key for key in public if "kty" in key]}))
    policy = world.directory / "minters.yaml"
    policy.write_text(POLICY.format(jwks=jwks))
    world.start_crm_service()
    world.start_portcullis([policy], environment={"JWT_SECRET": SECRET})
    world.start_envoy(world.envoy_config())
    yield world.ports.envoy


@pytest.mark.parametrize("mint", [with_pyjwt, with_joserfc, with_jose])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_taken_and_a_changed_one_is_not(
    port: int, signers: dict[str, dict], mint: Callable[..., str], algorithm: str
):
    name = "shared" if algorithm == "HS256" else "signed"
    claims = {
        "iss": f"https://{name}.example.com",
        "aud": ["crm", "other"],
        "sub": "user-1",
        "exp": int(time.time()) + 600,
        "scope": "read-crm",
    }
    header, payload, signature = mint(signers[algorithm], algorithm, claims).split(".")
    _, richer, _ = mint(signers[algorithm], algorithm, {**claims, "sub": "user-2"}).split(".")
    ask = lambda *parts: client.http1(port, "GET", "/customers", client.bearer(".".join(parts))).status  # noqa: E731
    assert ask(header, payload, signature) == 200
    assert ask(header, richer, signature) == 401
    # Claims of another token, and the same signature with one bit changed.
    flipped = bytearray(base64.urlsafe_b64decode(signature + "=="))
    flipped[10] ^= 1
    assert ask(header, payload, base64.urlsafe_b64encode(flipped).decode().rstrip("=")) == 401
    assert ask(header, payload, "") == 401
