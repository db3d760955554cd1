"""Keys, and tokens shaped exactly as three kinds of issuer make them.

Written with a signature library only, so that the shapes are the issuers' and not a JWT library's:
Laravel Passport (RS256, no `kid`, no `iss`, fractional times), tymon/jwt-auth (HS256, integer `sub`,
`prv`), and an OpenID provider (RS256 or ES256, `kid`, `iss`, `scope`).
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import string
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

OPENID_ISSUER = "https://auth.example.com"
JWT_AUTH_ISSUER = "https://auth.example.com/api/login"
PASSPORT_CLIENT = "2"
OPENID_AUDIENCE = "crm"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def model_hash(model: str) -> str:
    """`prv` of tymon/jwt-auth: the SHA-1 of the class that the subject is an instance of."""
    return hashlib.sha1(model.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Keys:
    """What AuthService signs with."""

    passport: rsa.RSAPrivateKey
    openid_rsa: rsa.RSAPrivateKey
    openid_ec: ec.EllipticCurvePrivateKey
    secret: bytes

    @staticmethod
    def load_or_create(directory: Path) -> "Keys":
        """Keys are made once per directory; none is ever in the repository."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        passport = _private_key(directory / "oauth-private.key", lambda: _rsa(4096))
        _write(directory / "oauth-public.key", _public_pem(passport), 0o644)
        secret = directory / "jwt-secret"
        if not secret.exists():
            alphabet = string.ascii_letters + string.digits
            _write(secret, "".join(secrets.choice(alphabet) for _ in range(64)).encode(), 0o600)
        return Keys(
            passport=passport,
            openid_rsa=_private_key(directory / "openid-rsa.key", lambda: _rsa(2048)),
            openid_ec=_private_key(directory / "openid-ec.key", lambda: ec.generate_private_key(ec.SECP256R1())),
            secret=secret.read_bytes(),
        )

    def jwks(self) -> dict:
        """The public keys of the OpenID provider (RFC 7517)."""
        rsa_numbers = self.openid_rsa.public_key().public_numbers()
        ec_numbers = self.openid_ec.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "kid": "rsa-1",
                    "use": "sig",
                    "alg": "RS256",
                    "n": base64url(rsa_numbers.n.to_bytes(256, "big")),
                    "e": base64url(rsa_numbers.e.to_bytes(3, "big")),
                },
                {
                    "kty": "EC",
                    "kid": "ec-1",
                    "use": "sig",
                    "alg": "ES256",
                    "crv": "P-256",
                    "x": base64url(ec_numbers.x.to_bytes(32, "big")),
                    "y": base64url(ec_numbers.y.to_bytes(32, "big")),
                },
            ]
        }


def passport(keys: Keys, subject: str, scopes: list[str], expires_in: float = 3600) -> str:
    """Laravel Passport (league/oauth2-server 8, lcobucci/jwt): no issuer, no key id, times with fractions."""
    now = time.time()
    claims = {
        "aud": PASSPORT_CLIENT,
        "jti": secrets.token_hex(40),
        "iat": round(now, 6),
        "nbf": round(now, 6),
        "exp": round(now + expires_in, 6),
        "sub": subject,
        "scopes": scopes,
    }
    return _compact({"typ": "JWT", "alg": "RS256"}, claims, lambda data: _rs256(keys.passport, data))


def jwt_auth(keys: Keys, subject: int, role: str, model: str, expires_in: float = 3600) -> str:
    """tymon/jwt-auth with a custom claim `role`: a secret shared with whoever verifies, integer subjects."""
    now = int(time.time())
    claims = {
        "iss": JWT_AUTH_ISSUER,
        "iat": now,
        "exp": now + int(expires_in),
        "nbf": now,
        "jti": "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(16)),
        "sub": subject,
        "prv": model_hash(model),
        "role": role,
    }
    return _compact(
        {"typ": "JWT", "alg": "HS256"}, claims, lambda data: hmac.new(keys.secret, data, hashlib.sha256).digest()
    )


def openid(
    keys: Keys,
    subject: str,
    scope: str,
    algorithm: str = "RS256",
    expires_in: float = 3600,
    more: dict | None = None,
) -> str:
    """A standard OpenID provider's access token (RFC 9068), with more claims where wanted."""
    now = int(time.time())
    claims = {
        "iss": OPENID_ISSUER,
        "aud": OPENID_AUDIENCE,
        "sub": subject,
        "client_id": "partner-app",
        "iat": now,
        "exp": now + int(expires_in),
        "jti": secrets.token_urlsafe(16),
        "scope": scope,
        **(more or {}),
    }
    signers = {"RS256": ("rsa-1", _rs256, keys.openid_rsa), "ES256": ("ec-1", _es256, keys.openid_ec)}
    key_id, sign, key = signers[algorithm]
    header = {"alg": algorithm, "typ": "at+jwt", "kid": key_id}
    return _compact(header, claims, lambda data: sign(key, data))


def _compact(header: dict, claims: dict, sign) -> str:
    def part(value: dict) -> str:
        return base64url(json.dumps(value, separators=(",", ":")).encode())

    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{base64url(sign(signed.encode()))}"


def _rs256(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _es256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    # A JWS holds the two numbers side by side (RFC 7518, 3.4), not in DER.
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _rsa(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _private_key(path: Path, create):
    if not path.exists():
        pem = create().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(path, pem, 0o600)
    return serialization.load_pem_private_key(path.read_bytes(), password=None)


def _public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
