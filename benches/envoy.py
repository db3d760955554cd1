"""What an authorized request costs behind a real Envoy, beside Envoy's own jwt_authn and rbac: `make bench-envoy`.

Three listeners of one Envoy answer `GET /v1/orders/7` themselves: `plain` asks nobody, `native` verifies the token
(jwt_authn) and looks for the scope (rbac), `portcullis` asks over a unix socket. wrk loads them in turns, 16
connections, with TOKENS different tokens (1 by default), and the processor time of Envoy and Portcullis is taken for
each request. What counts is the last column: what each adds to `plain`, as a ratio to what `native` adds, round by
round. Figures in microseconds move with the machine; ratios of one run do not.

ROUNDS=12 SECONDS=2 TOKENS=1000 make bench-envoy
"""

import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import tokens
from stack import KEYS, Process, envoy_binary, free_port, portcullis_binary, wait_for

ROUNDS = int(os.environ.get("ROUNDS", "12"))
SECONDS = int(os.environ.get("SECONDS", "2"))
TOKENS = int(os.environ.get("TOKENS", "1"))
ISSUER, AUDIENCE, SCOPE = tokens.OPENID_ISSUER, tokens.OPENID_AUDIENCE, "orders:read"
API = "type.googleapis.com/envoy.extensions.filters"
TICK = os.sysconf("SC_CLK_TCK")

POLICY = """
version: 1
issuers:
  auth: {{ issuer: "{issuer}", audiences: [{audience}], keys: {{ jwks_file: jwks.json }} }}
routes:
  - {{ match: GET /v1/orders/**, require: {{ scopes: ["{scope}"] }} }}
"""

LUA = """
local bearers = {{}}
for line in io.lines("{tokens}") do bearers[#bearers + 1] = "Bearer " .. line end
local at = 0
request = function()
  at = at % #bearers + 1
  return wrk.format("GET", "/v1/orders/7", {{ Authorization = bearers[at] }})
end
"""


def typed(kind: str, **fields: object) -> dict:
    """A filter's configuration."""
    return {"@type": f"{API}.{kind}", **fields}


def native(jwks: str) -> list[dict]:
    """Envoy's own filters for the same policy."""
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": jwks},
        "payload_in_metadata": "jwt",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
    }
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "auth"}}
    path = [{"key": "jwt"}, {"key": "scope"}]
    value = {"list_match": {"one_of": {"string_match": {"exact": SCOPE}}}}
    principal = {"metadata": {"filter": "envoy.filters.http.jwt_authn", "path": path, "value": value}}
    permission = {"url_path": {"path": {"prefix": "/v1/orders"}}}
    policies = {"orders": {"permissions": [permission], "principals": [principal]}}
    authentication = typed("http.jwt_authn.v3.JwtAuthentication", providers={"auth": provider}, rules=[rule])
    return [
        {"name": "jwt_authn", "typed_config": authentication},
        {"name": "rbac", "typed_config": typed("http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": policies})},
    ]


def portcullis() -> list[dict]:
    """Asking us."""
    service = {"envoy_grpc": {"cluster_name": "portcullis"}, "timeout": "1s"}
    config = typed("http.ext_authz.v3.ExtAuthz", transport_api_version="V3", grpc_service=service)
    return [{"name": "ext_authz", "typed_config": config}]


def listener(port: int, filters: list[dict]) -> dict:
    """Answers by itself what the filters let through."""
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    router = {"name": "router", "typed_config": typed("http.router.v3.Router")}
    manager = typed(
        "network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=str(port),
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        http_filters=[*filters, router],
    )
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": [chain]}


def cluster(socket: Path) -> dict:
    """Portcullis, by HTTP/2 over its socket."""
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(socket)}}}}
    return {
        "name": "portcullis",
        "typed_extension_protocol_options": {options: http2},
        "load_assignment": {"cluster_name": "portcullis", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def used(processes: list[Process]) -> float:
    """Seconds of processor time so far."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.popen.pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def load(port: int, script: Path) -> int:
    """Requests answered with 200; anything else ends the run."""
    command = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-s", str(script), f"http://127.0.0.1:{port}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"not every request was answered with 200:\n{said}")
    return int(re.search(r"(\d+) requests in", said)[1])


def main() -> None:
    """Starts everything, measures in turns, prints."""
    keys = tokens.Keys.load_or_create(KEYS)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        jwks = json.dumps(keys.jwks())
        (directory / "jwks.json").write_text(jwks)
        policy = directory / "policy.yaml"
        policy.write_text(POLICY.format(issuer=ISSUER, audience=AUDIENCE, scope=SCOPE))
        minted = [tokens.openid(keys, f"user-{index}", f"{SCOPE} profile") for index in range(TOKENS)]
        (directory / "tokens").write_text("\n".join(minted) + "\n")
        script = directory / "load.lua"
        script.write_text(LUA.format(tokens=directory / "tokens"))
        socket = directory / "portcullis.sock"
        chains = {"plain": [], "native": native(jwks), "portcullis": portcullis()}
        ports = {chain: free_port() for chain in chains}
        listeners = [listener(ports[chain], filters) for chain, filters in chains.items()]
        config = directory / "envoy.json"
        config.write_text(json.dumps({"static_resources": {"listeners": listeners, "clusters": [cluster(socket)]}}))
        serve = ["serve", "--policies", str(policy), "--listen-grpc", f"unix:{socket}", "--workers", "1"]
        serve += ["--listen-metrics", f"127.0.0.1:{free_port()}", "--listen-admin", f"127.0.0.1:{free_port()}"]
        ours = Process("portcullis", [str(portcullis_binary()), *serve], directory / "portcullis.log")
        wait_for("the socket of Portcullis", socket.exists, ours)
        command = [str(envoy_binary()), "-c", str(config), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]
        envoy = Process("envoy", command, directory / "envoy.log")
        try:
            good = f"Bearer {minted[0]}"
            for chain, port in ports.items():
                wait_for(f"{chain} to answer", lambda port=port: answered(port, good) == 200, envoy)
                bad = answered(port, good[:-8] + "AAAAAAAA")
                if bad != (200 if chain == "plain" else 401):
                    sys.exit(f"{chain} answers {bad} to a forged token")
            measure([envoy, ours], ports, script)
        finally:
            envoy.stop()
            ours.stop()


def answered(port: int, authorization: str) -> int:
    """The status of one request; 0 while nobody listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/orders/7", headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def measure(processes: list[Process], ports: dict[str, int], script: Path) -> None:
    """Rounds, each of every chain."""
    costs: dict[str, list[float]] = {chain: [] for chain in ports}
    for port in ports.values():
        load(port, script)
    for _ in range(ROUNDS):
        for chain, port in random.sample(sorted(ports.items()), len(ports)):
            before = used(processes)
            count = load(port, script)
            costs[chain].append((used(processes) - before) / count * 1e6)
    plain, native = costs["plain"], costs["native"]
    print(f"{ROUNDS} rounds of {SECONDS} s, {TOKENS} token(s), 16 connections, HTTP/1.1, Envoy with one worker")
    print(f"{'chain':12} {'CPU us/request':>15} {'added':>8} {'added / native (quartiles)':>28}")
    for chain, cost in costs.items():
        added = [one - base for one, base in zip(cost, plain, strict=True)]
        ratios = [one / (its - base) for one, its, base in zip(added, native, plain, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        figures = f"{statistics.median(cost):15.1f} {statistics.median(added):8.1f}"
        print(f"{chain:12} {figures} {middle:14.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
