//! Two readers of the same bytes: what chose the key must be what is read once the signature holds.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::token::settings::Algorithm;
use crate::token::unverified::{Claimed, Names, Unverified};

/// Members that look like those that matter, as text: names with escapes, names twice, values of any type.
fn members(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let values = [
        "\"RS256\"",
        "\"none\"",
        "\"k1\"",
        "\"\\u006b1\"",
        "\"https://auth.example\"",
        "\"https:\\/\\/auth.example\"",
        "\"\"",
        "null",
        "1",
        "[]",
        "{\"alg\":\"HS256\",\"iss\":\"x\"}",
        "[\"exp\"]",
        "\"\\\"iss\\\":\\\"x\\\"\"",
        "false",
    ];
    let member = (proptest::sample::select(names), proptest::sample::select(values.to_vec()));
    let member = member.prop_map(|(name, value)| format!("\"{name}\":{value}"));
    let close = proptest::sample::select(vec!["}", "}", "}", "}", "", "}}", ",}"]);
    (proptest::collection::vec(member, 0..5), close)
        .prop_map(|(members, close)| format!("{{{}{close}", members.join(",")))
}

const IN_HEADER: [&str; 10] =
    ["alg", "alg", "alg", "\\u0061lg", "kid", "k\\u0069d", "crit", "\\u0063rit", "b64", "typ"];
/// A first look does not find names that are written with escapes; a strict reading does.
#[test]
fn a_name_with_escapes_that_the_first_look_passed_over_is_refused() {
    let read = |header: &str, payload: &str| {
        let token = format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let mut space = Vec::new();
        let unverified = Unverified::read(&token, &mut space, &Names::new()).map_err(|bad| bad.detail)?;
        super::read(&unverified).map(|_| ()).map_err(|bad| bad.detail)
    };
    let plain = r#"{"alg":"RS256","kid":"k1"}"#;
    assert_eq!(read(plain, r#"{"iss":"a"}"#), Ok(()));
    for (header, payload, detail) in [
        (r#"{"alg":"RS256","k\u0069d":"k1"}"#, r#"{"iss":"a"}"#, "the header can be read in two ways"),
        (r#"{"alg":"RS256","kid":"k1","k\u0069d":"k2"}"#, r#"{"iss":"a"}"#, "the header has a member twice"),
        (r#"{"\u0061lg":"HS256","alg":"RS256"}"#, r#"{"iss":"a"}"#, "the header has a member twice"),
        (r#"{"\u0061lg":"RS256"}"#, r#"{"iss":"a"}"#, "it has no `alg`"),
        (r#"{"alg":"RS256","\u0063rit":[]}"#, r#"{"iss":"a"}"#, "it has a `crit` header"),
        (r#"{"alg":"RS256","b\u00364":true}"#, r#"{"iss":"a"}"#, "it has a `b64` header"),
        (plain, r#"{"\u0069ss":"a"}"#, "`iss` can be read in two ways"),
        (plain, r#"{"iss":"a","\u0069ss":"b"}"#, "the payload has a member twice"),
    ] {
        assert_eq!(read(header, payload), Err(detail), "{header} {payload}");
    }
}

const IN_PAYLOAD: [&str; 6] = ["iss", "iss", "\\u0069ss", "sub", "a", "alg"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn what_both_readers_pass_means_the_same_to_any_reader(
        header in members(&IN_HEADER),
        payload in members(&IN_PAYLOAD),
    ) {
        let token = format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&payload));
        let mut space = Vec::new();
        let Ok(unverified) = Unverified::read(&token, &mut space, &Names::new()) else { return Ok(()) };
        let Ok((strict, claims)) = super::read(&unverified) else { return Ok(()) };
        // `serde_json` lets the last of two members count: with each there once, that is the only reading.
        let header: Map<String, Value> = serde_json::from_str(&header).expect("what passed is JSON");
        let payload: Map<String, Value> = serde_json::from_str(&payload).expect("what passed is JSON");
        prop_assert!(!header.contains_key("crit") && !header.contains_key("b64"));
        prop_assert_eq!(header["alg"].as_str().and_then(Algorithm::from_name), Some(unverified.algorithm));
        prop_assert_eq!(header.get("kid").map(|id| id.as_str().expect("a text")), unverified.key_id.as_deref());
        prop_assert_eq!(strict.key_id.as_deref(), unverified.key_id.as_deref());
        let issuer = match &unverified.issuer {
            Claimed::Nobody => None,
            Claimed::By(issuer) => Some(&**issuer),
            Claimed::IllTyped => panic!("an ill-typed `iss` does not pass"),
        };
        prop_assert_eq!(payload.get("iss").map(|iss| iss.as_str().expect("a text")), issuer);
        prop_assert_eq!(claims.len(), payload.len());
        prop_assert!(claims.iter().all(|(name, value)| payload[name] == *value));
    }
}
