//! Where a token stands, and its form (RFC 6750, 7515, 7519, 7797, 8725).

use serde_json::{Value, json};

use super::mint::{Signer, part};
use super::{World, auth, check, claims};

fn rsa() -> (Signer, World) {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "");
    (signer, world)
}

#[test]
fn the_credential_is_one_after_its_scheme() {
    let (signer, world) = rsa();
    let token = signer.token(&claims(&json!({})));
    let table: Vec<(Vec<String>, &str)> = vec![
        (vec![format!("Bearer {token}")], "allowed"),
        (vec![format!("bearer {token}")], "allowed"),
        (vec![format!("BEARER   {token}")], "allowed"),
        (vec![], "missing_token"),
        (vec!["Basic dTpw".to_owned()], "missing_token"),
        (vec!["Bearer".to_owned()], "malformed_token"),
        (vec!["Bearer ".to_owned()], "malformed_token"),
        (vec![format!("Bearer\t{token}")], "malformed_token"),
        (vec![format!("Bearer {token} x")], "malformed_token"),
        (vec![format!("Bearer {token},Bearer {token}")], "bad_request"),
        (vec![format!("Bearer {token}"), format!("Bearer {token}")], "bad_request"),
        (vec![format!("Bearer{token}")], "missing_token"),
        (vec![token.clone()], "missing_token"),
        (vec![format!("Bearer {}", "a".repeat(16 * 1024 + 1))], "too_large"),
    ];
    for (values, wanted) in table {
        let headers: Vec<(&str, &str)> =
            values.iter().map(|value| ("authorization", value.as_str())).collect();
        let shown = values
            .iter()
            .map(|value| value.replace(&token, "TOKEN").chars().take(60).collect())
            .collect::<Vec<String>>();
        check(&format!("{shown:?}"), world.ask("/auth", &headers), wanted);
    }
}

#[test]
fn two_places_hold_one_token_at_most() {
    let signer = Signer::new("RS256", "rsa-a");
    let places = "    token: [{ header: authorization, scheme: Bearer }, { header: x-token }, { cookie: session }, { query: access_token }]\n";
    let world = auth(&[signer.jwk()], places);
    let token = signer.token(&claims(&json!({})));
    let bearer = format!("Bearer {token}");
    let cookie = format!("a=b; session={token}");
    let in_query = format!("/auth?access_token={token}");
    check("header", world.ask("/auth", &[("authorization", &bearer)]), "allowed");
    check("plain header", world.ask("/auth", &[("x-token", &token)]), "allowed");
    check("cookie", world.ask("/auth", &[("cookie", &cookie)]), "allowed");
    check("query", world.ask(&in_query, &[]), "allowed");
    check(
        "header and cookie",
        world.ask("/auth", &[("authorization", &bearer), ("cookie", &cookie)]),
        "ambiguous_token",
    );
    check("cookie and query", world.ask(&in_query, &[("cookie", &cookie)]), "ambiguous_token");
    check(
        "two cookies",
        world.ask("/auth", &[("cookie", &format!("{cookie}; session=x"))]),
        "ambiguous_token",
    );
    check(
        "two plain headers",
        world.ask("/auth", &[("x-token", &token), ("x-token", &token)]),
        "ambiguous_token",
    );
    check(
        "joined plain headers",
        world.ask("/auth", &[("x-token", &format!("{token},{token}"))]),
        "ambiguous_token",
    );
    check("an empty plain header", world.ask("/auth", &[("x-token", "")]), "malformed_token");
}

