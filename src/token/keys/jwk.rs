//! JSON Web Keys (RFC 7517, 7518 section 6, 8037): one by one, so that one odd key spoils no other.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use serde_json::{Map, Value};

use crate::token::json::{self, Flaw};
use crate::token::settings::Algorithm;

use super::fault::KeyFault;
use super::public::{self, Name, Numbers};
use super::{Key, KeySet, KeysError, MOST_KEYS, RejectedKey, der};

/// Reads a set; a set over the limit is refused whole.
pub(super) fn read(bytes: &[u8]) -> Result<KeySet, KeysError> {
    let keys = json::elements(bytes, "keys").map_err(|flaw| {
        KeysError::Unreadable(match flaw {
            Flaw::NoObject => "it is no JWK set: no JSON object with a list `keys`",
            Flaw::Twice => "it is no JWK set: `keys` is there twice",
            Flaw::TooDeep => "it is no JWK set: nested too deeply",
        })
    })?;
    if keys.len() > MOST_KEYS {
        return Err(KeysError::Unreadable("it holds over 200 keys"));
    }
    let mut set = KeySet::default();
    for (index, value) in keys.into_iter().enumerate() {
        let id = value.as_ref().and_then(|key| key.get("kid")).and_then(Value::as_str);
        match value.as_ref().ok_or(KeyFault::Malformed).and_then(one) {
            Ok(key) => set.keys.push(key),
            Err(fault) => set.rejected.push(match id {
                Some(id) => RejectedKey::named(id, fault),
                None => RejectedKey::unnamed(index, fault),
            }),
        }
    }
    Ok(set)
}

fn one(value: &Value) -> Result<Key, KeyFault> {
    let Value::Object(members) = value else { return Err(KeyFault::Malformed) };
    let intent = Intent::read(members)?;
    let id = match members.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.as_str().into()),
        Some(_) => return Err(KeyFault::Malformed),
    };
    let name = Name::Id(id);
    let is_for = |algorithm| intent.allows(algorithm);
    #[expect(clippy::wildcard_enum_match_arm, reason = "what the library will know later is unknown to us")]
    match parameters(members)? {
        AlgorithmParameters::RSA(parameters) => {
            let (n, e) = (decode(&parameters.n)?, decode(&parameters.e)?);
            let numbers = Numbers::Rsa { n: der::without_zeros(&n), e: der::without_zeros(&e) };
            public::key(name, &numbers, is_for)
        }
        AlgorithmParameters::EllipticCurve(parameters) => {
            let (algorithm, length) = match parameters.curve {
                EllipticCurve::P256 => (Algorithm::Es256, 32),
                EllipticCurve::P384 => (Algorithm::Es384, 48),
                EllipticCurve::P521 => (Algorithm::Es512, 66),
                _ => return Err(KeyFault::UnknownType),
            };
            let point = point(&parameters.x, &parameters.y, length)?;
            public::key(name, &Numbers::Point(algorithm, &point), is_for)
        }
        AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
            let x = decode(&parameters.x)?;
            if x.len() != 32 {
                return Err(KeyFault::Malformed);
            }
            public::key(name, &Numbers::Point(Algorithm::EdDsa, &x), is_for)
        }
        // A shared secret that everybody can fetch is none; and one in a file is named by `secret_file`.
        AlgorithmParameters::OctetKey(_) => Err(KeyFault::Symmetric),
        _ => Err(KeyFault::UnknownType),
    }
}

/// The members that make the key. Others (`x5c`, `x5t`, …) do not matter, and some issuers write them in
/// forms that would spoil the key.
fn parameters(members: &Map<String, Value>) -> Result<AlgorithmParameters, KeyFault> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let known_curves = match text("kty").ok_or(KeyFault::Malformed)? {
        "RSA" | "oct" => None,
        "EC" => Some(&["P-256", "P-384", "P-521"][..]),
        "OKP" => Some(&["Ed25519"][..]),
        _ => return Err(KeyFault::UnknownType),
    };
    if let Some(known) = known_curves
        && !known.contains(&text("crv").ok_or(KeyFault::Malformed)?)
    {
        return Err(KeyFault::UnknownType);
    }
    let kept = ["kty", "n", "e", "crv", "x", "y", "k"];
    let copy = |name: &&str| members.get(*name).map(|value| ((*name).to_owned(), value.clone()));
    let key = Value::Object(kept.iter().filter_map(copy).collect());
    serde_json::from_value::<Jwk>(key).map(|jwk| jwk.algorithm).map_err(|_| KeyFault::Malformed)
}

/// What a key says it is for.
struct Intent {
    algorithm: Option<String>,
}

impl Intent {
    fn read(members: &Map<String, Value>) -> Result<Self, KeyFault> {
        if ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| members.contains_key(*name)) {
            return Err(KeyFault::Private);
        }
        match members.get("use") {
            None => {}
            Some(Value::String(purpose)) if matches!(purpose.as_str(), "sig" | "jwt-svid") => {}
            Some(_) => return Err(KeyFault::NotForSignatures),
        }
        match members.get("key_ops") {
            None => {}
            Some(Value::Array(operations)) if operations.iter().any(|one| one == "verify") => {}
            Some(_) => return Err(KeyFault::NotForSignatures),
        }
        match members.get("alg") {
            None => Ok(Self { algorithm: None }),
            Some(Value::String(name)) => Ok(Self { algorithm: Some(name.clone()) }),
            Some(_) => Err(KeyFault::Malformed),
        }
    }

    fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithm.as_ref().is_none_or(|name| Algorithm::from_name(name) == Some(algorithm))
    }
}

fn decode(text: &str) -> Result<Vec<u8>, KeyFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyFault::Malformed)
}

/// An uncompressed point (SEC 1, section 2.3.3). Coordinates have their full length (RFC 7518 section 6.2.1.2).
fn point(x: &str, y: &str, length: usize) -> Result<Vec<u8>, KeyFault> {
    let (x, y) = (decode(x)?, decode(y)?);
    if x.len() != length || y.len() != length {
        return Err(KeyFault::Malformed);
    }
    Ok([&[4][..], &x, &y].concat())
}
