"""Variants of the files of deploy/envoy: read, changed in one place, written again."""

from collections.abc import Callable
from pathlib import Path

import yaml

Config = dict
Edit = Callable[[Config], None]


def write(source: Path, target: Path, edits: list[Edit]) -> Path:
    config = yaml.safe_load(source.read_text())
    for edit in edits:
        edit(config)
    target.write_text(yaml.safe_dump(config, sort_keys=False))
    return target


def connection_manager(config: Config) -> Config:
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def authorization(config: Config) -> Config:
    return connection_manager(config)["http_filters"][0]["typed_config"]


def virtual_host(config: Config, name: str = "crm") -> Config:
    return next(host for host in connection_manager(config)["route_config"]["virtual_hosts"] if host["name"] == name)


def cluster(config: Config, name: str) -> Config:
    return next(cluster for cluster in config["static_resources"]["clusters"] if cluster["name"] == name)


def add_cluster(name: str, port: int, http2: bool = False) -> Edit:
    """An upstream more, at a port of loopback."""

    def edit(config: Config) -> None:
        endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
        added = {
            "name": name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        }
        if http2:
            added["typed_extension_protocol_options"] = {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}},
                }
            }
        config["static_resources"]["clusters"].append(added)

    return edit


def add_route(route: Config) -> Edit:
    """A route before the others."""
    return lambda config: virtual_host(config)["routes"].insert(0, route)


def raw_headers(wanted: bool) -> Edit:
    return lambda config: authorization(config).update(encode_raw_headers=wanted)


def failure_mode_allow(config: Config) -> None:
    authorization(config).update(failure_mode_allow=True)


def patient(config: Config) -> None:
    """Waits for answers as long as a crowded machine may need."""
    service = authorization(config)["grpc_service"]
    service["timeout"] = service["retry_policy"]["retry_back_off"]["max_interval"] = "20s"


def web_sockets(config: Config) -> None:
    connection_manager(config)["upgrade_configs"] = [{"upgrade_type": "websocket"}]


def cors(config: Config) -> None:
    """Envoy's own CORS filter, before the authorizer: it answers preflights by itself."""
    connection_manager(config)["http_filters"].insert(
        0,
        {
            "name": "envoy.filters.http.cors",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"},
        },
    )
    virtual_host(config)["typed_per_filter_config"] = {
        "envoy.filters.http.cors": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
            "allow_origin_string_match": [{"exact": "https://app.example.com"}],
            "allow_methods": "GET,POST",
        }
    }
