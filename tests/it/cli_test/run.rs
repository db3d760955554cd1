//! Running tests.

use prost::Message;
use serde_json::{Value, json};

use super::{POLICY, TESTS, in_policies};
use crate::keys::signer::Signer;
use crate::snapshots::Program;
use crate::stand;

/// One expectation of each kind, all of them wrong.
const WRONG: &str = r#"host: crm.example
now: 2026-01-01T00:00:00Z
tokens:
  bare: { guard: user, claims: { sub: '8', exp: 1767225600 } }
tests:
  - { name: anyone is healthy, request: GET /healthz, expect: allow }
  - { name: a bare user reads, request: GET /customers, token: bare, expect: { allow: , upstream: { x-user-id: "8" } } }
  - name: nobody reads another's profile
    request: GET /users/7
    token: bare
    expect: { deny: guard_mismatch, status: 404, forbid: admin-area, headers: { x-why: because }, body: "two\nlines" }
  - { name: a hidden area, request: GET /admin/jobs, expect: { status: 404, route: GET /healthz } }
"#;

#[test]
fn tests_that_pass_are_counted() {
    Program::with(&in_policies(POLICY, TESTS)).run("test").timeless().exits(0).is("test-passed");
}

#[test]
fn a_failure_shows_what_differs_and_the_way_of_the_decision() {
    Program::with(&in_policies(POLICY, WRONG)).run("test policies").timeless().exits(1).is("test-failed");
}

#[test]
fn a_failure_is_coloured_where_that_is_wished() {
    let said = Program::with(&in_policies(POLICY, WRONG)).run("--color always test");
    for part in
        ["\u{1b}[1;31mFAIL\u{1b}[0m", "\u{1b}[1;31m    - expected: allow\u{1b}[0m", "\u{1b}[32m    + actual:"]
    {
        assert!(said.out.contains(part), "{part:?} is missing in {}", said.out);
    }
}

#[test]
fn junit_names_every_test_and_every_failure() {
    let said = Program::with(&in_policies(POLICY, WRONG)).run("test --format junit").timeless();
    said.exits(1).is("test-junit");
}

#[test]
fn json_holds_the_differences_and_the_explanation() {
    let said = Program::with(&in_policies(POLICY, WRONG)).run("test --format json");
    said.exits(1);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&value["ok"], &value["passed"], &value["failed"]), (&json!(false), &json!(1), &json!(3)));
    let failed = &value["tests"][1];
    assert_eq!(failed["name"], "a bare user reads");
    assert_eq!((&failed["file"], &failed["line"]), (&json!("policies/crm_test.yaml"), &json!(7)));
    let difference = json!({ "what": "decision", "expected": "allow", "actual": "deny missing_scope" });
    assert_eq!(failed["differences"][0], difference);
    assert_eq!(failed["explanation"]["decision"]["reason"], "missing_scope");
    assert_eq!(value["tests"][0]["explanation"], Value::Null);
    assert!(value["seconds"].is_f64() && failed["seconds"].is_f64());
}

#[test]
fn a_name_chooses_which_tests_are_run() {
    let program = Program::with(&in_policies(POLICY, WRONG));
    program.run("test --run 'anyone|nothing'").timeless().exits(0).is("test-run");
    program.run("test --run nothing").exits(1).is("test-run-nothing");
    program.run("test --run '('").exits(2).is("test-run-no-expression");
}

#[test]
fn no_tests_at_all_are_a_failure() {
    let program = Program::with(&[("policies/crm.yaml", POLICY), ("policies/crm_tests.yml.txt", TESTS)]);
    program.run("test").exits(1).is("test-none");
}

#[test]
fn files_that_are_wrong_are_a_no_and_files_that_are_not_there_no_answer() {
    let tests = TESTS.replace("missing_scope", "missing_scoep").replace("[none, alice", "[none, alcie");
    let program = Program::with(&in_policies(&POLICY.replace("guard: user,", "guard: usr,"), &tests));
    program.run("test").exits(1).is("test-wrong-files");
    program.run("test elsewhere").exits(2).is("test-nowhere");
}

