//! Claims that two readers take in two ways.

use serde_json::{Value, json};

use super::super::mint::Signer;
use super::super::{NOW, auth, claims};
use super::{HEADER, good, table};

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
