//! JSON Web Keys (RFC 7517, 7518 section 6, 8037): one by one, so that one odd key spoils no other.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicKeyComponents;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use serde_json::{Map, Value};

use crate::token::json;
use crate::token::settings::Algorithm;

use super::{Key, KeySet, KeysError, MOST_KEYS, Origin, RSA, RejectedKey, public_key};

/// Reads a set; a set over the limit is refused whole.
pub(super) fn read(bytes: &[u8], origin: Origin) -> Result<KeySet, KeysError> {
    let mut document = json::object(bytes).map_err(|_| KeysError::Unreadable("it is no JWK set: no JSON object"))?;
    let Some(Value::Array(keys)) = document.remove("keys") else {
        return Err(KeysError::Unreadable("it is no JWK set: no list `keys`"));
    };
    if keys.len() > MOST_KEYS {
        return Err(KeysError::Unreadable("it holds over 200 keys"));
    }
    let mut set = KeySet::default();
    for (index, value) in keys.into_iter().enumerate() {
        let name = value.get("kid").and_then(Value::as_str).map_or_else(|| format!("#{index}"), str::to_owned);
        match one(value, origin) {
            Ok(key) => set.keys.push(key),
            Err(cause) => set.rejected.push(RejectedKey { key: name.into(), cause }),
        }
    }
    Ok(set)
}

fn one(value: Value, origin: Origin) -> Result<Key, &'static str> {
    let Value::Object(members) = &value else { return Err("malformed") };
    let intent = Intent::read(members)?;
    let jwk: Jwk = serde_json::from_value(known_members(members)).map_err(|_| "malformed")?;
    let id = match members.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.as_str().into()),
        Some(_) => return Err("malformed"),
    };
    let (algorithms, material) = match &jwk.algorithm {
        AlgorithmParameters::RSA(parameters) => (RSA.to_vec(), rsa(&parameters.n, &parameters.e)?),
        AlgorithmParameters::EllipticCurve(parameters) => {
            let (algorithm, length) = match parameters.curve {
                EllipticCurve::P256 => (Algorithm::Es256, 32),
                EllipticCurve::P384 => (Algorithm::Es384, 48),
                EllipticCurve::P521 => (Algorithm::Es512, 66),
                _ => return Err("unknown_type"),
            };
            (vec![algorithm], point(&parameters.x, &parameters.y, length)?)
        }
        AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
            (vec![Algorithm::EdDsa], decode(&parameters.x).filter(|x| x.len() == 32).ok_or("malformed")?)
        }
        // A shared secret that everybody can fetch is none.
        AlgorithmParameters::OctetKey(_) => {
            return Err(if origin == Origin::Fetched { "symmetric" } else { "symmetric_in_set" });
        }
        _ => return Err("unknown_type"),
    };
    let algorithms: Vec<Algorithm> = algorithms.into_iter().filter(|one| intent.allows(*one)).collect();
    if algorithms.is_empty() {
        return Err("wrong_algorithm");
    }
    public_key(id, false, &algorithms, &material).ok_or("malformed")
}

/// What a key says it is for.
struct Intent {
    algorithm: Option<String>,
}

impl Intent {
    fn read(members: &Map<String, Value>) -> Result<Self, &'static str> {
        if ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| members.contains_key(*name)) {
            return Err("private");
        }
        match members.get("use") {
            None => {}
            Some(Value::String(purpose)) if matches!(purpose.as_str(), "sig" | "jwt-svid") => {}
            Some(_) => return Err("not_for_signatures"),
        }
        match members.get("key_ops") {
            None => {}
            Some(Value::Array(operations)) if operations.iter().any(|one| one == "verify") => {}
            Some(_) => return Err("not_for_signatures"),
        }
        match members.get("alg") {
            None => Ok(Self { algorithm: None }),
            Some(Value::String(name)) => Ok(Self { algorithm: Some(name.clone()) }),
            Some(_) => Err("malformed"),
        }
    }

    fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithm.as_ref().is_none_or(|name| Algorithm::from_name(name) == Some(algorithm))
    }
}

/// The members that make the key; others (`x5c`, `use`, …) have been judged or do not matter, and some
/// issuers write them in forms that would spoil the key.
fn known_members(members: &Map<String, Value>) -> Value {
    let kept = ["kty", "n", "e", "crv", "x", "y", "k"];
    let copy = |name: &&str| members.get(*name).map(|value| ((*name).to_owned(), value.clone()));
    Value::Object(kept.iter().filter_map(copy).collect())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Modulus and exponent as `SubjectPublicKeyInfo`.
fn rsa(n: &str, e: &str) -> Result<Vec<u8>, &'static str> {
    let strip = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
    let n = strip(decode(n).ok_or("malformed")?);
    let e = strip(decode(e).ok_or("malformed")?);
    let bits = n.len() * 8 - n.first().map_or(0, |first| usize::try_from(first.leading_zeros()).unwrap_or(0));
    if bits < 2048 {
        return Err("weak");
    }
    if bits > 8192 {
        return Err("too_large");
    }
    // e = 1 verifies everything; an even one is no exponent.
    let is_sound = e.last().is_some_and(|last| last % 2 == 1) && e.as_slice() != [1];
    if !is_sound {
        return Err("weak");
    }
    let der: PublicKeyX509Der<'_> = PublicKeyComponents { n, e }.as_der().map_err(|_| "malformed")?;
    Ok(der.as_ref().to_vec())
}

/// An uncompressed point (SEC 1, section 2.3.3). Coordinates have their full length (RFC 7518 section 6.2.1.2).
fn point(x: &str, y: &str, length: usize) -> Result<Vec<u8>, &'static str> {
    let coordinate = |text: &str| decode(text).filter(|bytes| bytes.len() == length).ok_or("malformed");
    Ok([&[4][..], &coordinate(x)?, &coordinate(y)?].concat())
}
