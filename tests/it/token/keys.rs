//! Which key may verify what (RFC 7517, 7518, 8037).

use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use serde_json::{Value, json};

use super::mint::{Signer, jwks as set, pem, public};
use super::{World, auth, auth_yaml, check, claims};

const SIGNERS: [(&str, &str); 11] = [
    ("RS256", "rsa-a"),
    ("RS384", "rsa-a"),
    ("RS512", "rsa-4096"),
    ("PS256", "rsa-a"),
    ("PS384", "rsa-a"),
    ("PS512", "rsa-a"),
    ("ES256", "p256-a"),
    ("ES384", "p384-a"),
    ("ES512", "p521-a"),
    ("EdDSA", "ed25519-a"),
    ("Ed25519", "ed25519-a"),
];

#[test]
fn every_algorithm_verifies_with_its_key_and_no_other_does() {
    for (algorithm, key) in SIGNERS {
        let signer = Signer::new(algorithm, key);
        let token = signer.token(&claims(&json!({})));
        check(algorithm, auth(&[signer.jwk()], "").bearer("/auth", &token), "allowed");
        let (head, last) = token.split_at(token.len() - 6);
        let altered = format!("{head}{}", if last == "AAAAAA" { "BBBBBB" } else { "AAAAAA" });
        let got = auth(&[signer.jwk()], "").bearer("/auth", &altered);
        assert!(matches!(got, "bad_signature" | "malformed_token"), "{algorithm} altered: {got}");
        for (other_algorithm, other_key) in SIGNERS {
            let same = |name: &str| if name == "Ed25519" { "EdDSA" } else { name }.to_owned();
            if same(algorithm) == same(other_algorithm) {
                continue;
            }
            let mut jwk = Signer::new(other_algorithm, other_key).jwk();
            jwk["kid"] = key.into();
            let got = auth(&[jwk], "").bearer("/auth", &token);
            check(&format!("{algorithm} against a key for {other_algorithm}"), got, "disallowed_algorithm");
        }
    }
}

#[test]
fn a_key_is_for_what_it_says() {
    let signer = Signer::new("RS256", "rsa-a");
    let token = signer.token(&claims(&json!({})));
    let table: Vec<(Value, &str)> = vec![
        (json!({ "alg": null }), "allowed"),
        (json!({ "use": "sig" }), "allowed"),
        (json!({ "use": "jwt-svid" }), "allowed"),
        (json!({ "key_ops": ["verify"] }), "allowed"),
        (json!({ "x5c": ["not base64"], "x5t": 1, "extra": {} }), "allowed"),
        (json!({ "use": "enc" }), "unknown_key"),
        (json!({ "use": 1 }), "unknown_key"),
        (json!({ "key_ops": ["sign"] }), "unknown_key"),
        (json!({ "key_ops": [] }), "unknown_key"),
        (json!({ "alg": "RSA-OAEP" }), "unknown_key"),
        (json!({ "alg": "PS256" }), "disallowed_algorithm"),
        (json!({ "d": "AQAB" }), "unknown_key"),
        (json!({ "kty": "XYZ" }), "unknown_key"),
        (json!({ "n": "AQAB" }), "unknown_key"),
        (json!({ "e": "AQ" }), "unknown_key"),
    ];
    // A good key beside it, so that the set is never empty.
    let good = Signer::new("ES256", "p256-a").jwk();
    for (changes, wanted) in table {
        let mut jwk = signer.jwk();
        for (name, value) in changes.as_object().expect("an object") {
            jwk[name] = value.clone();
        }
        jwk.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        check(&changes.to_string(), auth(&[jwk, good.clone()], "").bearer("/auth", &token), wanted);
    }
}

#[test]
fn weak_and_symmetric_keys_of_a_set_are_left_out() {
    let good = Signer::new("ES256", "p256-a").jwk();
    for name in ["rsa-1024", "rsa-2040"] {
        let mut weak = public(name);
        weak["kid"] = name.into();
        let keys = KeySet::from_jwks(set(&[weak, good.clone()]).as_bytes()).expect("one is good");
        assert_eq!((keys.len(), keys.rejected().len()), (1, 1), "{name}");
    }
    let secret = json!({ "kty": "oct", "k": "A".repeat(86), "kid": "s", "alg": "HS256" });
    let keys = KeySet::from_jwks(set(&[secret.clone(), good.clone()]).as_bytes()).expect("one is good");
    assert_eq!(keys.len(), 1);
    for broken in
        ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#]
    {
        KeySet::from_jwks(broken.as_bytes()).expect_err(broken);
    }
    let many: Vec<Value> = (0..201).map(|_| good.clone()).collect();
    KeySet::from_jwks(set(&many).as_bytes()).expect_err("too many");
}

