use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Key, KeySet};
use crate::token::settings::{Algorithm, Encoding};

/// Where the RFC examples are that the verifier is held to as well.
const EXAMPLES: &str = include_str!("../../../tests/data/tokens/rfc.json");

fn key(example: &Value, algorithm: Algorithm) -> KeySet {
    let key = &example["key"];
    match key["k"].as_str() {
        Some(secret) => KeySet::from_secret(secret.as_bytes(), Encoding::Base64Url, &[algorithm]),
        None => KeySet::from_jwks(json!({ "keys": [key] }).to_string().as_bytes()),
    }
    .expect("the key of an RFC")
}

/// RFC 7515 A.1 to A.4, RFC 7520 4.1 to 4.7 and 6, RFC 7797 4.1 and 4.2, RFC 8037 A.4: detached, unencoded and
/// without a signed header too, since a key sees nothing but bytes.
#[test]
fn the_signatures_of_the_rfcs_hold_and_none_holds_with_another_bit_or_algorithm() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).expect("a list of examples");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let signed: Vec<&Value> = examples.iter().filter(|example| example["signed"].is_string()).collect();
    assert_eq!(signed.len(), 17, "an example is missing");
    for example in signed {
        let name = &example["name"];
        let algorithm = Algorithm::from_name(&text(&example["algorithm"])).expect("an algorithm");
        let set = key(example, algorithm);
        let key: &Key = set.keys().first().expect("one key");
        let bytes = text(&example["signed"]).into_bytes();
        let signature = URL_SAFE_NO_PAD.decode(text(&example["signature"])).expect("base64url");
        assert!(key.verifies(algorithm, &bytes, &signature), "{name}");

        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(!key.verifies(algorithm, &other, &signature), "{name}: bit {at} of what was signed");
        }
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut other = signature.clone();
            other[at] ^= 1;
            assert!(!key.verifies(algorithm, &bytes, &other), "{name}: bit {at} of the signature");
        }
        for cut in [&[][..], &signature[1..], &signature[..signature.len() - 1]] {
            assert!(!key.verifies(algorithm, &bytes, cut), "{name}: a part of the signature");
        }
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert!(!key.verifies(other, &bytes, &signature), "{name} as {}", other.name());
        }
    }
}

#[test]
fn a_secret_is_what_its_encoding_says_or_refused() {
    let secret = b"\x01\xab a secret of a policy, as long as its hash";
    let hex = "01ab206120736563726574206f66206120706f6c6963792c206173206c6f6e67206173206974732068617368";
    let read = |text: &str, encoding| KeySet::from_secret(text.as_bytes(), encoding, &[Algorithm::Hs256]);
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"signed");
    let good = [
        (hex.to_owned(), Encoding::Hex),
        (format!("{}\n", hex.to_uppercase()), Encoding::Hex),
        (STANDARD.encode(secret), Encoding::Base64),
        (URL_SAFE_NO_PAD.encode(secret), Encoding::Base64Url),
        (format!("{}==\n", URL_SAFE_NO_PAD.encode(secret)), Encoding::Base64Url),
    ];
    for (text, encoding) in &good {
        let set = read(text, *encoding).expect("a secret");
        let key = set.keys().first().expect("one key");
        assert!(key.verifies(Algorithm::Hs256, b"signed", mac.as_ref()), "{text} as {encoding:?}");
    }
    let bad = [
        (format!("{hex}a"), Encoding::Hex),
        (format!("{hex}+1"), Encoding::Hex),
        (format!("{hex}0g"), Encoding::Hex),
        (format!("{hex}é"), Encoding::Hex),
        (format!("{}!", STANDARD.encode(secret)), Encoding::Base64),
        (format!("{}+/", URL_SAFE_NO_PAD.encode(secret)), Encoding::Base64Url),
    ];
    for (text, encoding) in &bad {
        assert!(read(text, *encoding).is_err(), "{text} as {encoding:?}");
    }
}
