//! Why a request is decided as it is, as a person reads it.

use serde_json::Value;

use crate::keys::signer::Signer;
use crate::snapshots::Program;
use crate::stand::{ISSUER, Stand};

const NOON: &str = "--now 2026-01-01T12:00:00Z";

/// What `init` writes.
fn program() -> Program {
    let program = Program::with(&[]);
    program.run("init policies").exits(0);
    program
}

#[test]
fn every_way_a_request_may_go_is_told() {
    let program = program();
    for (name, arguments) in [
        ("open", "GET https://crm.example.com/healthz"),
        ("allowed", "GET /customers --guard app --claims '{\"sub\": \"7\", \"scope\": \"read-crm\"}'"),
        ("missing-token", "GET /customers"),
        ("missing-scope", "POST /customers --guard app --claims '{\"sub\": \"7\", \"scope\": \"read-crm\"}'"),
        ("branches", "GET /users/8 --guard app --claims '{\"sub\": \"7\"}'"),
        ("fence", "GET /admin/jobs --guard app --claims '{\"sub\": \"7\"}'"),
        ("expired", "GET /customers --guard app --claims '{\"exp\": \"-5m\"}'"),
        ("no-route", "GET /custommers"),
        ("nothing-near", "GET /"),
        ("wrong-method", "DELETE /customers"),
        ("no-path", "GET customers"),
        ("bad-path", "GET /admin/%2e%2e/customers"),
        ("override", "GET /customers -H 'x-http-method-override: DELETE'"),
        ("two-headers", "GET /customers -H 'authorization: Bearer a' -H 'authorization: Bearer b'"),
    ] {
        program.run(&format!("explain {arguments} {NOON}")).exits(0).is(&format!("explain-{name}"));
    }
}

#[test]
fn what_is_expected_decides_the_exit_code() {
    let program = program();
    program.run("explain GET /healthz --expect allow").exits(0);
    program.run("explain GET /nowhere --expect deny").exits(0);
    program.run("explain GET /nowhere --expect no_route").exits(0);
    let said = program.run("explain GET /nowhere --expect allow");
    assert_eq!(said.exits(1).error, "expected allow, got deny (no_route)\n");
    program.run("explain GET /nowhere --expect perhaps").exits(2).is("explain-expect-nothing");
}

#[test]
fn a_token_that_nobody_here_can_check_opens_nothing() {
    let program = program();
    program.run("keys generate").exits(0);
    let minted = program.run("token mint --issuer app --key keys/private.pem --scope read-crm");
    program.write("token.txt", &minted.exits(0).out);
    let explain = |more: &str| program.run(&format!("explain GET /customers --token token.txt {more}"));
    assert!(explain("").exits(0).out.contains("the signature of its token was not checked"));
    let said = explain("--expect allow");
    assert!(said.exits(2).error.starts_with("error: the signature was not checked"), "{}", said.error);
    explain("--expect allowed").exits(2);
    explain("--expect allow --unverified").exits(0);
    explain("--expect allow --keys keys/jwks.json").exits(0);
    // What is denied all the same stays so with any signature.
    program.run("explain POST /customers --token token.txt --expect deny").exits(0);
    // Claims are nobody's.
    let claims = "--guard app --claims '{\"scope\": \"read-crm\"}'";
    program.run(&format!("explain GET /customers {claims} --expect allow")).exits(0);
}

#[test]
fn another_host_than_the_routes_is_told() {
    let policy = "version: 1\nroutes:\n  - { match: GET crm.example.com/customers, allow: anyone }\n";
    let program = Program::with(&[("policies/policy.yaml", policy)]);
    program.run("explain GET /customers").exits(0).is("explain-other-host");
    program.run("explain GET https://crm.example.com/customers --expect allow").exits(0);
}

#[test]
fn as_json_it_is_one_object_with_the_rule_and_its_line() {
    let said = program()
        .run(&format!("explain GET /users/8 --guard app --claims '{{\"sub\": \"7\"}}' {NOON} --format json"));
    said.exits(0).is("explain-json");
    let told: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(told["decision"]["rule"]["line"], 34);
}

