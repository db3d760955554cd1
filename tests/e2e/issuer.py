"""An issuer whose public keys can be fetched (RFC 7517)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwk import ec_members

Key = tuple[str, ec.EllipticCurvePrivateKey]


def new_key(name: str) -> Key:
    return name, ec.generate_private_key(ec.SECP256R1())


def signed(key: Key, claims: dict) -> str:
    return jwt.encode(claims, key[1], "ES256", {"kid": key[0]})


class Issuer(ThreadingHTTPServer):
    """Publishes `keys`, whatever they are at that moment."""

    daemon_threads = True

    def __init__(self, keys: list[Key]) -> None:
        super().__init__(("127.0.0.1", 0), _Jwks)
        self.keys = keys
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jwks"

    def document(self) -> bytes:
        public = lambda key: {name: value for name, value in ec_members(key).items() if name != "d"}  # noqa: E731
        named = [{"kid": name, "alg": "ES256", "use": "sig", **public(key)} for name, key in self.keys]
        return json.dumps({"keys": named}).encode()


class _Jwks(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        body = self.server.document()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values) -> None:
        pass
