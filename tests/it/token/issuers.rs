//! Whose token it is, for whom, and when (RFC 7519 section 4.1).

use portcullis::time::UnixTime;
use portcullis::token::IssuerId;
use portcullis::token::cache::CacheSettings;
use portcullis::token::keys::KeySet;
use serde_json::{Value, json};

use super::mint::{Signer, pem};
use super::{NOW, World, auth, check, claims, jwks, now};

#[test]
fn registered_claims_have_the_type_they_must_have() {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "");
    let gone = json!("(none)");
    let table: Vec<(Value, &str)> = vec![
        (json!({}), "allowed"),
        (json!({ "iss": "https://auth.example/" }), "unknown_issuer"),
        (json!({ "iss": "HTTPS://auth.example" }), "unknown_issuer"),
        (json!({ "iss": gone }), "unknown_issuer"),
        (json!({ "iss": null }), "invalid_claims"),
        (json!({ "iss": "" }), "invalid_claims"),
        (json!({ "iss": 1 }), "invalid_claims"),
        (json!({ "iss": true }), "invalid_claims"),
        (json!({ "iss": ["https://auth.example"] }), "invalid_claims"),
        (json!({ "iss": { "a": 1 } }), "invalid_claims"),
        (json!({ "aud": ["x", "crm"] }), "allowed"),
        (json!({ "aud": "CRM" }), "wrong_audience"),
        (json!({ "aud": [] }), "wrong_audience"),
        (json!({ "aud": gone }), "wrong_audience"),
        (json!({ "aud": null }), "wrong_audience"),
        (json!({ "aud": 1 }), "invalid_claims"),
        (json!({ "aud": ["crm", 1] }), "invalid_claims"),
        (json!({ "aud": { "crm": true } }), "invalid_claims"),
        (json!({ "aud": [["crm"]] }), "invalid_claims"),
        (json!({ "exp": gone }), "invalid_claims"),
        (json!({ "exp": null }), "invalid_claims"),
        (json!({ "exp": "9999999999" }), "invalid_claims"),
        (json!({ "exp": true }), "invalid_claims"),
        (json!({ "exp": [NOW + 60] }), "invalid_claims"),
        (json!({ "exp": -1 }), "invalid_claims"),
        (json!({ "exp": 9_999_999_999_999_i64 }), "invalid_claims"),
        (json!({ "exp": 1e300 }), "invalid_claims"),
        (json!({ "exp": 0 }), "expired"),
        (json!({ "exp": NOW - 29 }), "allowed"),
        (json!({ "exp": NOW - 30 }), "expired"),
        (json!({ "exp": 1_799_999_970.5 }), "allowed"),
        (json!({ "exp": 1_799_999_969.9 }), "expired"),
        (json!({ "nbf": NOW + 30 }), "allowed"),
        (json!({ "nbf": NOW + 31 }), "not_yet_valid"),
        (json!({ "nbf": 1_800_000_030.5 }), "not_yet_valid"),
        (json!({ "nbf": "0" }), "invalid_claims"),
        (json!({ "nbf": null }), "invalid_claims"),
        (json!({ "iat": NOW + 9999 }), "allowed"),
        (json!({ "iat": "x" }), "invalid_claims"),
        (json!({ "sub": 7 }), "allowed"),
        (json!({ "sub": "" }), "allowed"),
        (json!({ "sub": gone }), "allowed"),
        (json!({ "sub": 7.5 }), "invalid_claims"),
        (json!({ "sub": true }), "invalid_claims"),
        (json!({ "sub": ["7"] }), "invalid_claims"),
        (json!({ "scope": 7 }), "invalid_claims"),
        (json!({ "scope": ["a", 7] }), "invalid_claims"),
        (json!({ "roles": true }), "invalid_claims"),
        (json!({ "roles": [["admin"]] }), "invalid_claims"),
    ];
    for (changes, wanted) in table {
        check(&changes.to_string(), world.bearer("/auth", &signer.token(&claims(&changes))), wanted);
    }
}

