//! Tokens that are made, and tokens that are taken apart.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::snapshots::Program;
use crate::token::mint;

const NOON: &str = "--now 2026-01-01T12:00:00Z";

/// An issuer of each kind of key, all of them here.
fn program() -> Program {
    let jwks = mint::jwks(&[mint::Signer::new("EdDSA", "ed25519-a").jwk()]);
    let policy = format!(
        "version: 1
issuers:
  auth: {{ issuer: https://auth.example.com, audiences: [crm], keys: {{ jwks: '{jwks}' }} }}
  passport:
    issuer: none
    audiences: [\"2\"]
    keys: {{ pem_file: ../oauth-public.key }}
    read: {{ preset: passport }}
  jwt-auth:
    issuer: https://auth.example.com/api/login
    audiences: any
    keys: {{ secret_file: ../secret }}
    algorithms: [HS256]
    read: {{ preset: tymon }}
guards:
  app:   {{ issuer: auth, claims: {{ role: user }} }}
  admin: {{ issuer: [auth, jwt-auth], claims: {{ role: admin }} }}
routes:
  - {{ match: GET /customers, guard: [app, passport], require: {{ scopes: [read-crm] }} }}
  - {{ match: GET /admin, guard: admin, allow: authenticated }}
"
    );
    Program::with(&[
        ("policies/policy.yaml", policy.as_str()),
        ("oauth-public.key", &mint::pem("rsa-a")),
        ("oauth-private.key", &key("rsa-a")),
        ("ed25519.pem", &key("ed25519-a")),
        ("secret", "a secret of at least thirty-two bytes\n"),
    ])
}

fn key(name: &str) -> String {
    String::from_utf8(mint::data(&format!("keys/{name}.pem"))).expect("a PEM")
}

fn part(token: &str, index: usize) -> Value {
    let part = token.trim().split('.').nth(index).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

#[test]
fn a_minted_token_is_inspected_check_by_check() {
    let program = program();
    let minted = program
        .run(&format!("token mint --issuer app --key ed25519.pem --subject 7 --scope read-crm {NOON}"));
    minted.exits(0).is("token-mint");
    let inspected = program.run_with(&format!("token inspect - {NOON}"), &minted.out);
    inspected.exits(0).is("token-inspect-good");
    program.write("token.txt", &format!("Bearer {}", minted.out));
    assert_eq!(program.run(&format!("token inspect token.txt {NOON}")).out, inspected.out);
    let bare = minted.out.trim();
    assert_eq!(program.run(&format!("token inspect {bare} {NOON}")).out, inspected.out);
}

#[test]
fn what_is_no_token_is_told_apart() {
    let program = program();
    let minted = program.run(&format!("token mint --issuer auth --key ed25519.pem {NOON}")).out;
    let header = format!("token inspect 'Authorization: Bearer {}' {NOON}", minted.trim());
    let bare = program.run(&format!("token inspect {} {NOON}", minted.trim()));
    bare.exits(0);
    assert_eq!(program.run(&header).out, bare.out, "a line of a header");
    assert!(bare.error.is_empty(), "{}", bare.error);
    for (words, code, told) in [
        ("token inspect policies", 2, "`policies` is a directory"),
        ("token inspect ed25519.pem", 2, "this is a PEM"),
        ("token inspect nosuch", 1, "there is no file of that name here"),
        ("explain GET /a --token nosuch", 0, "there is no file of that name here"),
    ] {
        let said = program.run(words);
        said.exits(code);
        assert!(said.error.contains(told), "{words}: {}", said.error);
    }
}

#[test]
fn an_inspected_token_shows_no_signature_and_no_secret() {
    let program = program();
    for issuer in ["app --key ed25519.pem", "jwt-auth", "passport --key oauth-private.key"] {
        let minted = program.run(&format!("token mint --issuer {issuer}"));
        minted.exits(0);
        let signature = minted.out.trim().rsplit('.').next().expect("a signature");
        for format in ["human", "json"] {
            let inspected = program.run_with(&format!("token inspect - --format {format}"), &minted.out);
            inspected.exits(0);
            for hidden in [signature, "a secret of at least"] {
                assert!(!inspected.out.contains(hidden) && !inspected.error.contains(hidden), "{issuer}");
            }
        }
    }
}

#[test]
fn each_failed_check_is_named_with_what_was_asked_and_a_next_step() {
    let program = program();
    for (name, arguments) in [
        ("expired", "--issuer app --key ed25519.pem --expires-in -5m"),
        ("audience", "--issuer app --key ed25519.pem --audience billing"),
        (
            "issuer",
            "--preset rfc9068 --issuer https://stranger.example --key ed25519.pem --claims '{\"jti\": null, \"sub\": \"7\"}'",
        ),
        ("key", "--issuer app --key ed25519.pem --key-id other"),
        ("signature", "--issuer jwt-auth --key other-secret"),
        ("type", "--issuer app --key ed25519.pem --header '{\"typ\": \"logout+jwt\"}'"),
        ("claims", "--issuer app --key ed25519.pem --claims '{\"exp\": \"soon\"}'"),
        ("algorithm", "--issuer jwt-auth --algorithm HS512 --key other-secret"),
    ] {
        program.write("other-secret", "another secret, and that one is sixty-four bytes long or longer!\n");
        let minted = program.run(&format!("token mint {arguments} {NOON}"));
        minted.exits(0);
        let inspected = program.run_with(&format!("token inspect - {NOON}"), &minted.out);
        inspected.exits(1).is(&format!("token-inspect-{name}"));
        assert!(inspected.out.contains("next: "), "{}", inspected.out);
    }
    program.run("token inspect garbage").exits(1).is("token-inspect-garbage");
    program.run("token inspect token.txt").exits(2).is("token-inspect-no-file");
    program.run_with("token inspect -", "").exits(2).is("token-inspect-nothing");
}

#[test]
fn without_the_keys_there_is_no_yes_unless_that_is_enough() {
    let policy = "version: 1\nissuers: { auth: { issuer: https://auth.example.com, audiences: [crm], keys: { jwks_url: https://auth.example.com/jwks } } }\nroutes: [{ match: /, allow: authenticated }]\n";
    let program = Program::with(&[("policies/policy.yaml", policy), ("ed25519.pem", &key("ed25519-a"))]);
    let minted = program.run(&format!("token mint --key ed25519.pem --key-id ed25519-a {NOON}"));
    let inspect = |more: &str| program.run_with(&format!("token inspect - {more} {NOON}"), &minted.out);
    inspect("").exits(2).is("token-inspect-unverified");
    assert_eq!(inspect("--unverified").exits(0).out, inspect("").out);
    let told: Value = serde_json::from_str(&inspect("--format json").exits(2).out).expect("JSON");
    assert_eq!((&told["verdict"], &told["signature_assumed"]), (&"unverified".into(), &true.into()));
    // All else is checked, and a no is a no.
    let late = program.run(&format!("token mint --key ed25519.pem --expires-in -5m {NOON}"));
    let refused = program.run_with(&format!("token inspect - --unverified {NOON}"), &late.out);
    assert!(refused.exits(1).out.starts_with("refused (expired)"), "{}", refused.out);
    let jwks = |name| mint::jwks(&[mint::Signer::new("EdDSA", name).jwk()]);
    program.write("jwks.json", &jwks("ed25519-a"));
    let checked = program.run_with(&format!("token inspect - --keys auth=jwks.json {NOON}"), &minted.out);
    assert!(checked.exits(0).out.starts_with("good: "), "{}", checked.out);
    program.write("jwks.json", &jwks("ed25519-b").replace("ed25519-b", "ed25519-a"));
    let checked = program.run_with(&format!("token inspect - --keys jwks.json {NOON}"), &minted.out);
    assert!(checked.exits(1).out.starts_with("refused (bad_signature)"), "{}", checked.out);
}

#[test]
fn every_kind_of_key_signs_what_its_public_half_verifies() {
    let policy = |keys: &str| {
        format!(
            "version: 1\nissuers: {{ auth: {{ issuer: https://auth.example.com, audiences: [crm], {keys} }} }}\nroutes: [{{ match: /, allow: authenticated }}]\n"
        )
    };
    for algorithm in ["RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS512"] {
        let keys = if algorithm.starts_with("HS") {
            format!("algorithms: [{algorithm}], keys: {{ secret_file: ../keys/secret }}")
        } else {
            "keys: { jwks_file: ../keys/jwks.json }".to_owned()
        };
        let program = Program::with(&[("policies/policy.yaml", &policy(&keys))]);
        program.run(&format!("keys generate --algorithm {algorithm}")).exits(0);
        let file = if algorithm.starts_with("HS") { "keys/secret" } else { "keys/private.pem" };
        let minted = program.run(&format!("token mint --key {file}"));
        minted.exits(0);
        assert_eq!(part(&minted.out, 0)["alg"], algorithm);
        let inspected = program.run_with("token inspect -", &minted.out);
        assert!(inspected.exits(0).out.starts_with("good: "), "{algorithm}: {}", inspected.out);
    }
}

#[test]
fn private_keys_are_read_as_people_have_them() {
    let program = program();
    for (name, algorithm) in [
        ("rsa-a", "RS256"),
        ("p256-a", "ES256"),
        ("p384-a", "ES384"),
        ("p521-a", "ES512"),
        ("ed25519-a", "EdDSA"),
    ] {
        program.write("key.pem", &key(name));
        let minted = program.run("token mint --preset auth0 --key key.pem");
        assert_eq!(part(&minted.exits(0).out, 0)["alg"], algorithm);
    }
    program.write("key.jwk", r#"{"kty": "oct", "kid": "s1", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#);
    let minted = program.run("token mint --preset auth0 --key key.jwk");
    assert_eq!(part(&minted.exits(0).out, 0)["kid"], "s1");
    let public = mint::pem("rsa-a");
    for (text, name) in [
        (public, "public"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
            "encrypted",
        ),
        ("short".to_owned(), "short"),
    ] {
        program.write("key.pem", &text);
        program.run("token mint --preset auth0 --key key.pem").exits(2).is(&format!("token-mint-{name}"));
    }
    program.run("token mint --issuer app").exits(2).is("token-mint-no-key");
    program.run("token mint --key ed25519.pem").exits(2).is("token-mint-no-issuer");
    program.run("token mint --issuer app --key oauth-private.key").exits(2).is("token-mint-wrong-key");
}

#[test]
fn a_preset_looks_as_its_provider_makes_tokens() {
    let program = program();
    let mut text = String::new();
    for preset in portcullis::token::settings::Preset::NAMES {
        let minted = program.run(&format!(
            "token mint --preset {preset} --key ed25519.pem --subject 7 --scope a --scope b --role r --group g --claims '{{\"jti\": null}}' {NOON}"
        ));
        let (header, claims) = (part(&minted.exits(0).out, 0), part(&minted.out, 1));
        text.push_str(&format!(
            "{preset}\n  {header}\n  {}\n",
            claims.to_string().replace(
                claims
                    .pointer("/kubernetes.io/serviceaccount/uid")
                    .and_then(Value::as_str)
                    .unwrap_or("no uid"),
                "UID",
            )
        ));
    }
    crate::snapshots::matches("token-presets", &text);
}
