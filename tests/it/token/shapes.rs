//! Tokens as real issuers make them, with key sets as they publish them (`tests/data/tokens/shapes.json`): each
//! is judged by the settings that a policy would have for it, and so is what is nearly such a token.

use portcullis::token::Identity;
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use serde_json::{Map, Value, json};

use super::mint::{self, Signer, part, pem, public};
use super::{World, check, now};

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// `["RS256", "rsa-a"]`, `["HS256", "secret:…"]`, or `["HS256", "pem:rsa-a"]`: a public key as a secret.
fn signer(written: &Value) -> Signer {
    let (algorithm, key): (&'static str, &'static str) =
        (text(&written[0]).to_owned().leak(), text(&written[1]).to_owned().leak());
    if let Some(secret) = key.strip_prefix("secret:") {
        return Signer::hmac(algorithm, secret.as_bytes());
    }
    match key.strip_prefix("pem:") {
        Some(name) => Signer::hmac(algorithm, pem(name).as_bytes()),
        None => Signer::new(algorithm, key),
    }
}

/// The keys of an issuer: a set with everything that stands in it, a PEM, or a secret.
fn keys(written: &Value) -> KeySet {
    if let Some(name) = written["pem"].as_str() {
        return KeySet::from_pem(pem(name).as_bytes()).expect("a key");
    }
    if let Some(secret) = written["secret"].as_str() {
        return KeySet::from_secret(secret.as_bytes(), Encoding::Raw, &[Algorithm::Hs256]).expect("a secret");
    }
    let jwk = |written: &Value| {
        let mut jwk = public(text(&written["key"]));
        changed(jwk.as_object_mut().expect("an object"), &written["with"]);
        for name in written["without"].as_array().into_iter().flatten() {
            jwk.as_object_mut().expect("an object").remove(text(name));
        }
        jwk
    };
    let set: Vec<Value> = written.as_array().expect("a list of keys").iter().map(jwk).collect();
    // Types that nobody knows yet stand in every set.
    let set = [
        json!({ "kty": "AKP", "alg": "ML-DSA-65", "kid": "future" }),
        json!({ "kty": "EC", "crv": "secp256k1" }),
    ]
    .into_iter()
    .chain(set)
    .collect::<Vec<_>>();
    KeySet::from_jwks(mint::jwks(&set).as_bytes()).expect("a key set")
}

/// Takes members over; null takes one out.
fn changed(object: &mut Map<String, Value>, changes: &Value) {
    for (name, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

fn token(shape: &Value, alteration: &Value) -> String {
    let (mut header, mut claims) = (shape["header"].clone(), shape["claims"].clone());
    for (name, value) in alteration["header"].as_object().into_iter().flatten() {
        header[name] = value.clone();
    }
    changed(claims.as_object_mut().expect("claims"), &alteration["claims"]);
    let of = if alteration["signer"].is_null() { &shape["signer"] } else { &alteration["signer"] };
    signer(of).token_with(&header, &claims)
}

fn who(identity: &Identity) -> Value {
    let mut who = json!({
        "subject": identity.subject.as_deref(),
        "scopes": list(&identity.scopes),
        "roles": list(&identity.roles),
        "groups": list(&identity.groups),
        "permissions": list(&identity.permissions),
    });
    if identity.all_scopes {
        who["all_scopes"] = true.into();
    }
    who
}

fn list(items: &[Box<str>]) -> Vec<&str> {
    items.iter().map(AsRef::as_ref).collect()
}

#[test]
fn tokens_of_real_issuers_are_read_as_they_mean_it_and_no_altered_one_passes() {
    let shapes: Vec<Value> = serde_json::from_slice(&mint::data("shapes.json")).expect("a list of shapes");
    let mut wrong_allows = 0;
    for shape in &shapes {
        let name = text(&shape["name"]);
        let lines: Vec<&str> = shape["issuer"].as_array().expect("lines").iter().map(text).collect();
        let yaml = format!(
            "  real:\n    keys: {{ jwks_url: https://keys.example/ }}\n    {}\n",
            lines.join("\n    ")
        );
        let world = World::new(&yaml, vec![vec![keys(&shape["keys"])]]);
        let header = if yaml.contains("x-goog-iap") { "x-goog-iap-jwt-assertion" } else { "authorization" };
        let value = |token: &str| match header {
            "authorization" => format!("Bearer {token}"),
            _ => token.to_owned(),
        };
        let ask = |token: &str| world.judge("/real", &[(header, &value(token))], now());

        let good = token(shape, &Value::Null);
        let (reason, caller) = ask(&good);
        check(name, reason, "allowed");
        assert_eq!(who(&caller.expect("somebody")), shape["who"], "{name}");

        // Whatever it is: other claims under its signature, and no signature.
        let (signed, signature) = good.rsplit_once('.').expect("three parts");
        let (head, _) = signed.split_once('.').expect("two parts");
        let mut raised = shape["claims"].clone();
        raised["exp"] = 253_402_300_799_i64.into();
        let forged = format!("{head}.{}.{signature}", part(raised.to_string()));
        let unsigned = format!("{}.{}.", part(r#"{"alg":"none"}"#), part(shape["claims"].to_string()));
        let mut altered = vec![
            ("other claims under its signature", forged, "bad_signature"),
            ("unsigned", unsigned, "malformed_token"),
        ];
        for alteration in shape["altered"].as_array().expect("a list") {
            altered.push((text(&alteration["what"]), token(shape, alteration), text(&alteration["reason"])));
        }
        assert!(altered.len() > 2, "{name}: nothing altered");
        for (what, token, wanted) in altered {
            let (got, _) = ask(&token);
            wrong_allows += usize::from(got == "allowed" && wanted != "allowed");
            check(&format!("{name}: {what}"), got, wanted);
        }
    }
    assert_eq!((shapes.len(), wrong_allows), (22, 0));
}
