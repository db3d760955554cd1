//! Tokens by people who know how verifiers are written: each line was tried as an attack, and says what becomes
//! of it. `allowed` stands where there is only one way to read it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use serde_json::{Value, json};

use super::mint::{self, Signer, part, pem, public};
use super::{NOW, World, auth, auth_yaml, check, claims, jwks};

const HEADER: &str = r#"{"alg":"RS256","kid":"rsa-a"}"#;

fn good() -> String {
    claims(&json!({})).to_string()
}

/// Counts wrong allows over a whole table before it says which.
#[track_caller]
fn table(rows: &[(&str, String, &str)], ask: impl Fn(&str) -> &'static str) {
    let answers: Vec<&'static str> = rows.iter().map(|(_, token, _)| ask(token)).collect();
    let asked = rows.iter().zip(&answers);
    let wrong_allows =
        asked.filter(|((_, _, wanted), got)| **got == "allowed" && *wanted != "allowed").count();
    assert_eq!(wrong_allows, 0, "{rows:?} {answers:?}");
    for ((what, _, wanted), got) in rows.iter().zip(answers) {
        check(what, got, wanted);
    }
}

#[test]
fn headers_that_say_two_things_or_nothing() {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "");
    let with = |header: &str| signer.sign(header, good());
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows = [
        ("`alg` written with an escape", with(r#"{"alg":"\u0052S256","kid":"rsa-a"}"#), "allowed"),
        ("`kid` written with an escape", with(r#"{"alg":"RS256","kid":"rsa\u002da"}"#), "allowed"),
        (
            "the name of `alg` with an escape",
            with(r#"{"\u0061lg":"RS256","kid":"rsa-a"}"#),
            "malformed_token",
        ),
        (
            "the name of `kid` with an escape",
            with(r#"{"alg":"RS256","\u006bid":"rsa-a"}"#),
            "malformed_token",
        ),
        (
            "`alg` twice, the second `none`",
            with(r#"{"alg":"RS256","alg":"none","kid":"rsa-a"}"#),
            "malformed_token",
        ),
        (
            "`alg` twice, the second in a nested object",
            with(r#"{"a":{"alg":"none"},"alg":"RS256","kid":"rsa-a"}"#),
            "allowed",
        ),
        ("`alg` in a text", with(r#"{"a":"\"alg\":\"none\",","alg":"RS256","kid":"rsa-a"}"#), "allowed"),
        ("`alg` with a NUL", with(r#"{"alg":"RS256\u0000","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("`alg` with a blank", with(r#"{"alg":"RS256 ","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("two algorithms in one", with(r#"{"alg":"RS256,none","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("full-width `alg`", with(r#"{"alg":"ＲＳ256","kid":"rsa-a"}"#), "disallowed_algorithm"),
        (
            "`NONE` with a Kelvin sign's cousin",
            with(r#"{"alg":"ＮＯＮＥ","kid":"rsa-a"}"#),
            "disallowed_algorithm",
        ),
        ("`ALG` beside `alg`", with(r#"{"ALG":"none","alg":"RS256","kid":"rsa-a"}"#), "allowed"),
        ("`ALG` instead of `alg`", with(r#"{"ALG":"RS256","kid":"rsa-a"}"#), "malformed_token"),
        ("`alg` null", with(r#"{"alg":null,"kid":"rsa-a"}"#), "malformed_token"),
        ("an empty member name", with(r#"{"":"","alg":"RS256","kid":"rsa-a"}"#), "allowed"),
        ("`crit` null", with(r#"{"alg":"RS256","kid":"rsa-a","crit":null}"#), "malformed_token"),
        (
            "`crit` that names `alg`",
            with(r#"{"alg":"RS256","kid":"rsa-a","crit":["alg"]}"#),
            "malformed_token",
        ),
        (
            "`crit` in a nested object is no `crit`",
            with(r#"{"alg":"RS256","kid":"rsa-a","x":{"crit":["x"]}}"#),
            "allowed",
        ),
        ("`b64` as a text", with(r#"{"alg":"RS256","kid":"rsa-a","b64":"false"}"#), "malformed_token"),
        (
            "it says that it is encrypted",
            with(r#"{"alg":"RS256","kid":"rsa-a","enc":"A128GCM"}"#),
            "malformed_token",
        ),
        (
            "`epk` and `p2c` of an encryption",
            with(r#"{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"kid":"rsa-a"}"#),
            "disallowed_algorithm",
        ),
        ("`dir`", with(r#"{"alg":"dir","enc":"A128GCM","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("`kid` of another case", with(r#"{"alg":"RS256","kid":"RSA-A"}"#), "unknown_key"),
        ("`kid` with a blank", with(r#"{"alg":"RS256","kid":"rsa-a "}"#), "unknown_key"),
        ("`kid` with a NUL", with(r#"{"alg":"RS256","kid":"rsa-a\u0000"}"#), "unknown_key"),
        ("`kid` with another hyphen", with(r#"{"alg":"RS256","kid":"rsa‐a"}"#), "unknown_key"),
        ("`kid` null", with(r#"{"alg":"RS256","kid":null}"#), "malformed_token"),
        ("`kid` as a list", with(r#"{"alg":"RS256","kid":["rsa-a"]}"#), "malformed_token"),
        ("`kid` as a query", with(r#"{"alg":"RS256","kid":"x' UNION SELECT 'secret"}"#), "unknown_key"),
        (
            "`kid` with a line for the log",
            with(r#"{"alg":"RS256","kid":"x\n{\"level\":\"INFO\"}"}"#),
            "unknown_key",
        ),
        (
            "`kid` of 7,000 bytes",
            with(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(5000))),
            "unknown_key",
        ),
        ("no `kid`", with(r#"{"alg":"RS256"}"#), "allowed"),
        ("`typ` null", with(r#"{"alg":"RS256","kid":"rsa-a","typ":null}"#), "malformed_token"),
        ("`typ` with a parameter", with(r#"{"alg":"RS256","kid":"rsa-a","typ":"JWT; v=1"}"#), "wrong_type"),
        ("`typ` with a blank", with(r#"{"alg":"RS256","kid":"rsa-a","typ":"JWT "}"#), "wrong_type"),
        (
            "`application/` twice",
            with(r#"{"alg":"RS256","kid":"rsa-a","typ":"application/application/jwt"}"#),
            "wrong_type",
        ),
        (
            "`typ` of an OpenID logout",
            with(r#"{"alg":"RS256","kid":"rsa-a","typ":"logout+jwt"}"#),
            "wrong_type",
        ),
        ("`typ` of a DPoP proof", with(r#"{"alg":"RS256","kid":"rsa-a","typ":"dpop+jwt"}"#), "wrong_type"),
        ("a list with the header in it", with(&format!("[{HEADER}]")), "malformed_token"),
        ("two headers", with(&format!("{HEADER}{HEADER}")), "malformed_token"),
        ("a NUL after the header", with(&format!("{HEADER}\0")), "malformed_token"),
        ("a comment in the header", with(r#"{"alg":"RS256"/**/,"kid":"rsa-a"}"#), "malformed_token"),
        ("single quotes", with("{'alg':'RS256','kid':'rsa-a'}"), "malformed_token"),
        (
            "a raw line break in a text",
            with("{\"alg\":\"RS256\",\"kid\":\"rsa-a\",\"a\":\"\n\"}"),
            "malformed_token",
        ),
        ("UTF-16", signer.sign(&utf16, good()), "malformed_token"),
        (
            "an overlong slash",
            signer.sign(b"{\"alg\":\"RS256\",\"kid\":\"rsa-a\",\"a\":\"\xc0\xaf\"}", good()),
            "malformed_token",
        ),
        (
            "a surrogate in UTF-8",
            signer.sign(b"{\"alg\":\"RS256\",\"kid\":\"rsa-a\",\"a\":\"\xed\xa0\x80\"}", good()),
            "malformed_token",
        ),
        (
            "nested 100 deep",
            with(&format!(r#"{{"alg":"RS256","kid":"rsa-a","a":{}{}}}"#, "[".repeat(100), "]".repeat(100))),
            "malformed_token",
        ),
        (
            "2,000 members",
            with(&format!(
                r#"{{"alg":"RS256","kid":"rsa-a"{}}}"#,
                (0..500).map(|n| format!(",\"{n}\":0")).collect::<String>()
            )),
            "allowed",
        ),
        (
            "500 members, the last one twice",
            with(&format!(
                r#"{{"alg":"RS256","kid":"rsa-a"{},"499":1}}"#,
                (0..500).map(|n| format!(",\"{n}\":0")).collect::<String>()
            )),
            "malformed_token",
        ),
    ];
    table(&rows, |token| world.bearer("/auth", token));
}

#[test]
fn claims_that_two_readers_take_in_two_ways() {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "    leeway: 0s\n");
    let good = good();
    let rest = good.trim_start_matches('{').to_owned();
    let with = |member: &str| signer.sign(HEADER, format!("{{{member},{rest}"));
    let instead = |changes: Value| signer.token(&claims(&changes));
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        signer.sign(HEADER, good.replace(from, to))
    };
    let exp = format!("\"exp\":{}", NOW + 60);
    let iss = "\"iss\":\"https://auth.example\"";
    let big = |digits: usize| format!("\"n\":{}", "9".repeat(digits));
    let rows = [
        (
            "slashes escaped, as PHP does",
            replaced("https://auth.example", "https:\\/\\/auth.example"),
            "allowed",
        ),
        ("the name of `iss` with an escape", replaced("\"iss\"", "\"\\u0069ss\""), "unknown_issuer"),
        ("another `iss` with an escape", with("\"\\u0069ss\":\"https://evil.example\""), "malformed_token"),
        ("`iss` in an object before", with("\"a\":{\"iss\":\"https://evil.example\"}"), "allowed"),
        ("only in an object", replaced(iss, &format!("\"a\":{{{iss}}}")), "unknown_issuer"),
        (
            "`iss` in a text",
            replaced(iss, "\"a\":\"\\\"iss\\\":\\\"https://auth.example\\\"\""),
            "unknown_issuer",
        ),
        ("`ISS`", replaced("\"iss\"", "\"ISS\""), "unknown_issuer"),
        ("`iss` with a NUL", instead(json!({ "iss": "https://auth.example\0" })), "unknown_issuer"),
        ("`iss` with a homograph", instead(json!({ "iss": "https://аuth.example" })), "unknown_issuer"),
        ("`iss` with a port", instead(json!({ "iss": "https://auth.example:443" })), "unknown_issuer"),
        (
            "`iss` with a user",
            instead(json!({ "iss": "https://auth.example@evil.example" })),
            "unknown_issuer",
        ),
        ("`exp` in exponents", replaced(&exp, "\"exp\":18000000.6e2"), "allowed"),
        ("`exp` as minus zero", replaced(&exp, "\"exp\":-0.0"), "expired"),
        ("`exp` a moment ago", instead(json!({ "exp": 1_799_999_999.999 })), "expired"),
        ("`exp` this very second", instead(json!({ "exp": NOW })), "expired"),
        ("`exp` with a leading zero", replaced(&exp, "\"exp\":01800000060"), "malformed_token"),
        ("`exp` with a plus", replaced(&exp, "\"exp\":+1800000060"), "malformed_token"),
        ("`exp` in hexadecimal", replaced(&exp, "\"exp\":0x6B49D23C"), "malformed_token"),
        ("`exp` as NaN", replaced(&exp, "\"exp\":NaN"), "malformed_token"),
        ("`exp` as Infinity", replaced(&exp, "\"exp\":Infinity"), "malformed_token"),
        ("`exp` in milliseconds", instead(json!({ "exp": (NOW + 60) * 1000 })), "invalid_claims"),
        ("`exp` in the year 9999", instead(json!({ "exp": 253_402_300_799_i64 })), "allowed"),
        ("`exp` a second later", instead(json!({ "exp": 253_402_300_800_i64 })), "invalid_claims"),
        ("`exp` beyond 64 bits", replaced(&exp, "\"exp\":18446744073709551616"), "invalid_claims"),
        ("`exp` that wraps at 64 bits", replaced(&exp, "\"exp\":18446744073709551615"), "invalid_claims"),
        ("`exp` as an object", instead(json!({ "exp": { "$numberLong": "1800000060" } })), "invalid_claims"),
        ("`Exp` only", replaced("\"exp\"", "\"Exp\""), "invalid_claims"),
        ("`nbf` in the year 9999", instead(json!({ "nbf": 253_402_300_799_i64 })), "not_yet_valid"),
        ("`nbf` negative", instead(json!({ "nbf": -1 })), "invalid_claims"),
        ("`nbf` false", instead(json!({ "nbf": false })), "invalid_claims"),
        ("`nbf` in half a second", instead(json!({ "nbf": 1_800_000_000.5 })), "not_yet_valid"),
        ("`iat` null", instead(json!({ "iat": null })), "invalid_claims"),
        ("`aud` with a blank", instead(json!({ "aud": "crm " })), "wrong_audience"),
        ("two in one `aud`", instead(json!({ "aud": "crm other" })), "wrong_audience"),
        ("`aud` with a comma", instead(json!({ "aud": "other,crm" })), "wrong_audience"),
        ("`aud` with a NUL", instead(json!({ "aud": "crm\0x" })), "wrong_audience"),
        ("`aud` as a wildcard", instead(json!({ "aud": "*" })), "wrong_audience"),
        ("`aud` `any`", instead(json!({ "aud": "any" })), "wrong_audience"),
        ("`aud` twice the same", instead(json!({ "aud": ["crm", "crm"] })), "allowed"),
        ("`aud` with a null beside", instead(json!({ "aud": ["crm", null] })), "invalid_claims"),
        ("`sub` beyond 63 bits", replaced("\"sub\":\"7\"", "\"sub\":18446744073709551615"), "allowed"),
        ("`sub` beyond 64 bits", replaced("\"sub\":\"7\"", "\"sub\":18446744073709551616"), "invalid_claims"),
        ("`sub` with exponents", replaced("\"sub\":\"7\"", "\"sub\":7e0"), "invalid_claims"),
        ("`sub` false", instead(json!({ "sub": false })), "invalid_claims"),
        ("roles with a null", instead(json!({ "roles": ["admin", null] })), "invalid_claims"),
        ("roles in an object of nothing", instead(json!({ "roles": { "admin": false } })), "allowed"),
        ("a scope that is a list in a list", instead(json!({ "scope": [["a"]] })), "invalid_claims"),
        (
            "members of JavaScript",
            with("\"__proto__\":{\"roles\":[\"admin\"]},\"constructor\":{}"),
            "allowed",
        ),
        ("a number of 300 digits", with(&big(300)), "allowed"),
        ("a number of 400 digits", with(&big(400)), "malformed_token"),
        ("half a surrogate in a name", with("\"\\udc00\":1"), "malformed_token"),
        ("a tab in a text", with("\"a\":\"\t\""), "malformed_token"),
        ("null", signer.sign(HEADER, "null"), "malformed_token"),
        ("nothing", signer.sign(HEADER, "{}"), "unknown_issuer"),
        ("two claim sets", signer.sign(HEADER, format!("{good}{good}")), "malformed_token"),
        ("a token in a token", signer.sign(HEADER, instead(json!({}))), "malformed_token"),
        (
            "1,000 claims",
            with(&(0..1000).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",")),
            "allowed",
        ),
        (
            "1,000 claims, one of them twice",
            with(&(0..1000).chain([17]).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",")),
            "malformed_token",
        ),
    ];
    table(&rows, |token| world.bearer("/auth", token));
}

/// `big-endian` minus another of the same length.
fn minus(from: &[u8], what: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let digit = |(from, what): (&u8, &u8)| {
        let digit = i16::from(*from) - i16::from(*what) - borrow;
        borrow = i16::from(digit < 0);
        u8::try_from(digit.rem_euclid(256)).expect("a byte")
    };
    let mut digits: Vec<u8> = from.iter().zip(what).rev().map(digit).collect();
    digits.reverse();
    digits
}

const P256_ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";

#[test]
fn signatures_that_are_nearly_ones() {
    let (rsa, ec, ed) =
        (Signer::new("RS256", "rsa-a"), Signer::new("ES256", "p256-a"), Signer::new("EdDSA", "ed25519-a"));
    let world = auth(&[rsa.jwk(), ec.jwk(), ed.jwk()], "");
    let claims = claims(&json!({}));
    let split = |token: String| {
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        (signed.to_owned(), URL_SAFE_NO_PAD.decode(signature).expect("base64url"))
    };
    let (by_rsa, by_ec, by_ed) =
        (split(rsa.token(&claims)), split(ec.token(&claims)), split(ed.token(&claims)));
    let with = |signed: &(String, Vec<u8>), signature: &[u8]| format!("{}.{}", signed.0, part(signature));
    let modulus = URL_SAFE_NO_PAD.decode(public("rsa-a")["n"].as_str().expect("n")).expect("base64url");
    let one = [vec![0; 255], vec![1]].concat();
    let (r, s) = by_ec.1.split_at(32);
    let order = URL_SAFE_NO_PAD.decode(P256_ORDER).expect("base64url");
    let der = {
        let integer = |number: &[u8]| [&[2, 33, 0][..], number].concat();
        let body = [integer(r), integer(s)].concat();
        [vec![0x30, u8::try_from(body.len()).expect("short")], body].concat()
    };
    // S + L, both little-endian: the same number to whoever does not look at its size (RFC 8032 section 5.1.7).
    let larger = {
        let l = "7dP1XBpjEljWnPei3vneFAAAAAAAAAAAAAAAAAAAABA";
        let l = URL_SAFE_NO_PAD.decode(l).expect("base64url");
        let mut carry = 0_u16;
        let s = by_ed.1[32..].iter().zip(l).map(|(s, l)| {
            carry += u16::from(*s) + u16::from(l);
            let digit = carry.to_le_bytes()[0];
            carry >>= 8;
            digit
        });
        [by_ed.1[..32].to_vec(), s.collect()].concat()
    };
    let rows = [
        ("RSA: zero", with(&by_rsa, &[0; 256]), "bad_signature"),
        ("RSA: one", with(&by_rsa, &one), "bad_signature"),
        ("RSA: the modulus", with(&by_rsa, &modulus), "bad_signature"),
        ("RSA: the modulus less one", with(&by_rsa, &minus(&modulus, &one)), "bad_signature"),
        ("RSA: the modulus less the signature", with(&by_rsa, &minus(&modulus, &by_rsa.1)), "bad_signature"),
        ("RSA: a zero before", with(&by_rsa, &[&[0], &by_rsa.1[..]].concat()), "bad_signature"),
        ("RSA: a zero after", with(&by_rsa, &[&by_rsa.1[..], &[0]].concat()), "bad_signature"),
        ("RSA: as long as any", with(&by_rsa, &[1; 1024]), "bad_signature"),
        ("ECDSA: zeros (CVE-2022-21449)", with(&by_ec, &[0; 64]), "bad_signature"),
        ("ECDSA: r is zero", with(&by_ec, &[&[0; 32], s].concat()), "bad_signature"),
        ("ECDSA: s is zero", with(&by_ec, &[r, &[0; 32]].concat()), "bad_signature"),
        ("ECDSA: r is the order", with(&by_ec, &[&order, s].concat()), "bad_signature"),
        ("ECDSA: s is the order", with(&by_ec, &[r, &order].concat()), "bad_signature"),
        (
            "ECDSA: the other root, which RFC 7518 lets pass",
            with(&by_ec, &[r.to_vec(), minus(&order, s)].concat()),
            "allowed",
        ),
        ("ECDSA: r and s changed round", with(&by_ec, &[s, r].concat()), "bad_signature"),
        ("ECDSA: in DER", with(&by_ec, &der), "bad_signature"),
        ("ECDSA: a byte less", with(&by_ec, &by_ec.1[..63]), "bad_signature"),
        ("ECDSA: as long as of P-384", with(&by_ec, &[&by_ec.1[..], &[0; 32]].concat()), "bad_signature"),
        ("EdDSA: zeros", with(&by_ed, &[0; 64]), "bad_signature"),
        ("EdDSA: the identity and zero", with(&by_ed, &[&[1][..], &[0; 63]].concat()), "bad_signature"),
        ("EdDSA: S and the order", with(&by_ed, &larger), "bad_signature"),
        (
            "EdDSA: the highest bit",
            with(&by_ed, &[&by_ed.1[..63], &[by_ed.1[63] | 0x80]].concat()),
            "bad_signature",
        ),
        ("the signature of another algorithm", with(&by_rsa, &by_ec.1), "bad_signature"),
        (
            "the signature of another token",
            with(&by_rsa, &split(rsa.token(&super::claims(&json!({ "sub": "8" })))).1),
            "bad_signature",
        ),
    ];
    table(&rows, |token| world.bearer("/auth", token));
    // The same with everything remembered.
    let remembering = World::with_cache(
        &auth_yaml(""),
        vec![vec![jwks(&[rsa.jwk(), ec.jwk(), ed.jwk()])]],
        portcullis::token::cache::CacheSettings::default(),
    );
    for _ in 0..2 {
        table(&rows, |token| remembering.bearer("/auth", token));
    }
}

/// Bleichenbacher 2006: a cube that begins as the padding of a signature should, made without the private key.
#[test]
fn a_signature_made_of_a_cube_root_is_none() {
    let mut key = public("rsa-e3");
    key["kid"] = "rsa-e3".into();
    let world = auth(&[key.clone()], "");
    let honest = Signer::new("RS256", "rsa-e3").token(&claims(&json!({})));
    check("an honest one with the exponent 3", world.bearer("/auth", &honest), "allowed");
    let forged = include_str!("../../data/tokens/cube-root.jwt").trim();
    check("a cube root", world.bearer("/auth", forged), "bad_signature");
}

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
        let world = auth(&[jwk.clone()], list);
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

/// Where a token stands, with what proxies and clients make of it.
#[test]
fn places_that_two_readers_see_differently() {
    let signer = Signer::new("RS256", "rsa-a");
    let places = "    token: [{ header: authorization, scheme: Bearer }, { cookie: session }, { query: access_token }]\n";
    let world = auth(&[signer.jwk()], places);
    let token = signer.token(&claims(&json!({})));
    let stranger = Signer::new("RS256", "rsa-b").token(&claims(&json!({})));
    let cookie = |value: String| world.ask("/auth", &[("cookie", &value)]);
    let query = |value: String| world.ask(&format!("/auth?{value}"), &[]);
    let header = |value: String| world.ask("/auth", &[("authorization", &value)]);
    let table = [
        ("a quoted cookie", cookie(format!("session=\"{token}\"")), "malformed_token"),
        ("a cookie in other letters", cookie(format!("Session={token}")), "missing_token"),
        ("the same cookie twice", cookie(format!("session={token}; session={token}")), "ambiguous_token"),
        (
            "a stranger's cookie before",
            cookie(format!("session={stranger}; session={token}")),
            "ambiguous_token",
        ),
        ("an empty cookie before", cookie(format!("session=; session={token}")), "ambiguous_token"),
        ("a cookie after a comma", cookie(format!("a=b, session={token}")), "ambiguous_token"),
        (
            "a cookie with escapes",
            cookie(format!("session={}", token.replace('.', "%2E"))),
            "malformed_token",
        ),
        ("a name with an escape", query(format!("access%5Ftoken={token}")), "allowed"),
        ("a name with brackets", query(format!("access_token[]={token}")), "missing_token"),
        ("twice, once empty", query(format!("access_token={token}&access_token=")), "ambiguous_token"),
        (
            "twice, once with an escape",
            query(format!("access_token={token}&access%5ftoken={token}")),
            "ambiguous_token",
        ),
        ("a semicolon between", query(format!("a=b;access_token={token}")), "missing_token"),
        ("a blank before it", query(format!("access_token=%20{token}")), "malformed_token"),
        ("a line break after it", query(format!("access_token={token}%0A")), "malformed_token"),
        ("a NUL after it", query(format!("access_token={token}%00")), "malformed_token"),
        ("a plus in it", query(format!("access_token={}", token.replacen('.', "+.", 1))), "malformed_token"),
        ("double escapes", query(format!("access_token={}", token.replace('.', "%252E"))), "malformed_token"),
        ("another scheme joined on", header(format!("Bearer {token}, Basic x")), "bad_request"),
        ("a scheme with a colon", header(format!("Bearer: {token}")), "malformed_token"),
        ("the scheme twice", header(format!("Bearer Bearer {token}")), "malformed_token"),
        ("quotes", header(format!("Bearer \"{token}\"")), "malformed_token"),
        ("a parameter", header(format!("Bearer token={token}")), "malformed_token"),
        ("a no-break space", header(format!("Bearer\u{a0}{token}")), "malformed_token"),
        ("blanks after it", header(format!("Bearer {token}   ")), "malformed_token"),
    ];
    let wrong_allows =
        table.iter().filter(|(_, got, wanted)| *got == "allowed" && *wanted != "allowed").count();
    assert_eq!(wrong_allows, 0);
    for (what, got, wanted) in table {
        check(what, got, wanted);
    }
}

/// An issuer of tokens without `iss` beside one with: nobody gets from the one to the other.
#[test]
fn a_token_without_iss_is_not_made_by_hiding_it() {
    let (named, nameless) = (Signer::new("ES256", "p256-a"), Signer::new("ES256", "p256-b"));
    let issuers = format!(
        "{}  nameless:\n    issuer: none\n    audiences: [crm]\n    keys: {{ jwks_url: https://n.example/jwks }}\n",
        auth_yaml("")
    );
    let world = World::new(&issuers, vec![vec![jwks(&[named.jwk()])], vec![jwks(&[nameless.jwk()])]]);
    let sign = |signer: &Signer, iss: &str| {
        let header = json!({ "alg": "ES256", "kid": signer.name }).to_string();
        signer.sign(header, format!("{{{iss}\"aud\":\"crm\",\"sub\":\"1\",\"exp\":{}}}", NOW + 60))
    };
    let table = [
        ("of the nameless one", "/nameless", sign(&nameless, ""), "allowed"),
        ("of the named one", "/auth", sign(&named, "\"iss\":\"https://auth.example\","), "allowed"),
        ("the named one's, without `iss`", "/nameless", sign(&named, ""), "unknown_key"),
        ("the named one's, without `iss`, at its own door", "/auth", sign(&named, ""), "unknown_key"),
        (
            "the nameless one's, with the other's `iss`",
            "/auth",
            sign(&nameless, "\"iss\":\"https://auth.example\","),
            "unknown_key",
        ),
        (
            "`iss` hidden by an escape",
            "/nameless",
            sign(&nameless, "\"\\u0069ss\":\"https://auth.example\","),
            "malformed_token",
        ),
        (
            "`iss` hidden in an object",
            "/auth",
            sign(&nameless, "\"a\":{\"iss\":\"https://auth.example\"},"),
            "guard_mismatch",
        ),
        ("an empty `iss`", "/nameless", sign(&nameless, "\"iss\":\"\","), "invalid_claims"),
        ("`iss` null", "/nameless", sign(&nameless, "\"iss\":null,"), "invalid_claims"),
        ("`iss` is `none`", "/nameless", sign(&nameless, "\"iss\":\"none\","), "unknown_issuer"),
        (
            "`iss` is the issuer's name",
            "/nameless",
            sign(&nameless, "\"iss\":\"nameless\","),
            "unknown_issuer",
        ),
    ];
    for (what, path, token, wanted) in table {
        check(what, world.bearer(path, &token), wanted);
    }
    // A secret that is long enough for one hash only.
    let short = KeySet::from_secret(&[7; 40], Encoding::Raw, &[Algorithm::Hs256, Algorithm::Hs512])
        .expect("one fits");
    assert_eq!(short.rejected().len(), 1);
}
