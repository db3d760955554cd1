//! Examples of RFC 7515, 7519, 7520, 7797 and 8037, with the bytes that stand there (`tests/data/tokens/rfc.json`).
//!
//! Most of them are old, or sign something else than claims, so none is allowed; each is refused for its own
//! reason. That their signatures hold is shown where signatures are verified (`token::keys`).

use std::fmt::Write;

use portcullis::request::{Headers, Incoming, Reading, Request, Source};
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use portcullis::token::trust::Refused;
use portcullis::token::{Attempt, IssuerId};
use serde_json::{Value, json};

use super::{World, check, mint, now};

fn examples() -> Vec<Value> {
    serde_json::from_slice(&mint::data("rfc.json")).expect("a list of examples")
}

/// An issuer with the key of an example, whose tokens stand in the query: JSON can stand there too.
fn world(example: &Value) -> World {
    let key = &example["key"];
    let is_secret = key["kty"] == "oct";
    let set = if is_secret {
        let secret = key["k"].as_str().expect("a secret");
        KeySet::from_secret(secret.as_bytes(), Encoding::Base64Url, &[Algorithm::Hs256])
    } else {
        KeySet::from_jwks(mint::jwks(std::slice::from_ref(key)).as_bytes())
    };
    let algorithms = if is_secret { "    algorithms: [HS256]\n" } else { "" };
    let iss = &example["iss"];
    let yaml = format!(
        "  rfc:\n    issuer: {iss}\n    audiences: any\n    keys: {{ jwks_url: https://rfc.example/jwks }}\n    token: [{{ query: token }}]\n{algorithms}"
    );
    World::new(&yaml, vec![vec![set.expect("the key of an RFC")]])
}

/// Every byte escaped.
fn target(token: &str) -> String {
    token.bytes().fold("/rfc?token=".to_owned(), |mut target, byte| {
        write!(target, "%{byte:02X}").expect("a text");
        target
    })
}

/// What the log is told.
fn detail(world: &World, target: &str) -> String {
    let incoming = Incoming {
        method: "GET",
        host: "crm.example.com",
        target,
        headers: Headers::new(std::iter::empty()),
        source: Source::default(),
    };
    let request = Request::read(&incoming, &Reading::default()).expect("a request");
    let trust = &world.snapshot.trust;
    match trust.authenticate(&request, &[IssuerId(0)], now(), Attempt::Final) {
        Err(Refused::Rejected(rejection)) => rejection.detail.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_example_of_the_rfcs_is_refused_for_its_own_reason() {
    let examples = examples();
    let mut wrong_allows = 0;
    for example in &examples {
        let (name, token) =
            (example["name"].as_str().expect("a name"), example["token"].as_str().expect("a token"));
        let world = world(example);
        let got = world.ask(&target(token), &[]);
        wrong_allows += usize::from(got == "allowed");
        check(name, got, example["reason"].as_str().expect("a reason"));
        assert_eq!(detail(&world, &target(token)), example["detail"], "{name}");
    }
    assert_eq!(wrong_allows, 0);
    assert_eq!(examples.len(), 25, "an example is missing");
}

/// Those that hold claims expired in 2011: whose signature holds gets as far as that, and nobody else does.
#[test]
fn an_example_with_another_byte_is_refused_for_its_signature() {
    let with_claims: Vec<Value> =
        examples().into_iter().filter(|example| example["reason"] == "expired").collect();
    assert_eq!(with_claims.len(), 4);
    for example in with_claims {
        let world = world(&example);
        let token = example["token"].as_str().expect("a token");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let altered = format!("{signed}.{first}{}", signature.get(1..).expect("ASCII"));
        check("another signature", world.ask(&target(&altered), &[]), "bad_signature");
        let (header, _) = signed.split_once('.').expect("two parts");
        let claims = json!({ "iss": example["iss"], "exp": 9_999_999_999_i64 }).to_string();
        let longer = format!("{header}.{}.{signature}", mint::part(claims));
        check("other claims", world.ask(&target(&longer), &[]), "bad_signature");
    }
}
