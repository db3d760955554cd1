"""Writes public.json: the public half of every key beside it as a JWK, and certificates and other forms.

Run with `cryptography` (see ../requirements.txt). The keys are for tests only and protect nothing.
"""

import base64
import json
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519

HERE = pathlib.Path(__file__).parent
CURVES = {
    "secp256r1": ("P-256", 32),
    "secp384r1": ("P-384", 48),
    "secp521r1": ("P-521", 66),
    "secp256k1": ("secp256k1", 32),
}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def jwk(key):
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        name, length = CURVES[key.curve.name]
        numbers = key.public_numbers()
        return {"kty": "EC", "crv": name, "x": number(numbers.x, length), "y": number(numbers.y, length)}
    name = {ed25519.Ed25519PublicKey: "Ed25519", ed448.Ed448PublicKey: "Ed448", x25519.X25519PublicKey: "X25519"}
    crv = next(name[kind] for kind in name if isinstance(key, kind))
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"kty": "OKP", "crv": crv, "x": b64(raw)}


def main():
    public = {}
    for path in sorted(HERE.glob("*.pem")):
        if path.name.endswith((".pub.pem", ".crt.pem")):
            continue
        key = serialization.load_pem_private_key(path.read_bytes(), None).public_key()
        public[path.stem] = jwk(key)
        spki = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (HERE / f"{path.stem}.pub.pem").write_bytes(spki)
    pkcs1 = serialization.load_pem_private_key((HERE / "rsa-a.pem").read_bytes(), None).public_key()
    pkcs1 = pkcs1.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    (HERE / "rsa-a.pkcs1.pub.pem").write_bytes(pkcs1)
    (HERE / "public.json").write_text(json.dumps(public, indent=1, sort_keys=True) + "\n")


main()
