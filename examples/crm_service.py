"""CRMService: an upstream that answers with what reached it, so that one sees what Portcullis told it.

any method, any path   {"method", "path", "headers", "body"} as they arrived
GET /me                asks AuthService who its caller is, on behalf of the caller: it forwards the token
"""

import argparse
import http.client
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class CrmService(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    auth_port: int

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode(errors="replace"),
        }
        if self.path == "/me":
            seen["auth_service"] = self.ask_auth_service()
        data = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

    def ask_auth_service(self) -> dict:
        """AuthService is behind Envoy and Portcullis too: the question is judged like everybody's."""
        connection = http.client.HTTPConnection("127.0.0.1", self.auth_port, timeout=5)
        headers = {"host": "auth.example.com", "authorization": self.headers["authorization"] or ""}
        connection.request("GET", "/api/user", headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read() or b"null")
        connection.close()
        return {"status": answer.status, "body": body}

    def log_message(self, format: str, *values) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--port", type=int, default=8081)
    arguments.add_argument("--auth-port", type=int, default=8080, help="where AuthService is reached: Envoy's port")
    given = arguments.parse_args()
    CrmService.auth_port = given.auth_port
    Server(("127.0.0.1", given.port), CrmService).serve_forever()


if __name__ == "__main__":
    main()
