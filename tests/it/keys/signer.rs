//! Somebody who signs tokens.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An Ed25519 key with an id.
pub struct Signer {
    pub key_id: &'static str,
    pair: Ed25519KeyPair,
}

impl Signer {
    pub fn new(key_id: &'static str) -> Self {
        Self { key_id, pair: Ed25519KeyPair::generate().expect("a key") }
    }

    /// Its public half.
    pub fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.key_id, "use": "sig", "alg": "EdDSA", "x": x })
    }

    /// Its public half in PEM: `SubjectPublicKeyInfo` of RFC 8410.
    pub fn pem(&self) -> String {
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let der = [&prefix[..], self.pair.public_key().as_ref()].concat();
        let base64 = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n")
    }

    /// A token of an issuer that lasts an hour.
    pub fn token(&self, iss: &str) -> String {
        self.token_until(iss, now() + 3600)
    }

    /// A token of an issuer that lasts until a moment.
    pub fn token_until(&self, iss: &str, exp: i64) -> String {
        self.sign(&json!({ "iss": iss, "aud": "crm", "sub": "7", "exp": exp }))
    }

    /// A token of an issuer that lasts an hour, with other claims beside the usual ones.
    pub fn token_with(&self, iss: &str, more: &Value) -> String {
        let mut claims = json!({ "iss": iss, "aud": "crm", "sub": "7", "exp": now() + 3600 });
        let known = claims.as_object_mut().expect("an object");
        known.extend(more.as_object().expect("claims").clone());
        self.sign(&claims)
    }

    /// A token without `iss` that lasts an hour.
    pub fn nameless(&self) -> String {
        self.sign(&json!({ "aud": "crm", "sub": "7", "exp": now() + 3600 }))
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.key_id });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// A key set of these.
pub fn jwks(signers: &[&Signer]) -> String {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }).to_string()
}

/// Seconds since the epoch.
pub fn now() -> i64 {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock before the end of time")
}