#[test]
fn only_a_compact_jws_of_three_parts_is_read() {
    let (signer, world) = rsa();
    let token = signer.token(&claims(&json!({})));
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let (header, payload) = signed.split_once('.').expect("two parts");
    let table: Vec<(&str, String)> = vec![
        ("no dot", "abc".to_owned()),
        ("one dot", format!("{header}.{payload}")),
        ("four parts", format!("{token}.x")),
        ("five parts", format!("{token}.x.y")),
        ("many dots", ".".repeat(15_000)),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("no signature", format!("{signed}.")),
        ("padding", format!("{signed}.{signature}=")),
        ("padding in the header", format!("{header}=.{payload}.{signature}")),
        ("the other alphabet", format!("{signed}.{}", signature.replace(['-', '_'], "+"))),
        ("a line break", format!("{signed}.%0a{signature}")),
        ("JSON serialization", json!({ "payload": payload }).to_string()),
        ("a signature longer than any", format!("{signed}.{}", "A".repeat(1400))),
        ("a header over 8 KiB", signer.token_with(&json!({ "x": "a".repeat(7000) }), &claims(&json!({})))),
        ("control bytes", format!("{header}.{payload}.\u{1}")),
    ];
    for (what, token) in table {
        check(what, world.bearer("/auth", &token), "malformed_token");
    }
    check(
        "another signature",
        world.bearer("/auth", &format!("{signed}.{}", part(vec![0; 256]))),
        "bad_signature",
    );
    check("a short signature", world.bearer("/auth", &format!("{signed}.AA")), "bad_signature");
}

#[test]
fn stray_bits_at_the_end_of_base64url_are_refused() {
    let (signer, world) = rsa();
    let token = signer.token(&claims(&json!({})));
    // 256 bytes of signature leave four bits in the last digit that mean nothing.
    let last = token.chars().last().expect("a digit");
    let canonical = world.bearer("/auth", &token);
    let other = char::from(u8::try_from(last).expect("ASCII").wrapping_add(1));
    let stray = format!("{}{other}", &token.strip_suffix(last).expect("its last digit"));
    check("canonical", canonical, "allowed");
    assert_ne!(world.bearer("/auth", &stray), "allowed");
}

