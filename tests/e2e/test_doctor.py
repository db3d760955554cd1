"""`portcullis doctor` about what a real Envoy says of itself."""

import json
import subprocess
from pathlib import Path

import envoy_config
import yaml
from conftest import World
from stack import http_get, portcullis_binary, wait_for


def doctor(*arguments: str, given: str = "") -> tuple[int, list[dict]]:
    """The exit code and the problems of `portcullis doctor envoy`."""
    command = [str(portcullis_binary()), "doctor", "envoy", "--format", "json", *arguments]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    return ran.returncode, json.loads(ran.stdout)["problems"]


def dump(world: World, query: str = "") -> str:
    status, text = http_get(f"http://127.0.0.1:{world.ports.envoy_admin}/config_dump{query}")
    assert status == 200
    return text


def write(directory: Path, name: str, kind: str, resource: dict) -> dict:
    """A file that Envoy watches, and the source that names it."""
    path = directory / f"{name}.json"
    path.write_text(json.dumps({"resources": [{"@type": f"type.googleapis.com/{kind}", **resource}]}))
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def discovered(world: World, *edits: envoy_config.Edit) -> list[Path]:
    """The shipped configuration as a control plane gives it: a bootstrap, and each part of the rest by itself."""
    config = yaml.safe_load(world.envoy_config().read_text())
    for edit in edits:
        edit(config)
    directory = world.directory / "discovered"
    directory.mkdir()
    manager = envoy_config.connection_manager(config)
    authorization = manager["http_filters"][0]
    kind = "envoy.config.core.v3.TypedExtensionConfig"
    manager["http_filters"][0] = {
        "name": authorization["name"],
        "config_discovery": {
            "config_source": write(directory, "filter", kind, authorization),
            "type_urls": [authorization["typed_config"]["@type"]],
        },
    }
    routes = manager.pop("route_config")
    source = write(directory, "routes", "envoy.config.route.v3.RouteConfiguration", routes)
    manager["rds"] = {"route_config_name": routes["name"], "config_source": source}
    portcullis = envoy_config.cluster(config, "portcullis")
    kind = "envoy.config.endpoint.v3.ClusterLoadAssignment"
    source = write(directory, "endpoints", kind, portcullis.pop("load_assignment"))
    portcullis.update(type="EDS", eds_cluster_config={"eds_config": source})
    [listener] = config["static_resources"].pop("listeners")
    source = write(directory, "listeners", "envoy.config.listener.v3.Listener", listener)
    config["dynamic_resources"] = {"lds_config": source}
    (directory / "bootstrap.json").write_text(json.dumps(config))
    return sorted(directory.glob("*.json"))


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


def is_taken_up(world: World) -> bool:
    """Listeners and their parts come one after the other."""
    return all(
        kind in dump(world, "?include_eds") for kind in ("active_state", "ecds_filter", "route_config", "lb_endpoints")
    )


def test_what_a_control_plane_gives_is_found_in_a_dump_and_in_the_files(world: World):
    files = discovered(world)
    bootstrap = next(file for file in files if file.stem == "bootstrap")
    world.start_envoy(bootstrap)
    wait_for("everything is discovered", lambda: is_taken_up(world))
    assert doctor("-", given=dump(world, "?include_eds")) == (0, [])
    assert doctor(*map(str, files)) == (0, [])

    def told(*given: str, text: str = "") -> list[str]:
        return [problem["message"] for problem in doctor(*given, given=text)[1]]

    assert told(str(bootstrap)) == ["the listeners are not in this file"]
    # A part of a dump is no clean one, and a part that has listeners is looked at.
    assert told("-", text=dump(world, "?resource=static_clusters")) == ["the listeners are not in this file"]
    assert told("-", text=dump(world, "?mask=bootstrap")) == ["the listeners are not in this file"]
    of_listeners = told("-", text=dump(world, "?resource=dynamic_listeners"))
    assert of_listeners == [
        "the routes come from a control plane, and are not in this file",
        "the settings of this filter come from a control plane, and are not in this file",
    ]


def test_what_is_wrong_is_found_in_what_a_control_plane_gives(world: World):
    def careless(config: dict) -> None:
        envoy_config.failure_mode_allow(config)
        kind = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
        off = {"envoy.filters.http.ext_authz": {"@type": kind, "disabled": True}}
        open_ = {"match": {"prefix": "/open"}, "route": {"cluster": "crm"}, "typed_per_filter_config": off}
        envoy_config.virtual_host(config)["routes"].insert(0, open_)
        address = {"socket_address": {"address": "192.0.2.1", "port_value": 9191}}
        assignment = envoy_config.cluster(config, "portcullis")["load_assignment"]
        assignment["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]

    files = discovered(world, careless)
    world.start_envoy(next(file for file in files if file.stem == "bootstrap"))
    wait_for("everything is discovered", lambda: is_taken_up(world))
    for problems in (doctor(*map(str, files))[1], doctor("-", given=dump(world, "?include_eds"))[1]):
        assert sorted(problem["code"] for problem in problems) == ["E0102", "E0401", "E0506"]


def test_what_envoy_reads_as_true_is_read_as_true(world: World):
    """Envoy's YAML is that of version 1.1: `on` opens everything."""
    file = world.envoy_config()
    file.write_text(file.read_text().replace("failure_mode_allow: false", "failure_mode_allow: on"))
    world.start_envoy(file)
    assert '"failure_mode_allow": true' in dump(world)
    assert [problem["code"] for problem in doctor(str(file))[1]] == ["E0102"]
