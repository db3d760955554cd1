"""The files of deploy/envoy: Envoy takes them as they stand, and they do not drift apart."""

import difflib
import subprocess
from pathlib import Path

import envoy_config
import pytest
import yaml
from stack import PROJECT, envoy_binary

FILES = sorted((PROJECT / "deploy" / "envoy").glob("*.yaml"))
# Variants for containers, which listen on every address; tests/deploy holds what else may differ.
CONTAINERS = [PROJECT / "deploy" / "kubernetes" / "envoy" / "envoy.yaml", PROJECT / "deploy" / "compose" / "envoy.yaml"]
EVERY = [*FILES, *CONTAINERS]


@pytest.mark.parametrize("file", EVERY, ids=lambda path: str(path.relative_to(PROJECT)))
def test_envoy_takes_the_file(file: Path):
    command = [str(envoy_binary()), "--mode", "validate", "--config-path", str(file), "--log-level", "warning"]
    validated = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert validated.returncode == 0, validated.stderr
    assert "deprecated" not in validated.stderr.lower(), validated.stderr


@pytest.mark.parametrize("file", EVERY, ids=lambda path: str(path.relative_to(PROJECT)))
def test_nothing_opens_when_nobody_decides(file: Path):
    config = yaml.safe_load(file.read_text())
    filter_ = envoy_config.authorization(config)
    assert filter_["failure_mode_allow"] is False
    assert filter_["status_on_error"] == {"code": "ServiceUnavailable"}
    assert filter_["deny_at_disable"]["default_value"] is True
    assert "layered_runtime" not in config
    assert "typed_per_filter_config" not in yaml.safe_dump(config), "no route switches the filter off"
    assert "ExtAuthzPerRoute" not in file.read_text(), "nor does one that somebody only has to uncomment"


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_it_listens_on_loopback_only(file: Path):
    config = yaml.safe_load(file.read_text())
    listeners = [listener["address"] for listener in config["static_resources"]["listeners"]]
    for address in [*listeners, config["admin"]["address"]]:
        assert address["socket_address"]["address"] == "127.0.0.1"


def test_the_variant_over_tcp_differs_in_the_address_of_portcullis_only():
    unix, tcp = (PROJECT / "deploy" / "envoy" / name for name in ("envoy.yaml", "envoy-tcp.yaml"))
    lines = difflib.unified_diff(unix.read_text().splitlines(), tcp.read_text().splitlines(), lineterm="", n=0)
    changed = [line[1:].strip() for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [line for line in changed if not line.startswith("#")] == [
        "- endpoint: { address: { pipe: { path: /run/portcullis/portcullis.sock } } }",
        "- endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 9191 } } }",
    ]


def test_identity_headers_of_the_example_policy_are_covered():
    """A header that the policy sets and that the bootstrap does not let through would be a 500."""
    policy = yaml.safe_load((PROJECT / "policies" / "laravel-crm" / "routes.yaml").read_text())
    for name in policy["defaults"]["upstream"]["headers"]:
        assert name.startswith("x-user-")
