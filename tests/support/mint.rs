//! Makes tokens for tests and measurements, signed with the keys under `tests/data/tokens/keys`.

#![allow(dead_code, unreachable_pub, reason = "each user needs another part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on stops"
)]
#![allow(missing_docs, clippy::must_use_candidate, reason = "for tests")]

use std::fs;
use std::path::PathBuf;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaEncoding, RsaKeyPair};
use aws_lc_rs::{hmac, rsa};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Signs with one key and one algorithm.
pub struct Signer {
    /// The key's file name, which is its `kid` too.
    pub name: &'static str,
    /// The `alg`.
    pub algorithm: &'static str,
    key: SigningKey,
}

enum SigningKey {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(hmac::Key),
}

impl Signer {
    /// A signer by algorithm and key.
    pub fn new(algorithm: &'static str, name: &'static str) -> Self {
        let der = private(name);
        let rsa = |encoding| SigningKey::Rsa(rsa::KeyPair::from_pkcs8(&der).expect("an RSA key"), encoding);
        let ecdsa = |kind| SigningKey::Ecdsa(EcdsaKeyPair::from_pkcs8(kind, &der).expect("an EC key"));
        let key = match algorithm {
            "RS256" => rsa(&signature::RSA_PKCS1_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_SHA384),
            "RS512" => rsa(&signature::RSA_PKCS1_SHA512),
            "PS256" => rsa(&signature::RSA_PSS_SHA256),
            "PS384" => rsa(&signature::RSA_PSS_SHA384),
            "PS512" => rsa(&signature::RSA_PSS_SHA512),
            "ES256" => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            "ES512" => ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            "EdDSA" | "Ed25519" => {
                SigningKey::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("an Ed25519 key"))
            }
            other => panic!("no key signs {other}"),
        };
        Self { name, algorithm, key }
    }

    /// A signer with a shared secret.
    pub fn hmac(algorithm: &'static str, secret: &[u8]) -> Self {
        let hash = match algorithm {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            other => panic!("no secret signs {other}"),
        };
        Self { name: "secret", algorithm, key: SigningKey::Hmac(hmac::Key::new(hash, secret)) }
    }

    /// The public key with its `kid` and `alg`.
    pub fn jwk(&self) -> Value {
        let mut jwk = public(self.name);
        jwk["kid"] = self.name.into();
        jwk["alg"] = self.algorithm.into();
        jwk
    }

    /// A token with `alg` and `kid`.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": self.algorithm, "kid": self.name });
        self.sign(header.to_string(), claims.to_string())
    }

    /// A token with an `alg` and whatever else the header is to hold; null takes a member out.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let mut full = json!({ "alg": self.algorithm, "kid": self.name });
        for (name, value) in header.as_object().expect("an object") {
            full[name] = value.clone();
        }
        full.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        self.sign(full.to_string(), claims.to_string())
    }

    /// Signs header and payload as they are.
    pub fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", part(header), part(payload));
        let signature = self.signature(signed.as_bytes());
        format!("{signed}.{}", part(signature))
    }

    /// The bare signature.
    pub fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            SigningKey::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, signed, &mut signature).expect("a signature");
                signature
            }
            SigningKey::Ecdsa(key) => key.sign(&random, signed).expect("a signature").as_ref().to_vec(),
            SigningKey::Ed25519(key) => key.sign(signed).as_ref().to_vec(),
            SigningKey::Hmac(key) => hmac::sign(key, signed).as_ref().to_vec(),
        }
    }
}

/// One part of a compact token.
pub fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A JWK set of these keys.
pub fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A file below `tests/data/tokens`.
pub fn data(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tokens").join(path);
    fs::read(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

/// The public half of a key, without `kid` and `alg`.
pub fn public(name: &str) -> Value {
    let all: Value = serde_json::from_slice(&data("keys/public.json")).expect("public keys");
    assert!(all[name].is_object(), "no key {name}");
    all[name].clone()
}

/// A public key in PEM.
pub fn pem(name: &str) -> String {
    String::from_utf8(data(&format!("keys/{name}.pub.pem"))).expect("a PEM")
}

fn private(name: &str) -> Vec<u8> {
    let text = String::from_utf8(data(&format!("keys/{name}.pem"))).expect("a PEM");
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).expect("a PEM")
}
