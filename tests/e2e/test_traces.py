"""Traces: spans of decisions in the traces of Envoy and of its clients, taken by a collector that is not ours."""

import socket
import time
from collections.abc import Iterator

import client
import envoy_config
import pytest
from collector import Collector
from conftest import World
from stack import Process, free_port, http_get, wait_for
from upstreams import Upstream

POLICY = """
routes:
  - { name: open, match: GET /open, allow: anyone }
  - { name: things, match: GET /things/**, guard: auth, allow: authenticated }
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
CANARY = "canary-5ecret"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(autouse=True)
def there_is_an_upstream(upstream: Upstream) -> None:
    pass


def traced(collector: Collector) -> envoy_config.Edit:
    """Envoy's own OpenTelemetry tracer, on the same collector."""

    def edit(config: envoy_config.Config) -> None:
        port = int(collector.url.rpartition(":")[2])
        envoy_config.add_cluster("collector", port)(config)
        envoy_config.connection_manager(config)["tracing"] = {
            "provider": {
                "name": "envoy.tracers.opentelemetry",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                    "service_name": "envoy",
                    "http_service": {
                        "http_uri": {"uri": f"{collector.url}/v1/traces", "cluster": "collector", "timeout": "5s"}
                    },
                },
            }
        }

    return edit


def serve(world: World, collector: str, *edits: envoy_config.Edit, **environment: str) -> Process:
    flags = ["--log-decisions", "all"] + (["--tracing-otlp-endpoint", collector] if collector else [])
    world.start_envoy(world.variant(*edits))
    return world.start_portcullis([world.policy(POLICY)], *flags, environment=environment)


def parent(sampled: bool = True) -> client.Headers:
    return [("traceparent", f"00-{TRACE}-{CALLER}-{'01' if sampled else '00'}"), ("tracestate", STATE)]


def ask(world: World, path: str, *headers: tuple[str, str]) -> int:
    return client.http1(world.ports.envoy, "GET", path, list(headers)).status


def decision(world: World, portcullis: Process, since: int = 0) -> dict:
    lines = lambda: [line for line in portcullis.lines(since) if line.get("target") == "decision"]  # noqa: E731
    return wait_for("a decision in the log", lines, portcullis)[0]


def test_a_decision_stands_below_the_call_of_envoy(world: World, collector: Collector):
    portcullis = serve(world, collector.url, traced(collector))
    assert ask(world, f"/things/1?token={CANARY}", *parent()) == 401
    span = wait_for("our span", lambda: collector.of("portcullis"))[0]
    wait_for("Envoy's spans", lambda: span.parent in {known.id for known in collector.of("envoy")})
    call = next(known for known in collector.of("envoy") if known.id == span.parent)
    assert "Authorization" in call.name, "Envoy's call to us, and not the request of its client"
    assert (span.trace, call.trace) == (TRACE, TRACE)
    assert span.state == STATE, "what those who trace told each other is carried on"
    line = decision(world, portcullis)
    assert line["trace_id"] == TRACE
    assert span.name == "portcullis check"
    assert span.attributes == {
        "portcullis.decision_id": line["decision_id"],
        "portcullis.outcome": "deny",
        "portcullis.reason": "missing_token",
        "portcullis.route": "things",
        "portcullis.rule": f"{line['rule_file']}:{line['rule_line']}",
        "portcullis.policy_revision": line["policy_revision"],
        "http.request.method": "GET",
        "http.response.status_code": 401,
        "server.address": line["host"],
        "url.path": "/things/1",
    }
    assert 0 < span.nanoseconds < 60e9
    assert not span.is_error, "a denial is what was asked for"


def test_where_envoy_makes_no_traces_the_request_names_its_own(world: World, collector: Collector, mint):
    serve(world, collector.url)
    assert ask(world, "/things/1", *client.bearer(mint()), *parent()) == 200
    span = wait_for("our span", lambda: collector.of("portcullis"))[0]
    assert (span.trace, span.parent, span.state) == (TRACE, CALLER, STATE)
    assert (span.attributes["portcullis.outcome"], span.attributes["portcullis.guard"]) == ("allow", "auth")


def test_whether_a_trace_is_wanted_is_decided_by_whoever_began_it(world: World, collector: Collector):
    serve(world, collector.url)
    assert ask(world, "/things/not-sampled", *parent(sampled=False)) == 401
    assert ask(world, "/things/ill-formed", ("traceparent", f"00-{TRACE}-{CALLER}")) == 401
    assert ask(world, "/things/sampled", *parent()) == 401
    spans = wait_for("our spans", lambda: len(collector.spans) >= 2 and collector.spans)
    told = {span.attributes["url.path"]: span for span in spans}
    assert set(told) == {"/things/ill-formed", "/things/sampled"}
    assert told["/things/ill-formed"].trace not in (TRACE, "0" * 32), "a trace of its own"


def test_the_variables_of_opentelemetry_are_known(world: World, collector: Collector):
    portcullis = serve(
        world,
        "",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url + "/",
        OTEL_EXPORTER_OTLP_HEADERS=f"x-api-key={CANARY}",
        OTEL_SERVICE_NAME="gatekeeper",
        OTEL_TRACES_SAMPLER="always_on",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    )
    assert ask(world, "/open", *parent(sampled=False)) == 200
    wait_for("our span", lambda: collector.of("gatekeeper"))
    assert collector.headers[0]["x-api-key"] == CANARY
    assert CANARY not in portcullis.output()
    warned = [
        line["protocol"] for line in portcullis.lines() if "whatever the OTEL variables" in line.get("message", "")
    ]
    assert warned == ["grpc"], "what is not spoken is told, and spans are sent all the same"


def test_the_last_spans_are_sent_before_the_end(world: World, collector: Collector):
    portcullis = serve(world, collector.url)
    for _ in range(5):
        ask(world, "/open")
    assert portcullis.stop() == 0
    assert len(collector.of("portcullis")) == 5


@pytest.mark.parametrize("how", ["closed", "deaf", "refusing"])
def test_without_a_collector_nobody_waits_and_what_is_lost_is_counted(world: World, collector: Collector, how: str):
    deaf = socket.create_server(("127.0.0.1", 0), backlog=64)
    url = {
        "closed": f"http://127.0.0.1:{free_port()}",
        "deaf": f"http://127.0.0.1:{deaf.getsockname()[1]}",
        "refusing": f"{collector.url}/not-here",
    }[how]
    portcullis = serve(world, url)
    began = time.monotonic()
    statuses = [ask(world, "/things/1") for _ in range(50)] + [ask(world, "/open") for _ in range(50)]
    assert statuses == [401] * 50 + [200] * 50
    assert time.monotonic() - began < 30, "a generous bound: Envoy would have answered 503 after its 250 ms"

    def dropped() -> bool:
        metrics = http_get(f"http://127.0.0.1:{world.ports.metrics}/metrics")[1]
        lines = [line for line in metrics.splitlines() if line.startswith("portcullis_spans_dropped_total ")]
        return bool(lines) and float(lines[0].split()[1]) == 100

    wait_for("all spans are counted as dropped", dropped, portcullis)
    told = [line for line in portcullis.lines() if "the trace collector takes no spans" in line.get("message", "")]
    assert len(told) == 1, "an outage is told once"
    deaf.close()