/// The encryption key first, the same id twice, no `alg`: as some issuers publish.
#[test]
fn a_set_is_read_key_by_key() {
    let (rsa, ec) = (Signer::new("RS256", "rsa-a"), Signer::new("ES256", "p256-a"));
    let mut encryption = public("rsa-b");
    encryption["use"] = "enc".into();
    encryption["alg"] = "RSA-OAEP".into();
    encryption["kid"] = "same".into();
    let named = |signer: &Signer| {
        let mut jwk = public(signer.name);
        jwk["kid"] = "same".into();
        jwk
    };
    let world = auth(&[encryption, json!({ "kty": "AKP", "kid": "same" }), named(&rsa), named(&ec)], "");
    for signer in [&rsa, &ec] {
        let token = signer.token_with(&json!({ "kid": "same" }), &claims(&json!({})));
        check(signer.algorithm, world.bearer("/auth", &token), "allowed");
        let nameless = signer.token_with(&json!({ "kid": null }), &claims(&json!({})));
        check(signer.algorithm, world.bearer("/auth", &nameless), "allowed");
    }
}

#[test]
fn hmac_works_where_it_is_listed_and_with_its_own_secret() {
    let secret = b"an example secret of 64 bytes, which is long enough for SHA-512!!";
    let keys = |algorithms: &[Algorithm]| KeySet::from_secret(secret, Encoding::Raw, algorithms);
    let yaml = |list: &str| auth_yaml(&format!("    algorithms: [{list}]\n"));
    let all = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
    let world = World::new(&yaml("HS256, HS512"), vec![vec![keys(&all).expect("a secret")]]);
    let ask = |signer: &Signer| {
        world.bearer("/auth", &signer.token_with(&json!({ "kid": null }), &claims(&json!({}))))
    };
    check("HS256", ask(&Signer::hmac("HS256", secret)), "allowed");
    check("HS512", ask(&Signer::hmac("HS512", secret)), "allowed");
    check("HS384 is not listed", ask(&Signer::hmac("HS384", secret)), "disallowed_algorithm");
    check(
        "another secret",
        ask(&Signer::hmac("HS256", b"another secret that is just as long as it")),
        "bad_signature",
    );
    check("an empty secret", ask(&Signer::hmac("HS256", b"")), "bad_signature");

    // The public key as a secret: the classic confusion.
    let rsa = Signer::new("RS256", "rsa-a");
    let public_key = pem("rsa-a");
    let forged = Signer::hmac("HS256", public_key.as_bytes())
        .token_with(&json!({ "kid": "rsa-a" }), &claims(&json!({})));
    check("a public key as secret", auth(&[rsa.jwk()], "").bearer("/auth", &forged), "disallowed_algorithm");
    check(
        "a public key as secret, HMAC listed",
        auth(&[rsa.jwk()], "    algorithms: [RS256, HS256]\n").bearer("/auth", &forged),
        "disallowed_algorithm",
    );
    KeySet::from_secret(public_key.as_bytes(), Encoding::Raw, &all).expect_err("a PEM is no secret");
    KeySet::from_secret(format!("\n {public_key}").as_bytes(), Encoding::Raw, &all)
        .expect_err("nor with space before it");
    KeySet::from_secret(rsa.jwk().to_string().as_bytes(), Encoding::Raw, &all)
        .expect_err("a JWK is no secret");
    KeySet::from_secret(b"short", Encoding::Raw, &all).expect_err("too short");
}

/// Thirty-two bytes are a point of Ed25519 to the library, whatever they are.
#[test]
fn a_structure_as_long_as_a_bare_key_is_none() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMB4AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=\n-----END PUBLIC KEY-----\n";
    assert!(KeySet::from_pem(pem.as_bytes()).is_err());
}