#[test]
fn what_cannot_be_asked_is_told_with_a_next_step() {
    let program = program();
    for (name, arguments) in [
        ("no-guard", "GET /customers --claims '{}'"),
        ("unknown-guard", "GET /customers --claims '{}' --guard addmin"),
        ("bad-claims", "GET /customers --claims nothing"),
        ("bad-header", "GET /customers -H nothing"),
        ("no-file", "--check-request nothing.bin"),
        ("no-token-file", "GET / --token nothing.txt"),
        ("nobody-there", "GET / --admin unix:nobody.sock"),
        ("no-policy", "GET / --policies nowhere"),
        ("no-url", "GET"),
        ("bad-moment", "GET / --now yesterday"),
        ("bad-server", "GET / --admin nowhere"),
    ] {
        program.run(&format!("explain {arguments}")).exits(2).is(&format!("explain-{name}"));
    }
    Program::with(&[]).run("explain GET /").exits(2).is("explain-nothing-here");
    let broken =
        Program::with(&[("policy.yaml", "version: 1\nroutes: [{ match: GET /a, allow: anyonee }]\n")]);
    broken.run("explain GET /a").exits(2).is("explain-broken-policy");
}

#[test]
fn a_captured_request_may_come_from_standard_input() {
    let program = program();
    let request = r#"{"attributes": {"request": {"http": {"method": "GET", "host": "crm.example.com", "path": "/healthz"}}}}"#;
    program.write("captured.json", request);
    let from_file = program.run("explain --check-request captured.json");
    assert!(from_file.exits(0).out.starts_with("allow (allowed)"), "{}", from_file.out);
    assert_eq!(program.run_with("explain --check-request -", request).out, from_file.out);
}

#[test]
fn a_running_server_explains_with_its_own_policy_and_keys() {
    let rules = "routes: [{ match: GET /me, guard: auth, allow: authenticated }]\n";
    let stand = Stand::new(rules, &[]);
    let policies = stand.directory.path().display();
    let server = format!("http://{}", stand.admin);
    let token = stand.signer.token(ISSUER);
    let program = Program::with(&[("token.txt", &token)]);
    let asked = "explain GET https://crm.example.com/me --token token.txt --format json";
    let told = |said: &str| serde_json::from_str::<Value>(said).expect("JSON");
    let remote = told(&program.run(&format!("{asked} --admin {server} --expect allow")).exits(0).out);
    let local = told(&program.run(&format!("{asked} --policies {policies}")).exits(0).out);
    assert_eq!(remote["token"]["signature_assumed"], false);
    for part in ["decision", "request", "forbid", "routes", "route", "answer"] {
        // The server names its files as it was told of them.
        let plain = |told: &Value| told[part].to_string().replace(&format!("{policies}/"), "");
        assert_eq!(plain(&remote), plain(&local), "{part}");
    }
    // Signed by a stranger: nobody takes it for good.
    let stranger = Signer::new("k1").token(ISSUER);
    program.write("token.txt", &stranger);
    program.run(&format!("{asked} --admin {server} --expect bad_signature")).exits(0);
    program.run(&format!("{asked} --policies {policies} --expect bad_signature")).exits(0);
    // Claims need nobody's signature.
    let claims = "explain GET /me --claims '{\"sub\": \"7\"}' --expect allow";
    program.run(&format!("{claims} --admin {server}")).exits(0);
    // What is no question is told as the server tells it.
    let unknown = "explain GET /me --claims '{}' --guard nobody";
    let said = program.run(&format!("{unknown} --admin {server}"));
    assert!(said.exits(2).error.contains("there is no guard or issuer `nobody`"), "{}", said.error);
    // Probes stand on the same listener.
    assert_eq!(program.run(&format!("healthcheck --address {}", stand.metrics)).exits(0).out, "ready\n");
    assert_eq!(program.run(&format!("healthcheck --live --address {server}")).exits(0).out, "alive\n");
    let metrics = format!("http://{}", stand.metrics);
    let said = program.run(&format!("explain GET /me --admin {metrics}"));
    assert!(said.exits(2).error.contains("answers 405 to POST /explain"), "{}", said.error);
}
