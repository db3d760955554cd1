"""Private keys as JWK (RFC 7517, 8037)."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tokens import base64url


def number(value: int, length: int | None = None) -> str:
    return base64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def private_jwk(algorithm: str, key_id: str) -> dict:
    named = {"kid": key_id, "alg": algorithm, "use": "sig"}
    if algorithm in ("RS256", "PS256"):
        return named | rsa_members(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    if algorithm == "ES256":
        return named | ec_members(ec.generate_private_key(ec.SECP256R1()))
    return named | ed25519_members(ed25519.Ed25519PrivateKey.generate())


def rsa_members(key: rsa.RSAPrivateKey) -> dict:
    private = key.private_numbers()
    public = private.public_numbers
    members = {"n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q}
    members |= {"dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp}
    return {"kty": "RSA"} | {name: number(value) for name, value in members.items()}


def ec_members(key: ec.EllipticCurvePrivateKey) -> dict:
    private = key.private_numbers()
    public = private.public_numbers
    members = {"x": public.x, "y": public.y, "d": private.private_value}
    return {"kty": "EC", "crv": "P-256"} | {name: number(value, 32) for name, value in members.items()}


def ed25519_members(key: ed25519.Ed25519PrivateKey) -> dict:
    raw = serialization.Encoding.Raw
    private = key.private_bytes(raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    public = key.public_key().public_bytes(raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public), "d": base64url(private)}
