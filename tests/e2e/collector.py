"""A trace collector: takes OTLP over HTTP as the specification has it, decoded by OpenTelemetry's own messages."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    state: str
    attributes: dict[str, object]
    nanoseconds: int
    is_error: bool


class Collector(ThreadingHTTPServer):
    """Remembers the spans of everybody who sends some, and how they were sent."""

    daemon_threads = True

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), _Delivery)
        self.spans: list[Span] = []
        self.headers: list[dict[str, str]] = []
        self.bytes = b""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def of(self, service: str) -> list[Span]:
        return [span for span in self.spans if span.service == service]

    def take(self, headers: dict[str, str], body: bytes) -> None:
        delivered = ExportTraceServiceRequest.FromString(body)
        self.headers.append(headers)
        self.bytes += body
        for resource in delivered.resource_spans:
            service = _plain(resource.resource.attributes).get("service.name", "")
            self.spans += [_span(service, span) for scope in resource.scope_spans for span in scope.spans]


def _span(service: str, span) -> Span:
    return Span(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        _plain(span.attributes),
        span.end_time_unix_nano - span.start_time_unix_nano,
        span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _plain(attributes) -> dict[str, object]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


class _Delivery(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        chunked = "content-length" not in self.headers
        body = self.chunks() if chunked else self.rfile.read(int(self.headers["content-length"]))
        is_ours = self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
        if is_ours:
            self.server.take({name.lower(): value for name, value in self.headers.items()}, body)
        self.send_response(200 if is_ours else 400)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *values) -> None:
        pass
