"""What the way to Portcullis costs: a unix socket, TCP on loopback, and mutual TLS. `make bench-ways`.

Four listeners of one Envoy answer `GET /v1/orders/7` themselves: `plain` asks nobody, the others ask Portcullis over a
way each. wrk loads them in turns: with 16 connections for the processor time of Envoy and Portcullis, and with one
connection for the time of a request, in which one question at a time is on its way. What counts is what a way adds to
`plain`, as a ratio to what the unix socket adds, round by round; microseconds move with the machine. A network comes on
top of the last two: its round trip is paid by every question.

ROUNDS=12 SECONDS=2 make bench-ways
"""

import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))

from envoy import (
    AUDIENCE,
    ISSUER,
    LUA,
    POLICY,
    ROUNDS,
    SCOPE,
    SECONDS,
    answered,
    cluster,
    listener,
    portcullis,
    used,
)

# `envoy` puts examples/ on the path.
import tokens  # isort: skip
from authority import Authority, Pair  # isort: skip
from stack import KEYS, Process, envoy_binary, free_port, portcullis_binary, wait_for  # isort: skip

TRANSPORT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
NAMES = {"unix": "unix socket", "tcp": "TCP, loopback", "tls": "mutual TLS, loopback"}


def clusters(socket: Path, ports: dict[str, int], authority: Authority, client: Pair) -> list[dict]:
    """A way each, otherwise alike."""
    made = {way: cluster(socket) for way in NAMES}
    for way, one in made.items():
        one["name"] = one["load_assignment"]["cluster_name"] = way
        if way in ports:
            address = {"socket_address": {"address": "127.0.0.1", "port_value": ports[way]}}
            one["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    own = {"certificate_chain": {"inline_string": client.certificate}, "private_key": {"inline_string": client.key}}
    common = {
        "tls_certificates": [own],
        "validation_context": {"trusted_ca": {"inline_string": authority.pem}},
        "alpn_protocols": ["h2"],
    }
    context = {"@type": TRANSPORT, "sni": "localhost", "common_tls_context": common}
    made["tls"]["transport_socket"] = {"name": "tls", "typed_config": context}
    return list(made.values())


def asking(way: str) -> list[dict]:
    [filter_] = portcullis()
    filter_["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] = way
    return [filter_]


def load(port: int, script: Path, connections: int) -> tuple[int, float, float]:
    """Requests answered with 200, and the median and 99th percentile of their time in microseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script)]
    said = subprocess.run([*command, f"http://127.0.0.1:{port}"], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"not every request was answered with 200:\n{said}")
    units = {"us": 1.0, "ms": 1e3, "s": 1e6}

    def time(share: str) -> float:
        figure, unit = re.search(rf"{share}%\s+([0-9.]+)(us|ms|s)", said).groups()
        return float(figure) * units[unit]

    return int(re.search(r"(\d+) requests in", said)[1]), time("50"), time("99")


def main() -> None:
    """Starts everything, measures in turns, prints."""
    keys = tokens.Keys.load_or_create(KEYS)
    authority = Authority()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "jwks.json").write_text(json.dumps(keys.jwks()))
        policy = directory / "policy.yaml"
        policy.write_text(POLICY.format(issuer=ISSUER, audience=AUDIENCE, scope=SCOPE))
        token = tokens.openid(keys, "user-1", f"{SCOPE} profile")
        (directory / "tokens").write_text(token + "\n")
        script = directory / "load.lua"
        script.write_text(LUA.format(tokens=directory / "tokens"))
        server = authority.server()
        for file, text in (("ca", authority.pem), ("cert", server.certificate), ("key", server.key)):
            (directory / f"{file}.pem").write_text(text)

        socket = directory / "portcullis.sock"
        ways = {"tcp": free_port(), "tls": free_port()}
        tls = ["--tls-cert", f"{directory}/cert.pem", "--tls-key", f"{directory}/key.pem"]
        tls += ["--tls-client-ca", f"{directory}/ca.pem"]
        servers = {
            "plain": start(directory, "plain", policy, [f"unix:{socket},127.0.0.1:{ways['tcp']}"]),
            "tls": start(directory, "tls", policy, [f"127.0.0.1:{ways['tls']}", *tls]),
        }
        ports = {chain: free_port() for chain in ("plain", *NAMES)}
        listeners = [listener(port, [] if chain == "plain" else asking(chain)) for chain, port in ports.items()]
        resources = {"listeners": listeners, "clusters": clusters(socket, ways, authority, authority.server())}
        config = directory / "envoy.json"
        config.write_text(json.dumps({"static_resources": resources}))
        command = [str(envoy_binary()), "-c", str(config), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]
        envoy = Process("envoy", command, directory / "envoy.log")
        try:
            good = f"Bearer {token}"
            for chain, port in ports.items():
                wait_for(f"{chain} to answer", lambda port=port: answered(port, good) == 200, envoy)
                bad = answered(port, good[:-8] + "AAAAAAAA")
                if bad != (200 if chain == "plain" else 401):
                    sys.exit(f"{chain} answers {bad} to a forged token")
            measure([envoy, *servers.values()], ports, script)
        finally:
            for process in (envoy, *servers.values()):
                process.stop()


def start(directory: Path, name: str, policy: Path, listen: list[str]) -> Process:
    serve = ["serve", "--policies", str(policy), "--workers", "1", "--listen-admin", ""]
    metrics = free_port()
    command = [*serve, "--listen-metrics", f"127.0.0.1:{metrics}", "--listen-grpc", *listen]
    process = Process(name, [str(portcullis_binary()), *command], directory / f"{name}.log")
    ready = [str(portcullis_binary()), "healthcheck", "--address", f"127.0.0.1:{metrics}"]
    wait_for("Portcullis is ready", lambda: subprocess.run(ready, capture_output=True).returncode == 0, process)
    return process


def measure(processes: list[Process], ports: dict[str, int], script: Path) -> None:
    """Rounds, each of every way."""
    costs: dict[str, list[float]] = {chain: [] for chain in ports}
    medians: dict[str, list[float]] = {chain: [] for chain in ports}
    tails: dict[str, list[float]] = {chain: [] for chain in ports}
    for port in ports.values():
        load(port, script, 16)
    for _ in range(ROUNDS):
        for chain, port in random.sample(sorted(ports.items()), len(ports)):
            before = used(processes)
            count, _, _ = load(port, script, 16)
            costs[chain].append((used(processes) - before) / count * 1e6)
            _, median, tail = load(port, script, 1)
            medians[chain].append(median)
            tails[chain].append(tail)
    print(f"{ROUNDS} rounds of {SECONDS} s, HTTP/1.1, Envoy and Portcullis with one worker each; what each way adds:\n")
    print("| way | processor time of a request | to a unix socket | median time | to a unix socket | 99th percentile |")
    print("|---|---|---|---|---|---|")
    for chain, name in NAMES.items():
        print(f"| {name} | {row(costs, chain)} | {row(medians, chain)} | {added(tails, chain):.0f} µs |")


def added(figures: dict[str, list[float]], chain: str) -> float:
    return statistics.median(one - base for one, base in zip(figures[chain], figures["plain"], strict=True))


def row(figures: dict[str, list[float]], chain: str) -> str:
    """What a way adds, and that as a ratio to the unix socket."""
    rounds = zip(figures[chain], figures["unix"], figures["plain"], strict=True)
    ratios = [(one - base) / (unix - base) for one, unix, base in rounds]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{added(figures, chain):.0f} µs | {middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
