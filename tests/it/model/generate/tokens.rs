//! Random keys, and tokens good and bad.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::random::Random;
use super::super::token::{Held, Key, Keys};
use super::{NOW, Signer};

pub(super) fn keys(signers: &[Signer], random: &mut Random) -> Vec<Keys> {
    let state = |chances: [usize; 3], random: &mut Random| -> Keys {
        let of = |signer: &Signer| {
            let key = match (&signer.secret, &signer.pair) {
                (Some(secret), _) => Key::Secret(secret.clone()),
                (None, Some((kid, pair))) => {
                    Key::Ed25519 { kid: kid.clone(), public: pair.public_key().as_ref().to_vec() }
                }
                (None, None) => panic!("an issuer without keys"),
            };
            let dice = random.below(100);
            let held = match (dice, &key) {
                (dice, _) if dice < chances[0] => Held::Never,
                (_, Key::Secret(_)) => Held::Local,
                (dice, _) if dice < chances[1] => Held::Fetched(NOW - 3 * 86_400),
                (dice, _) if dice < chances[2] => Held::Fetched(NOW - 3600),
                _ => Held::Fetched(NOW),
            };
            (signer.name.clone(), (vec![key], held))
        };
        signers.iter().map(of).collect::<BTreeMap<_, _>>()
    };
    vec![state([0, 0, 0], random), state([0, 0, 60], random), state([40, 70, 80], random)]
}

/// Tokens of every issuer, good ones and ones with a single flaw.
pub(super) fn tokens(signers: &[Signer], random: &mut Random) -> Vec<(String, Value)> {
    let mut tokens = Vec::new();
    for signer in signers {
        for _ in 0..8 {
            tokens.push((token(signer, None, random), signer.place.clone()));
        }
        for flaw in FLAWS {
            tokens.push((token(signer, Some(flaw), random), signer.place.clone()));
        }
    }
    tokens
}

pub(super) const FLAWS: [&str; 13] = [
    "expired",
    "early",
    "old",
    "audience",
    "type",
    "no-expiry",
    "subject",
    "signature",
    "algorithm",
    "key",
    "issuer",
    "junk",
    "large",
];

pub(super) fn token(signer: &Signer, flaw: Option<&str>, random: &mut Random) -> String {
    let mut claims = json!({ "exp": NOW + 600, "iat": NOW - 60, "aud": signer.audience });
    let members = claims.as_object_mut().expect("a map");
    if let Some(iss) = &signer.iss {
        members.insert("iss".into(), iss.as_str().into());
    }
    if random.chance(40) {
        members.insert("aud".into(), json!([signer.audience, "shared"]));
    }
    for (name, values) in [
        ("sub", vec![json!("7"), json!(7), json!("x"), json!("rest")]),
        ("scope", vec![json!("s1"), json!("s1 s2"), json!(["s2", "s3"]), json!("*")]),
        (
            "roles",
            vec![
                json!(["r1"]),
                json!(["r1", "r2", "r7", "rx"]),
                json!("r2"),
                json!({ "r3": true, "r1": false }),
            ],
        ),
        ("groups", vec![json!(["g1"]), json!([])]),
        ("permissions", vec![json!(["p1", "p2"]), json!("p1")]),
        ("tenant", vec![json!("x"), json!("y"), json!(["x", "7"]), json!("7"), json!({ "x": 1 }), json!(7)]),
        ("level", vec![json!(1), json!(3), json!(4), json!("3")]),
        ("kind", vec![json!("x"), json!("r1"), json!("Xy")]),
        ("flag", vec![json!(true), json!(false)]),
    ] {
        if random.chance(65) {
            members.insert(name.into(), values[random.below(values.len())].clone());
        }
    }
    let mut header = json!({ "alg": signer.algorithm });
    let head = header.as_object_mut().expect("a map");
    if random.chance(40) {
        head.insert("typ".into(), random.pick(&["JWT", "at+jwt", "application/at+jwt"]).into());
    }
    if signer.pair.is_some() && random.chance(70) {
        head.insert("kid".into(), "k1".into());
    }
    match flaw {
        Some("expired") => members.insert("exp".into(), (NOW - 300).into()),
        Some("early") => members.insert("nbf".into(), (NOW + 300).into()),
        Some("old") => members.insert("iat".into(), (NOW - 10_000).into()),
        Some("audience") => members.insert("aud".into(), "other".into()),
        Some("type") => head.insert("typ".into(), "dpop+jwt".into()),
        Some("no-expiry") => members.remove("exp"),
        Some("subject") => members.insert("sub".into(), json!(["7"])),
        Some("algorithm") => head.insert("alg".into(), "HS384".into()),
        Some("key") => head.insert("kid".into(), "k9".into()),
        Some("issuer") => members.insert("iss".into(), "https://elsewhere.test".into()),
        Some("junk") => return random.pick(&["junk", "a.b", "a.b.c.d.e", "e30.e30"]).to_owned(),
        Some("large") => members.insert("pad".into(), "p".repeat(17 * 1024).into()),
        _ => None,
    };
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let mut mark = match (&signer.secret, &signer.pair) {
        (Some(secret), _) => {
            let kind = if flaw == Some("algorithm") { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
            hmac::sign(&hmac::Key::new(kind, secret), text.as_bytes()).as_ref().to_vec()
        }
        (None, Some((_, pair))) => pair.sign(text.as_bytes()).as_ref().to_vec(),
        (None, None) => panic!("an issuer without keys"),
    };
    if flaw == Some("signature") {
        mark[3] ^= 1;
    }
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mark))
}
