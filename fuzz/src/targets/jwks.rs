//! Any bytes as a key set.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::token::keys::KeySet;
use serde_json::{Map, Value};

/// Bounded, the same the second time, and none is kept that no RFC would let verify.
pub fn jwks(bytes: &[u8]) {
    let (first, second) = (KeySet::from_jwks(bytes), KeySet::from_jwks(bytes));
    match (first, second) {
        (Ok(one), Ok(other)) => {
            assert!(!one.is_empty() && one.len() <= 200, "{} keys", one.len());
            assert_eq!(one.len(), other.len());
            assert!(one.shares_a_key_with(&other));
            if let Ok(set) = serde_json::from_slice::<Value>(bytes) {
                let mut sound = sound_ids(&set).into_iter();
                for (kept, _) in one.describe() {
                    assert!(sound.any(|id| id == kept), "{kept:?} is kept of {set}");
                }
            }
        }
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => panic!("{one:?} and then {other:?}"),
    }
    let _ = KeySet::from_pem(bytes);
}

/// The ids of keys that may be of use, in their order. Everything else has to be left out.
pub fn sound_ids(set: &Value) -> Vec<Option<&str>> {
    let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sound = keys.iter().filter_map(Value::as_object).filter(|key| is_sound(key));
    sound.map(|key| key.get("kid").and_then(Value::as_str)).collect()
}

/// Public, for signatures, and of a type and size that can be.
fn is_sound(key: &Map<String, Value>) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)).unwrap_or_default();
    let is_public = !["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| key.contains_key(*name));
    let is_to_verify = key.get("use").is_none_or(|word| word == "sig" || word == "jwt-svid")
        && key
            .get("key_ops")
            .is_none_or(|words| words.as_array().is_some_and(|words| words.contains(&"verify".into())));
    let fits = match (text("kty"), text("crv")) {
        ("RSA", _) => (2048..=8192).contains(&bits(&bytes("n"))) && (2..=32).contains(&bits(&bytes("e"))),
        ("EC", "P-256") => bytes("x").len() == 32 && bytes("y").len() == 32,
        ("EC", "P-384") => bytes("x").len() == 48 && bytes("y").len() == 48,
        ("EC", "P-521") => bytes("x").len() == 66 && bytes("y").len() == 66,
        ("OKP", "Ed25519") => bytes("x").len() == 32,
        _ => false,
    };
    let own = match (text("kty"), text("crv")) {
        ("RSA", _) => ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].as_slice(),
        (_, "P-256") => &["ES256"],
        (_, "P-384") => &["ES384"],
        (_, "P-521") => &["ES512"],
        _ => &["EdDSA", "Ed25519"],
    };
    let is_its_own = key.get("alg").is_none_or(|name| name.as_str().is_some_and(|name| own.contains(&name)));
    is_public && is_to_verify && fits && is_its_own
}

/// Of a number, the most significant byte first.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    number.first().map_or(0, |first| number.len() * 8 - usize::try_from(first.leading_zeros()).expect("few"))
}