#[test]
fn an_expectation_or_a_host_in_another_form_is_told_how_it_is_written() {
    let tests = "host: https://crm.example/
tests:
  - { request: GET /healthz, expect: 401 }
  - { request: GET /healthz, expect: missing_token }
  - { request: GET /healthz, expect: 403 missing_scope }
  - { request: GET /healthz, expect: perhaps }
  - { request: { path: /healthz, host: 'http://crm.example:80' }, expect: { deny: no_such_reason_at_all } }
";
    Program::with(&in_policies(POLICY, tests)).run("check").exits(1).is("check-forms");
}

#[test]
fn a_policy_that_comes_from_standard_input_has_tests_in_files() {
    let program = Program::with(&[("tests/crm_test.yaml", TESTS)]);
    assert_eq!(program.run_with("test -", POLICY).code, Some(1), "it brings no tests");
}

#[test]
fn captured_requests_and_real_tokens_are_tested_beside_made_ones() {
    let (signer, other) = (Signer::new("k1"), Signer::new("k1"));
    let token = signer.token_with("https://auth.example", &json!({ "role": "user", "scope": "read-crm" }));
    let captured = stand::request("GET", "/customers", &[("authorization", &format!("Bearer {token}"))]);
    let captured_json = json!({ "attributes": { "request": { "http": {
        "method": "GET", "path": "/customers", "host": "crm.example", "headers": { "authorization": "Bearer no" },
    } } } });
    let tests = format!(
        r"
tokens:
  alice:  {{ guard: user, claims: {{ sub: '7', scope: read-crm }} }}
  real:   {{ raw: {token}, key_file: keys.json }}
  same:   {{ raw: {token}, key_file: keys.pem }}
  forged: {{ raw: {token}, key_file: other.json }}
tests:
  - {{ check_request: captured.json, expect: {{ deny: malformed_token, status: 401 }} }}
  - {{ name: a made token takes the place of the captured one, check_request: captured.json, token: alice, expect: allow }}
  - {{ name: as bytes, check_request: captured.bin, token: real, expect: {{ allow: , route: GET /customers }} }}
  - {{ name: as bytes without the key, check_request: captured.bin, expect: {{ deny: unknown_key }} }}
  - {{ name: real, request: GET /customers, token: real, expect: allow }}
  - {{ name: real by a key without a name, request: GET /customers, token: same, expect: allow }}
  - {{ name: forged, request: GET /customers, token: forged, expect: {{ deny: bad_signature }} }}
"
    );
    let program = Program::with(&in_policies(POLICY, &tests));
    program.write("policies/captured.json", &captured_json.to_string());
    program.write("policies/keys.json", &json!({ "keys": [signer.jwk()] }).to_string());
    program.write("policies/keys.pem", &signer.pem());
    program.write("policies/other.json", &json!({ "keys": [other.jwk()] }).to_string());
    std::fs::write(program.path("policies/captured.bin"), captured.encode_to_vec()).expect("a file");
    let said = program.run("test");
    said.exits(0);
    assert!(said.out.starts_with("ok: 7 tests in "), "{}", said.out);

    program.write("policies/captured.json", "{}");
    let said = program.run("test");
    said.exits(1);
    assert!(said.error.contains("`policies/captured.json` cannot be used"), "{}", said.error);
}

#[test]
fn sets_that_have_nothing_to_do_with_each_other_are_tested_each_on_its_own() {
    let program = Program::with(&[
        ("policies/one/crm.yaml", POLICY),
        ("policies/one/crm_test.yaml", TESTS),
        ("policies/two/crm.yaml", POLICY),
        ("policies/two/crm_test.yaml", WRONG),
    ]);
    let said = program.run("test --format json");
    said.exits(1);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&value["passed"], &value["failed"]), (&json!(36), &json!(3)));
    assert!(said.error.contains("2 directories below `policies` are no set together"), "{}", said.error);
    program.run("test policies").exits(1);
}
