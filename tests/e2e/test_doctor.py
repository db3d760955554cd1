"""`portcullis doctor` about what a real Envoy says of itself."""

import json
import subprocess
from pathlib import Path

import envoy_config
from conftest import World
from stack import http_get, portcullis_binary


def doctor(*arguments: str, given: str = "") -> tuple[int, list[dict]]:
    """The exit code and the problems of `portcullis doctor envoy`."""
    command = [str(portcullis_binary()), "doctor", "envoy", "--format", "json", *arguments]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    return ran.returncode, json.loads(ran.stdout)["problems"]


def dump(world: World) -> str:
    status, text = http_get(f"http://127.0.0.1:{world.ports.envoy_admin}/config_dump")
    assert status == 200
    return text


def test_nothing_is_found_in_the_dump_of_the_shipped_envoy(world: World):
    world.start_envoy(world.envoy_config())
    text = dump(world)
    assert "BootstrapConfigDump" in text
    assert doctor("-", given=text) == (0, [])


def test_what_is_wrong_is_found_in_a_dump_with_its_line(world: World, tmp_path: Path):
    def careless(config: dict) -> None:
        manager = envoy_config.connection_manager(config)
        for key in ("normalize_path", "merge_slashes", "use_remote_address"):
            del manager[key]
        authorization = envoy_config.authorization(config)
        authorization.update(failure_mode_allow=True, clear_route_cache=True)
        authorization["grpc_service"]["timeout"] = "0.05s"
        kind = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
        off = {"envoy.filters.http.ext_authz": {"@type": kind, "disabled": True}}
        open_ = {"match": {"prefix": "/open"}, "route": {"cluster": "crm"}, "typed_per_filter_config": off}
        envoy_config.virtual_host(config)["routes"].insert(0, open_)

    world.start_envoy(world.variant(careless))
    (tmp_path / "dump.json").write_text(dump(world))
    code, problems = doctor(str(tmp_path / "dump.json"))
    assert code == 1
    lines = (tmp_path / "dump.json").read_text().splitlines()
    places = {problem["code"]: lines[problem["place"]["line"] - 1].strip().rstrip(",") for problem in problems}
    assert places == {
        "E0102": '"failure_mode_allow": true',
        "E0108": '"clear_route_cache": true',
        "E0201": '"name": "envoy.filters.network.http_connection_manager"',
        "E0202": '"name": "envoy.filters.network.http_connection_manager"',
        "E0303": '"name": "envoy.filters.network.http_connection_manager"',
        "E0401": '"disabled": true',
        "E0501": '"timeout": "0.050s"',
    }
    # What is known and meant so is left out.
    assert doctor("--allow", ",".join(places), str(tmp_path / "dump.json")) == (0, [])


def test_the_bootstrap_and_the_dump_of_the_same_envoy_agree(world: World, tmp_path: Path):
    file = world.variant(envoy_config.failure_mode_allow)
    world.start_envoy(file)
    of_file, of_dump = doctor(str(file))[1], doctor("-", given=dump(world))[1]
    assert [problem["code"] for problem in of_file] == [problem["code"] for problem in of_dump] == ["E0102"]
