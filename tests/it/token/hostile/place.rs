//! Places of tokens, and issuers whose tokens stand in one.

use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use serde_json::json;

use super::super::mint::Signer;
use super::super::{NOW, World, auth, auth_yaml, check, claims, jwks};

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
