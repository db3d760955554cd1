"""AuthService: a small issuer, for the demo and the tests. Not part of the server, and not for production.

    GET  /.well-known/jwks.json   the OpenID provider's public keys
    GET  /api/user                who is asking, by the identity headers that Portcullis sets
    POST /tokens                  mints a token: {"shape": "passport", "subject": "7", "scopes": ["read-crm"]}

It listens on loopback. Through Envoy only what the policy opens can be reached; /tokens is not.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tokens

SHAPES = {"passport": tokens.passport, "jwt-auth": tokens.jwt_auth, "openid": tokens.openid}


class AuthService(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    keys: tokens.Keys
    # "Somebody else": the same shapes, signed with keys that nobody trusts.
    stranger: tokens.Keys

    def do_GET(self) -> None:
        if self.path == "/.well-known/jwks.json":
            self.answer(200, self.keys.jwks())
        elif self.path == "/api/user":
            # The application's whole part in it: trust these headers, because only Portcullis can have set them.
            self.answer(200, {"id": self.headers["x-user-id"], "guard": self.headers["x-user-guard"]})
        else:
            self.answer(404, {"message": "Not Found"})

    def do_POST(self) -> None:
        wish = json.loads(self.rfile.read(int(self.headers["content-length"] or 0)))
        if self.path != "/tokens":
            self.answer(404, {"message": "Not Found"})
            return
        keys = self.stranger if wish.pop("stranger", False) else self.keys
        self.answer(200, {"token": SHAPES[wish.pop("shape")](keys, **wish)})

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *values) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--port", type=int, default=8082)
    arguments.add_argument("--keys", type=Path, required=True, help="directory of the keys; made when missing")
    given = arguments.parse_args()
    AuthService.keys = tokens.Keys.load_or_create(given.keys)
    AuthService.stranger = tokens.Keys.load_or_create(given.keys / "stranger")
    Server(("127.0.0.1", given.port), AuthService).serve_forever()


if __name__ == "__main__":
    main()
