"""Clients that send exactly what a test says: HTTP/1.1, HTTP/2 with prior knowledge, and gRPC."""

import http.client
import json
import socket
from dataclasses import dataclass

import grpc
import h2.config
import h2.connection
import h2.events

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The one value of a header; two of them are a mistake that no test should overlook."""
        values = [value for present, value in self.headers if present.lower() == name]
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def json(self) -> dict:
        return json.loads(self.body)

    def reached_upstream(self) -> bool:
        return self.status == 200 and b'"headers"' in self.body

    def upstream(self, name: str) -> list[str]:
        """The values under which a header reached the upstream, which answers with what it saw."""
        assert self.reached_upstream(), f"{self.status} {self.body[:200]!r}"
        return [value for present, value in self.json()["headers"] if present == name]


def http1(port: int, method: str, path: str, headers: Headers = (), body: bytes | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    names = {name.lower() for name, _ in headers}
    try:
        connection.putrequest(method, path, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def http2(port: int, method: str, path: str, headers: Headers = (), body: bytes | None = None) -> Answer:
    wanted = dict(headers)
    authority = wanted.pop("host", f"127.0.0.1:{port}")
    fields = [(":method", method), (":path", path), (":scheme", "http"), (":authority", authority)]
    fields += [(name.lower(), value) for name, value in headers if name.lower() != "host"]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        peer = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        peer.initiate_connection()
        peer.send_headers(1, fields, end_stream=body is None)
        if body is not None:
            peer.send_data(1, body, end_stream=True)
        connection.sendall(peer.data_to_send())
        return _read_stream(peer, connection)


def _read_stream(peer: h2.connection.H2Connection, connection: socket.socket) -> Answer:
    headers: Headers = []
    body = b""
    while True:
        data = connection.recv(65536)
        assert data, "the connection ended before the answer did"
        for event in peer.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                headers = event.headers
            elif isinstance(event, h2.events.DataReceived):
                body += event.data
                peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                raise AssertionError(f"no answer: {event}")
            elif isinstance(event, h2.events.StreamEnded):
                fields = [(name, value) for name, value in headers if not name.startswith(":")]
                return Answer(int(dict(headers)[":status"]), fields, body)
        connection.sendall(peer.data_to_send())


def grpc_call(
    where: int | str, method: str, message: bytes = b"", metadata: Headers = ()
) -> tuple[grpc.StatusCode, bytes, str]:
    """Status, message and details of a unary call to a port or a `unix:` address, as a client library reports them."""
    target = where if isinstance(where, str) else f"127.0.0.1:{where}"
    # The library would make an authority of the path of a socket, with characters that no authority may have.
    with grpc.insecure_channel(target, options=[("grpc.default_authority", "localhost")]) as channel:
        call = channel.unary_unary(method)
        try:
            return grpc.StatusCode.OK, call(message, metadata=list(metadata), timeout=10), ""
        except grpc.RpcError as refused:
            return refused.code(), b"", refused.details() or ""


def bearer(token: str) -> Headers:
    return [("authorization", f"Bearer {token}")]