#[test]
fn a_header_says_nothing_that_is_not_understood() {
    let (signer, world) = rsa();
    let table: Vec<(Value, &str)> = vec![
        (json!({ "typ": "JWT" }), "allowed"),
        (json!({ "typ": "at+jwt" }), "allowed"),
        (json!({ "typ": "application/AT+JWT" }), "allowed"),
        (json!({ "typ": "logout+jwt" }), "wrong_type"),
        (json!({ "typ": "" }), "wrong_type"),
        (json!({ "typ": 1 }), "malformed_token"),
        (json!({ "crit": ["exp"] }), "malformed_token"),
        (json!({ "crit": [] }), "malformed_token"),
        (json!({ "b64": true }), "malformed_token"),
        (json!({ "b64": false }), "malformed_token"),
        (json!({ "kid": 1 }), "malformed_token"),
        (json!({ "alg": "none" }), "disallowed_algorithm"),
        (json!({ "alg": "None" }), "disallowed_algorithm"),
        (json!({ "alg": "nOnE" }), "disallowed_algorithm"),
        (json!({ "alg": "" }), "disallowed_algorithm"),
        (json!({ "alg": "rs256" }), "disallowed_algorithm"),
        (json!({ "alg": "RS1" }), "disallowed_algorithm"),
        (json!({ "alg": "ES256K" }), "disallowed_algorithm"),
        (json!({ "alg": "HS256" }), "disallowed_algorithm"),
        (json!({ "alg": "PS256" }), "disallowed_algorithm"),
        (json!({ "alg": "(null)", "kid": "rsa-a" }), "disallowed_algorithm"),
        (json!({ "alg": ["RS256"] }), "malformed_token"),
        (
            json!({ "jwk": signer.jwk(), "jku": "https://evil.example/jwks", "x5u": "https://evil.example/c", "x5c": ["AA"] }),
            "allowed",
        ),
        (json!({ "zip": "DEF", "extra": { "a": [1] } }), "allowed"),
        (json!({ "kid": "nobody" }), "unknown_key"),
        (json!({ "kid": "../../etc/passwd" }), "unknown_key"),
        (json!({ "kid": "" }), "unknown_key"),
    ];
    for (header, wanted) in table {
        let token = signer.token_with(&header, &claims(&json!({})));
        check(&header.to_string(), world.bearer("/auth", &token), wanted);
    }
    let no_algorithm = signer.sign(r#"{"kid":"rsa-a"}"#, claims(&json!({})).to_string());
    check("no alg", world.bearer("/auth", &no_algorithm), "malformed_token");
}

#[test]
fn json_has_one_meaning_or_none() {
    let (signer, world) = rsa();
    let good = claims(&json!({})).to_string();
    let inner = good.trim_start_matches('{').trim_end_matches('}').to_owned();
    let deep = |levels: usize| format!("{{{inner},\"deep\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let header = r#"{"alg":"RS256","kid":"rsa-a"}"#;
    let table: Vec<(&str, String, Vec<u8>, &str)> = vec![
        ("as it is", header.to_owned(), good.clone().into_bytes(), "allowed"),
        ("white space around", format!(" {header}\n"), format!("\r\n{good} ").into_bytes(), "allowed"),
        (
            "`alg` twice",
            r#"{"alg":"RS256","alg":"RS256","kid":"rsa-a"}"#.to_owned(),
            good.clone().into_bytes(),
            "malformed_token",
        ),
        (
            "`alg` twice, once escaped",
            r#"{"alg":"RS256","\u0061lg":"HS256","kid":"rsa-a"}"#.to_owned(),
            good.clone().into_bytes(),
            "malformed_token",
        ),
        (
            "`kid` twice",
            r#"{"alg":"RS256","kid":"x","kid":"rsa-a"}"#.to_owned(),
            good.clone().into_bytes(),
            "malformed_token",
        ),
        (
            "any header member twice",
            r#"{"alg":"RS256","kid":"rsa-a","x":1,"x":1}"#.to_owned(),
            good.clone().into_bytes(),
            "malformed_token",
        ),
        (
            "`crit` escaped",
            r#"{"alg":"RS256","kid":"rsa-a","\u0063rit":["exp"]}"#.to_owned(),
            good.clone().into_bytes(),
            "malformed_token",
        ),
        (
            "`sub` twice",
            header.to_owned(),
            format!("{{{inner},\"sub\":\"1\"}}").into_bytes(),
            "malformed_token",
        ),
        (
            "`iss` twice",
            header.to_owned(),
            format!("{{{inner},\"iss\":\"https://auth.example\"}}").into_bytes(),
            "malformed_token",
        ),
        (
            "`exp` twice, once escaped",
            header.to_owned(),
            format!("{{{inner},\"\\u0065xp\":9999999999}}").into_bytes(),
            "malformed_token",
        ),
        (
            "twice further down",
            header.to_owned(),
            format!("{{{inner},\"a\":{{\"b\":1,\"b\":2}}}}").into_bytes(),
            "malformed_token",
        ),
        ("nested as deep as allowed", header.to_owned(), deep(30).into_bytes(), "allowed"),
        ("nested deeper", header.to_owned(), deep(40).into_bytes(), "malformed_token"),
        ("nested very deeply", header.to_owned(), deep(5000).into_bytes(), "malformed_token"),
        ("a list", header.to_owned(), format!("[{good}]").into_bytes(), "malformed_token"),
        ("a text", header.to_owned(), b"\"claims\"".to_vec(), "malformed_token"),
        ("something after it", header.to_owned(), format!("{good}{{}}").into_bytes(), "malformed_token"),
        (
            "invalid UTF-8",
            header.to_owned(),
            [b"{\"a\":\"\xff\",", inner.as_bytes(), b"}"].concat(),
            "malformed_token",
        ),
        (
            "a byte-order mark",
            header.to_owned(),
            [b"\xef\xbb\xbf", good.as_bytes()].concat(),
            "malformed_token",
        ),
        (
            "a number beyond range",
            header.to_owned(),
            format!("{{{inner},\"n\":1e999}}").into_bytes(),
            "malformed_token",
        ),
        ("a trailing comma", header.to_owned(), format!("{{{inner},}}").into_bytes(), "malformed_token"),
        (
            "half a surrogate",
            header.to_owned(),
            format!("{{{inner},\"a\":\"\\ud800\"}}").into_bytes(),
            "malformed_token",
        ),
    ];
    for (what, header, payload, wanted) in table {
        check(what, world.bearer("/auth", &signer.sign(header, payload)), wanted);
    }
}
