//! Keys that come with a token, that are public, or that are everybody's.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::token::keys::KeySet;
use serde_json::{Value, json};

use super::super::mint::{self, Signer, part, pem, public};
use super::super::{auth, check, claims};
use super::table;

#[test]
fn a_key_that_comes_with_the_token_opens_nothing() {
    let ours = Signer::new("RS256", "rsa-a");
    let theirs = Signer::new("RS256", "rsa-b");
    let world = auth(&[ours.jwk()], "");
    let mut disguised = theirs.jwk();
    disguised["kid"] = "rsa-a".into();
    let certificate: String = String::from_utf8(mint::data("keys/rsa-a.v3.crt.pem"))
        .expect("a PEM")
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let with = |header: Value| theirs.token_with(&header, &claims(&json!({})));
    let rows = [
        ("`jwk`", with(json!({ "kid": "rsa-a", "jwk": disguised })), "bad_signature"),
        ("`jwk` without `kid`", with(json!({ "kid": null, "jwk": theirs.jwk() })), "bad_signature"),
        ("`jwk` with its own `kid`", with(json!({ "jwk": theirs.jwk() })), "unknown_key"),
        ("`jku`", with(json!({ "kid": "rsa-a", "jku": "https://evil.example/jwks" })), "bad_signature"),
        (
            "`jku` on our own disk",
            with(json!({ "kid": "rsa-a", "jku": "file:///etc/passwd" })),
            "bad_signature",
        ),
        ("`x5u`", with(json!({ "kid": "rsa-a", "x5u": "https://evil.example/cert" })), "bad_signature"),
        ("`x5c`", with(json!({ "kid": "rsa-a", "x5c": [certificate] })), "bad_signature"),
        ("`x5t` of ours", with(json!({ "kid": null, "x5t": "rsa-a" })), "bad_signature"),
        ("`kid` as a path", with(json!({ "kid": "../../../dev/null" })), "unknown_key"),
        ("`kid` as a URL", with(json!({ "kid": "https://evil.example/key" })), "unknown_key"),
    ];
    table(&rows, |token| world.bearer("/auth", token));
}

/// Whatever is public about a key, used as a secret, with every length of HMAC, listed or not.
#[test]
fn what_is_public_of_a_key_is_no_secret() {
    let signer = Signer::new("RS256", "rsa-a");
    let pem = pem("rsa-a");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(&body).expect("a PEM");
    let jwk = signer.jwk();
    let text = |name: &str| jwk[name].as_str().expect("a text").as_bytes().to_vec();
    let modulus = URL_SAFE_NO_PAD.decode(text("n")).expect("base64url");
    let publics: Vec<(&str, Vec<u8>)> = vec![
        ("the PEM", pem.clone().into_bytes()),
        ("the PEM without its last line break", pem.trim_end().into()),
        ("the PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("its base64", body.into_bytes()),
        ("its DER", der),
        ("the JWK", jwk.to_string().into_bytes()),
        ("the set", mint::jwks(std::slice::from_ref(&jwk)).into_bytes()),
        ("the modulus", modulus),
        ("the modulus in base64url", text("n")),
        ("the exponent", text("e")),
        ("the id", text("kid")),
        ("nothing", Vec::new()),
    ];
    for list in ["", "    algorithms: [RS256, HS256, HS384, HS512]\n"] {
        let world = auth(std::slice::from_ref(&jwk), list);
        for (what, secret) in &publics {
            for algorithm in ["HS256", "HS384", "HS512"] {
                let forger = Signer::hmac(algorithm, secret);
                for header in [json!({ "kid": "rsa-a" }), json!({ "kid": null })] {
                    let got = world.bearer("/auth", &forger.token_with(&header, &claims(&json!({}))));
                    check(&format!("{what} as {algorithm}"), got, "disallowed_algorithm");
                }
            }
        }
    }
}

/// Keys with which everybody signs: small points of Ed25519, and RSA whose exponent does nothing.
#[test]
fn keys_that_are_everybodys_are_left_out() {
    let good = Signer::new("ES256", "p256-a").jwk();
    let jwk = |x: &[u8]| json!({ "kty": "OKP", "crv": "Ed25519", "kid": "small", "x": part(x) });
    let point = |first: u8, middle: u8, last: u8| [&[first][..], &[middle; 30], &[last]].concat();
    let c1 = "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU";
    let c2 = "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o";
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let points = [
        point(0, 0, 0),
        point(1, 0, 0),
        point(0, 0, 0x80),
        point(1, 0, 0x80),
        decoded(c1),
        decoded(c2),
        point(0xec, 0xff, 0x7f),
        point(0xed, 0xff, 0x7f),
        point(0xee, 0xff, 0x7f),
        point(0xec, 0xff, 0xff),
    ];
    for x in &points {
        let world = auth(&[jwk(x), good.clone()], "");
        // R is the identity and S is zero: to a careless reader this fits any text.
        for signature in [[&[1][..], &[0; 63]].concat(), [&x[..], &[0; 32]].concat()] {
            for number in 0..16 {
                let claims = claims(&json!({ "n": number })).to_string();
                let signed = format!("{}.{}", part(r#"{"alg":"EdDSA","kid":"small"}"#), part(claims));
                check(
                    "a small point",
                    world.bearer("/auth", &format!("{signed}.{}", part(&signature))),
                    "unknown_key",
                );
            }
        }
        let spki =
            [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], x].concat();
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki));
        KeySet::from_pem(pem.as_bytes()).expect_err("nor in PEM");
    }
    let honest = Ed25519KeyPair::generate().expect("a key");
    assert_eq!(
        KeySet::from_jwks(mint::jwks(&[jwk(honest.public_key().as_ref())]).as_bytes()).expect("a key").len(),
        1
    );

    let rsa = |e: &[u8]| {
        let mut jwk = public("rsa-a");
        jwk["e"] = part(e).into();
        jwk
    };
    for e in [&[1][..], &[0], &[2], &[], &[0, 1], &[1, 0, 0], &[0xff; 256]] {
        let set = KeySet::from_jwks(mint::jwks(&[rsa(e), good.clone()]).as_bytes()).expect("one is good");
        assert_eq!(set.len(), 1, "an exponent of {} bytes", e.len());
    }
}