#[test]
fn an_age_limit_asks_for_iat() {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "    max_age: 1h\n    leeway: 10s\n    require_expiry: false\n");
    let gone = json!("(none)");
    let table = [
        (json!({ "exp": gone, "iat": NOW }), "allowed"),
        (json!({ "exp": gone }), "invalid_claims"),
        (json!({ "iat": NOW + 10 }), "allowed"),
        (json!({ "iat": NOW + 11 }), "not_yet_valid"),
        (json!({ "iat": NOW - 3609 }), "allowed"),
        (json!({ "iat": NOW - 3610 }), "expired"),
    ];
    for (changes, wanted) in table {
        check(&changes.to_string(), world.bearer("/auth", &signer.token(&claims(&changes))), wanted);
    }
}

/// Two issuers, the same key id in both: a token is judged by its own issuer's key only.
#[test]
fn a_key_verifies_tokens_of_its_own_issuer_only() {
    let (ours, theirs) = (Signer::new("ES256", "p256-a"), Signer::new("ES256", "p256-b"));
    let named = |signer: &Signer| {
        let mut jwk = signer.jwk();
        jwk["kid"] = "same".into();
        jwk
    };
    let issuers = "  ours:\n    issuer: https://ours.example\n    audiences: [crm]\n    keys: { jwks_url: https://ours.example/jwks }\n  theirs:\n    issuer: https://theirs.example\n    audiences: [crm]\n    keys: { jwks_url: https://theirs.example/jwks }\n";
    let world = World::new(issuers, vec![vec![jwks(&[named(&ours)])], vec![jwks(&[named(&theirs)])]]);
    let token = |signer: &Signer, iss: &str| {
        signer.token_with(
            &json!({ "kid": "same" }),
            &claims(&json!({ "iss": format!("https://{iss}.example") })),
        )
    };
    check("ours, by us", world.bearer("/ours", &token(&ours, "ours")), "allowed");
    check("theirs, by them", world.bearer("/theirs", &token(&theirs, "theirs")), "allowed");
    check("ours, by them", world.bearer("/ours", &token(&theirs, "ours")), "bad_signature");
    check("theirs, by us", world.bearer("/theirs", &token(&ours, "theirs")), "bad_signature");
    check("theirs at our door", world.bearer("/ours", &token(&theirs, "theirs")), "guard_mismatch");
    check("of nobody", world.bearer("/ours", &token(&ours, "nobody")), "unknown_issuer");
}

#[test]
fn tokens_without_iss_belong_to_the_one_issuer_whose_key_verifies() {
    let (passport, other) = (Signer::new("RS256", "rsa-a"), Signer::new("RS256", "rsa-b"));
    let issuers = "  passport:\n    issuer: none\n    audiences: [crm]\n    keys: { pem_file: a.pem }\n    read: { preset: passport }\n  other:\n    issuer: none\n    audiences: [crm]\n    keys: { pem_file: b.pem }\n";
    let set = |name: &str| KeySet::from_pem(pem(name).as_bytes()).expect("a PEM key");
    let world = World::new(issuers, vec![vec![set("rsa-a")], vec![set("rsa-b")]]);
    let nameless = claims(&json!({ "iss": "(none)", "scopes": ["read-crm"], "nbf": 1_799_999_999.25 }));
    let token = |signer: &Signer| signer.token_with(&json!({ "kid": null, "typ": "JWT" }), &nameless);
    check("passport", world.bearer("/passport", &token(&passport)), "allowed");
    check("other", world.bearer("/other", &token(&other)), "allowed");
    check("other at passport's door", world.bearer("/passport", &token(&other)), "guard_mismatch");
    check(
        "an id of its own",
        world.bearer("/passport", &passport.token_with(&json!({ "kid": "anything" }), &nameless)),
        "allowed",
    );
    let stranger = Signer::new("RS256", "rsa-4096");
    check("a stranger", world.bearer("/passport", &token(&stranger)), "bad_signature");
    let with_iss = passport.token(&claims(&json!({})));
    check("with an iss", world.bearer("/passport", &with_iss), "unknown_issuer");

    let twice = World::new(issuers, vec![vec![set("rsa-a")], vec![set("rsa-a")]]);
    check("the same key in two", twice.bearer("/passport", &token(&passport)), "unknown_issuer");
}

