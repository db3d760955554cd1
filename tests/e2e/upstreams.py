"""Upstreams of the tests that are more than CRMService: a recorder, WebSocket echo, redirects, gRPC."""

import base64
import hashlib
import json
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc


class Upstream(ThreadingHTTPServer):
    """Answers with what it saw and remembers it.

    GET /old redirects to /new; a request with `upgrade: websocket` is accepted, and what then comes is sent back.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", port), _Conversation)
        self.seen: list[dict] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Upstream":
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        """Peers that vanish are part of the tests."""


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def handle_any(self) -> None:
        headers = [[name.lower(), value] for name, value in self.headers.items()]
        body = self.rfile.read(int(self.headers["content-length"] or 0)).decode(errors="replace")
        seen = {"method": self.command, "path": self.path, "headers": headers, "body": body}
        self.server.seen.append(seen)
        if self.headers.get("upgrade", "").lower() == "websocket":
            self.upgrade()
            return
        data = json.dumps(seen).encode()
        if self.path == "/old":
            self.send_response(302)
            self.send_header("location", f"http://{self.headers['host']}/new")
        else:
            self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_OPTIONS = handle_any

    def upgrade(self) -> None:
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "upgrade")
        accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest())
        self.send_header("sec-websocket-accept", accept.decode())
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(4096):
            self.connection.sendall(data)

    def log_message(self, format: str, *values) -> None:
        pass


class GrpcUpstream:
    """Any method answers with the call's metadata, as JSON."""

    def __init__(self, port: int):
        self.calls: list[dict[str, str]] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((_AnyMethod(self.calls),))
        self._server.add_insecure_port(f"127.0.0.1:{port}")

    def __enter__(self) -> "GrpcUpstream":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(grace=None).wait()


class _AnyMethod(grpc.GenericRpcHandler):
    def __init__(self, calls: list[dict[str, str]]):
        self.calls = calls

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        metadata = {name: str(value) for name, value in details.invocation_metadata}
        metadata[":path"] = details.method

        def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls.append(metadata)
            return json.dumps(metadata).encode()

        return grpc.unary_unary_rpc_method_handler(answer)
