//! `--mutate`: what no test notices.

use std::collections::BTreeSet;

use portcullis::cases::mutate::{Operator, mutants};
use portcullis::policy::diagnostic::{Diagnostics, SourceFile};
use portcullis::policy::{compile, reader};
use serde_json::Value;

use super::{POLICY, TESTS, in_policies};
use crate::snapshots::{Program, matches};

/// Every key that can be dropped and every list that can be shortened.
const EVERYTHING: &str = r#"version: 1
issuers:
  auth:  { issuer: https://auth.example, audiences: [crm], keys: { jwks_url: https://auth.example/jwks.json } }
  other: { issuer: https://other.example, audiences: [crm], keys: { jwks_url: https://other.example/jwks.json } }
guards:
  admin:   { issuer: auth, claims: { role: admin, level: { one_of: [1, 2] } } }
  user:    { issuer: auth, audiences: [crm, app], types: [at+jwt], claims: { role: user } }
  partner: { issuer: other }
requirements:
  staff: { any_role: [clerk, support] }
  named: { use: staff }
forbid:
  - name: fence
    match: [/admin/**, { path: /tools/**, token: present }]
    except: [/admin/login, /admin/logout]
    unless: { guard: admin, source: { cidrs: [10.0.0.0/8, 192.168.0.0/16], principals: ["spiffe://a/*"] } }
  - { name: shut, match: /shut/** }
  - { name: only watched, match: /watched, mode: shadow }
defaults: { guard: user }
routes:
  - { match: GET /open, allow: anyone }
  - { match: [GET /lists, POST /lists], require: { scopes: [a, b], any_group: [c, d] } }
  - match: "/parts/{id}"
    guard: [user, partner]
    require:
      subject: "{id}"
      claims: { tenant: [acme, globex], kind: { contains: "{id}" } }
      headers: { x-a: b }
      query: { c: d }
      when: request.method != "PUT"
  - { match: "/all/{rest=**}", require: { all: [{ roles: [a] }, { not: { roles: [b] } }] } }
  - { match: /any, require: { any: [{ guard: partner, permissions: [a] }, { guard: user, use: named }] } }
  - { match: { grpc: { service: pkg.Items, method: Get } }, require: staff }
  - { match: { path: /regex/map }, require: { source: { cidrs: [10.0.0.0/8] } } }
  - { match: { path: { regex: '/re/[a-z]+' } }, allow: authenticated }
  - { match: /watched, mode: shadow, require: { scopes: [z] } }
  - { match: /watched, require: { scopes: [y] } }
"#;

fn document(text: &str) -> (Vec<SourceFile>, portcullis::policy::document::Document) {
    let files = vec![SourceFile { name: "policy.yaml".into(), text: text.into() }];
    let document = reader::read(&files, &mut Diagnostics::default());
    (files, document)
}

#[test]
fn every_operator_changes_every_place_that_it_fits() {
    let (files, document) = document(EVERYTHING);
    let policy = compile(&files).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut text = String::new();
    let mut used = BTreeSet::new();
    for mutant in mutants(&document, &policy) {
        let change = &mutant.change;
        used.insert(change.operator);
        text.push_str(&format!("{}: {}, {}\n", change.at.line, change.operator.word(), mutant.owner));
        text.push_str(&format!("  - {}\n", change.before));
        if let Some(after) = &change.after {
            text.push_str(&format!("  + {after}\n"));
        }
    }
    assert_eq!(used, BTreeSet::from(Operator::ALL));
    matches("mutants", &text);
}

#[test]
fn strong_tests_notice_every_mutant() {
    let program = Program::with(&in_policies(POLICY, TESTS));
    let said = program.run("test --mutate").timeless();
    // The fence asks for the same before the route does.
    said.exits(1).is("test-mutants-fence");
    let policy = POLICY
        .replace("forbid:\n  - name: admin-area\n    match: /admin/**\n    unless: { guard: admin }\n", "");
    program.write("policies/crm.yaml", &policy);
    program.run("test --mutate").timeless().exits(0).is("test-mutants-none");
}

#[test]
fn what_no_test_notices_is_shown_as_a_change() {
    let tests = r"
tokens: { alice: { guard: user, claims: { sub: '7', scope: read-crm } } }
tests:
  - { request: GET /customers, token: alice, expect: allow }
  - { request: GET /admin/x, token: alice, expect: deny }
";
    let program = Program::with(&in_policies(POLICY, tests));
    program.run("test --mutate").timeless().exits(1).is("test-mutants");
    program.run("test --mutate --format junit").timeless().exits(1).is("test-mutants-junit");
    let said = program.run("test --mutate --format json");
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    let survivors = value["mutants"]["survivors"].as_array().expect("survivors");
    let dropped = survivors.iter().find(|one| one["before"] == "scopes: [read-crm]").expect("a survivor");
    assert_eq!(dropped["operator"], "drop a key");
    assert_eq!((&dropped["owner"], &dropped["line"]), (&"route GET /customers".into(), &13.into()));
}

/// The mutants that no test of the small policy can notice.
const ACCEPTED: &str = r#"accepted_mutants:
  - { operator: open a forbid, owner: forbid rule admin-area, before: "forbid: admin-area", because: the route asks for the same }
  - operator: drop a key
    owner: forbid rule admin-area
    before: "guard: admin"
    after: "guard: any"
    because: the route asks for the same
  - operator: drop a key
    owner: route /admin/**
    before: "guard: admin"
    after: "guard: any"
    because: the fence asks for the same
"#;

#[test]
fn what_no_test_can_notice_is_accepted_with_a_reason() {
    let program = Program::with(&in_policies(POLICY, &format!("{TESTS}{ACCEPTED}")));
    program.run("test --mutate").timeless().exits(0).is("test-mutants-accepted");
    // To the letter: another change in the same place is another mutant.
    program.write("policies/crm.yaml", &POLICY.replace("guard: admin, allow", "guard: [admin, user], allow"));
    let said = program.run("test --mutate");
    assert!(said.exits(1).out.contains("no test notices: drop a key, route /admin/**"), "{}", said.out);
}

#[test]
fn what_is_accepted_for_nothing_fails() {
    let idle = "  - { operator: drop a key, owner: route GET /customers, before: 'scopes: [read-crm]', because: wrong }
  - { operator: swap a guard, owner: route GET /gone, before: 'guard: a', after: 'guard: b', because: of old }
";
    let program = Program::with(&in_policies(POLICY, &format!("{TESTS}{ACCEPTED}{idle}")));
    program.run("test --mutate").timeless().exits(1).is("test-mutants-idle");
    program.run("test --mutate --format junit").timeless().exits(1).is("test-mutants-idle-junit");
    let value: Value = serde_json::from_str(&program.run("test --mutate --format json").out).expect("JSON");
    let mutants = &value["mutants"];
    assert_eq!((&mutants["accepted"], &mutants["survivors"]), (&3.into(), &Value::Array(Vec::new())));
    assert_eq!(mutants["accepted_for_nothing"][0]["why"], "a test notices it");
    assert_eq!(mutants["accepted_for_nothing"][1]["why"], "there is no such mutant");
    // Without `--mutate` nobody asked.
    program.run("test").exits(0);
}

#[test]
fn what_is_accepted_is_named_whole_and_says_why() {
    let wrong = "accepted_mutants:
  - { operator: drop a kee, owner: route /a, before: 'guard: a', because: so }
  - { operator: drop a key, owner: route /a, before: 'guard: a' }
  - { operator: drop a key, owner: route /a, because: ' ' }
  - drop a key
";
    let program = Program::with(&in_policies(POLICY, &format!("{TESTS}{wrong}")));
    program.run("check").exits(1).is("check-accepted-mutants");
}

/// A guard that asks less would also fill less into the tokens that are made for it, and notice nothing.
#[test]
fn tokens_are_made_by_the_policy_as_it_is() {
    let tests = r"
tokens: { boss: { guard: admin, claims: { sub: '1' } }, alice: { guard: user, claims: { sub: '7' } } }
tests:
  - { name: boss, request: GET /users/7, token: boss, expect: allow }
  - { name: alice, request: GET /users/8, token: alice, expect: deny }
";
    let said = Program::with(&in_policies(POLICY, tests)).run("test --mutate");
    assert!(!said.out.contains("guard admin (policies"), "alice would be an admin: {}", said.out);
    assert!(said.out.contains("guard user (policies"), "nothing tells users from others: {}", said.out);
}

#[test]
fn mutants_wait_until_the_tests_pass() {
    let tests = "tests: [{ name: wrong, request: GET /healthz, expect: deny }]\n";
    let said = Program::with(&in_policies(POLICY, tests)).run("test --mutate");
    said.exits(1);
    assert!(said.out.contains("mutants: not tried while tests fail"), "{}", said.out);
}