/// Whoever holds a token chooses where he puts it: that must not choose whose it is.
#[test]
fn a_key_of_two_issuers_without_iss_is_nobodys_wherever_its_tokens_stand() {
    let issuer = |name: &str, place: &str| {
        format!(
            "  {name}:\n    issuer: none\n    audiences: [crm]\n    keys: {{ jwks_url: https://{name}.example/jwks }}\n    token: {place}\n"
        )
    };
    let [own, shared, other] = ["p256-a", "p256-b", "p384-a"]
        .map(|name| Signer::new(if name == "p384-a" { "ES384" } else { "ES256" }, name));
    let token =
        |signer: &Signer| signer.token_with(&json!({ "kid": null }), &claims(&json!({ "iss": "(none)" })));
    let [by_own, by_shared, by_other] = [&own, &shared, &other].map(token);
    let set = |signers: &[&Signer]| jwks(&signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>());
    let mut renamed = shared.jwk();
    renamed["kid"] = "another".into();
    for place in ["{ cookie: session }", "{ header: x-token }", "{ header: authorization, scheme: Admin }"] {
        let issuers = issuer("users", "{ header: authorization, scheme: Bearer }") + &issuer("admins", place);
        let at_admins = |world: &World, token: &str| match place {
            "{ cookie: session }" => world.ask("/admins", &[("cookie", &format!("session={token}"))]),
            "{ header: x-token }" => world.ask("/admins", &[("x-token", token)]),
            _ => world.ask("/admins", &[("authorization", &format!("Admin {token}"))]),
        };
        let keys = vec![vec![set(&[&own, &shared])], vec![set(&[&other])]];
        let mut world = World::with_cache(&issuers, keys, CacheSettings::default());
        for _remembered in 0..2 {
            check("users", world.bearer("/users", &by_shared), "allowed");
            check("admins", at_admins(&world, &by_other), "allowed");
        }
        assert!(world.snapshot.trust.cache().stats().hits > 1, "{place}: nothing was remembered");
        // A fetch brings the key of the one to the other, under another name.
        let admins = vec![jwks(&[other.jwk(), renamed.clone()])];
        let later = World::new(&issuers, vec![vec![set(&[&own, &shared])], admins]);
        let keys = [0, 1].map(|index| later.snapshot.trust.keys(IssuerId(index)).to_vec());
        world.snapshot.trust = world.snapshot.trust.with_keys(keys.to_vec());
        for world in [&world, &later] {
            check(place, world.bearer("/users", &by_shared), "unknown_issuer");
            check(place, at_admins(world, &by_shared), "unknown_issuer");
            check("a key of its own", world.bearer("/users", &by_own), "allowed");
            check("and the other's", at_admins(world, &by_other), "allowed");
        }
        assert!(world.snapshot.trust.nameless_with_one_key().is_some(), "{place}: the log says it");
    }
}

