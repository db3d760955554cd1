"""What the end-to-end tests share: stacks of real processes, and tokens of the example issuers."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # programs are started from here
sys.path.insert(0, str(Path(__file__).parent))

import envoy_config
import pytest
import tokens
from load import Load, kinds
from stack import KEYS, Process, Stack, wait_for
from upstreams import Upstream


class World(Stack):
    """One Envoy, one Portcullis, and policies written by the test itself."""

    def policy(self, text: str, name: str = "policy.yaml") -> Path:
        """A policy whose issuer `auth` is the examples' OpenID provider; `text` has no `version` and no issuers."""
        path = self.directory / name
        jwks = self.directory / "jwks.json"
        jwks.write_text(json.dumps(tokens.Keys.load_or_create(KEYS).jwks()))
        head = (
            "version: 1\n"
            f"issuers: {{ auth: {{ issuer: {tokens.OPENID_ISSUER}, audiences: [{tokens.OPENID_AUDIENCE}], "
            f"keys: {{ jwks_file: {jwks} }}, algorithms: [RS256, ES256] }} }}\n"
        )
        path.write_text(head + text)
        return path

    def variant(self, *edits: envoy_config.Edit, of: str = "envoy.yaml") -> Path:
        """A file of deploy/envoy with this machine's addresses and the changes given."""
        return envoy_config.write(self.envoy_config(of), self.directory / "variant.yaml", list(edits))

    def logged(self, envoy: Process, since: int, **wanted: object) -> dict:
        """The next line of the access log after `since` bytes that holds what is wanted."""

        def line() -> dict | None:
            lines = envoy.lines(since)
            return next((line for line in lines if wanted.items() <= line.items()), None)

        return wait_for(f"an access log line with {wanted}", line, envoy)


@pytest.fixture(scope="session")
def keys() -> tokens.Keys:
    return tokens.Keys.load_or_create(KEYS)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def module_world() -> Iterator[World]:
    """For modules whose tests only ask, and share one stack."""
    with World() as world:
        yield world


@pytest.fixture(scope="session")
def mint(keys: tokens.Keys) -> Callable[..., str]:
    """A token of the OpenID provider: `mint("read-crm")`, `mint("read-crm", subject="7")`."""

    def mint(scope: str = "", subject: str = "user-1", **rest) -> str:
        return tokens.openid(keys, subject, scope, **rest)

    return mint


@pytest.fixture
def upstream(world: World) -> Iterator[Upstream]:
    with Upstream(world.ports.crm) as upstream:
        yield upstream


@pytest.fixture
def load(world: World, mint) -> Load:
    """To be entered when everything runs; asks of `load.POLICY`."""
    good = mint(subject="user-7")
    forged = good[: good.rindex(".")] + "." + mint(subject="user-8").rpartition(".")[2]
    return Load(world.ports.envoy, kinds(good, forged))