#[test]
fn who_it_is_is_read_as_the_preset_says() {
    let signer = Signer::new("RS256", "rsa-a");
    let of = |preset: &str, changes: &Value| {
        let world = auth(&[signer.jwk()], &format!("    read: {{ preset: {preset} }}\n"));
        let token = format!("Bearer {}", signer.token(&claims(changes)));
        let (reason, caller) = world.judge("/auth", &[("authorization", &token)], now());
        let caller = caller.ok_or(reason)?;
        let list = |items: &[Box<str>]| items.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("|");
        Ok::<String, &str>(format!(
            "{} scopes={} roles={} groups={} permissions={}",
            caller.subject.as_deref().unwrap_or("-"),
            list(&caller.scopes),
            list(&caller.roles),
            list(&caller.groups),
            list(&caller.permissions)
        ))
    };
    let table: Vec<(&str, Value, Result<&str, &str>)> = vec![
        (
            "rfc9068",
            json!({ "scope": "a b", "roles": ["x"], "entitlements": ["e"], "permissions": "p q" }),
            Ok("7 scopes=a|b roles=x groups= permissions=p q|e"),
        ),
        ("rfc9068", json!({ "scp": ["a", "b c"] }), Ok("7 scopes=a|b c roles= groups= permissions=")),
        (
            "keycloak, client: my.client",
            json!({ "typ": "Bearer", "realm_access": { "roles": ["r"] }, "resource_access": { "my.client": { "roles": ["c"] }, "other": { "roles": ["o"] } }, "groups": ["/g"], "scope": "openid" }),
            Ok("7 scopes=openid roles=r|c groups=/g permissions="),
        ),
        ("keycloak", json!({ "typ": "ID" }), Err("wrong_type")),
        ("keycloak", json!({}), Err("wrong_type")),
        (
            "auth0",
            json!({ "scope": "read", "permissions": ["p"], "aud": ["crm", "https://x/userinfo"] }),
            Ok("7 scopes=read roles= groups= permissions=p"),
        ),
        (
            "okta",
            json!({ "scp": ["a"], "groups": ["Every one"] }),
            Ok("7 scopes=a roles= groups=Every one permissions="),
        ),
        (
            "entra",
            json!({ "oid": "o-1", "scp": "a b", "roles": ["r"], "groups": ["g"] }),
            Ok("o-1 scopes=a|b roles=r groups=g permissions="),
        ),
        ("entra", json!({}), Ok("7 scopes= roles= groups= permissions=")),
        (
            "cognito",
            json!({ "aud": "(none)", "client_id": "crm", "token_use": "access", "scope": "rs/x", "cognito:groups": ["g"] }),
            Ok("7 scopes=rs/x roles= groups=g permissions="),
        ),
        ("cognito", json!({ "aud": "(none)", "client_id": "crm", "token_use": "id" }), Err("wrong_type")),
        ("cognito", json!({ "client_id": "other", "token_use": "access" }), Err("wrong_audience")),
        (
            "google",
            json!({ "sub": "123456789012345678901", "scope": "x" }),
            Ok("123456789012345678901 scopes= roles= groups= permissions="),
        ),
        (
            "kubernetes",
            json!({ "sub": "system:serviceaccount:a:b", "aud": ["crm"] }),
            Ok("system:serviceaccount:a:b scopes= roles= groups= permissions="),
        ),
        (
            "tymon",
            json!({ "sub": 1, "role": "admin", "prv": "x" }),
            Ok("1 scopes= roles=admin groups= permissions="),
        ),
        (
            "rfc9068, roles: '[\"urn:zitadel:iam:org:project:roles\"]'",
            json!({ "urn:zitadel:iam:org:project:roles": { "admin": { "1": "a" }, "gone": false, "none": null } }),
            Ok("7 scopes= roles=admin groups= permissions="),
        ),
    ];
    for (preset, changes, wanted) in table {
        let got = of(preset, &changes);
        assert_eq!(got.as_deref().map_err(|reason| *reason), wanted, "{preset}: {changes}");
    }
}

#[test]
fn keys_that_are_too_old_are_not_trusted() {
    let signer = Signer::new("ES256", "p256-a");
    let world = auth(&[signer.jwk()], "    refresh: { max_stale: 1h }\n    require_expiry: false\n");
    let token = format!("Bearer {}", signer.token(&claims(&json!({ "exp": "(none)" }))));
    let at = |seconds: i64| {
        world.ask_at("/auth", &[("authorization", &token)], UnixTime::from_seconds(NOW + seconds))
    };
    check("fresh", at(0), "allowed");
    check("within", at(3600), "allowed");
    check("too old", at(3601), "keys_unavailable");
}
