//! `--coverage`: what no test allowed, and what none denied.

use serde_json::{Value, json};

use super::{POLICY, TESTS, in_policies};
use crate::snapshots::Program;

/// A policy in which everything can be seen from one side, from both, or not at all.
const SIDES: &str = r"version: 1
issuers:
  auth: { issuer: https://auth.example, audiences: [crm], keys: { jwks_url: https://auth.example/jwks.json } }
requirements:
  staff: { any: [{ roles: [support] }, { all: [{ roles: [clerk] }, { not: { groups: [night] } }] }] }
forbid:
  - { name: never, match: /never/** }
  - { name: lifted, match: /tools/**, unless: { roles: [support] } }
  - { name: in the shadow, match: /staff, mode: shadow }
routes:
  - { match: /open, allow: anyone }
  - { match: /closed, allow: nobody }
  - { match: /unseen, allow: authenticated }
  - { match: /one, require: staff }
  - { match: /staff, require: staff }
  - { match: /tools/**, require: { roles: [support] } }
";

const SEEN: &str = r"
tokens:
  support: { guard: auth, claims: { roles: [support] } }
  clerk:   { guard: auth, claims: { roles: [clerk] } }
tests:
  - { name: open, request: GET /open, expect: allow }
  - { name: tools, request: GET /tools/x, token: support, expect: allow }
  - { name: support, request: GET /staff, token: support, expect: allow }
  - { name: clerk, request: GET /one, token: clerk, expect: allow }
";

#[test]
fn what_was_seen_from_one_side_only_is_listed_with_its_place() {
    let program = Program::with(&in_policies(SIDES, SEEN));
    program.run("test --coverage").timeless().exits(0).is("test-coverage");
    program.run("test --min-coverage 60").timeless().exits(1).is("test-coverage-too-little");
    program.run("test --min-coverage 101").exits(2);
    let said = program.run("test --min-coverage 60 --format junit").timeless();
    said.exits(1).is("test-coverage-junit");
}

#[test]
fn all_of_it_is_a_hundred_percent() {
    let said = Program::with(&in_policies(POLICY, TESTS)).run("test --min-coverage 100").timeless();
    said.exits(0).is("test-coverage-all");
}

#[test]
fn what_is_left_out_is_not_covered() {
    let program = Program::with(&in_policies(POLICY, TESTS));
    let said = program.run("test --coverage --run healthz --format json");
    said.exits(0);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    let points = value["coverage"]["points"].as_array().expect("points");
    let health = points.iter().find(|point| point["name"] == "GET /healthz").expect("a point");
    assert_eq!((&health["allowed"], &health["denied"]), (&json!(true), &Value::Null));
    let customers = points.iter().find(|point| point["name"] == "GET /customers").expect("a point");
    assert_eq!((&customers["allowed"], &customers["denied"]), (&json!(false), &json!(false)));
    assert_eq!(customers["line"], 13);
    assert_eq!(value["coverage"]["seen"], 1);
}

/// A share that is not whole never reads as whole.
#[test]
fn nearly_everything_is_not_everything() {
    let (mut policy, mut tests) = ("version: 1\nroutes:\n".to_owned(), "tests:\n".to_owned());
    for index in 0..600 {
        policy.push_str(&format!("  - {{ match: GET /r{index}, allow: anyone }}\n"));
    }
    for index in 0..599 {
        tests.push_str(&format!("  - {{ request: GET /r{index}, expect: allow }}\n"));
    }
    let program = Program::with(&in_policies(&policy, &tests));
    let said = program.run("test --min-coverage 100");
    said.exits(1);
    assert!(said.out.contains("coverage: 99.8 % (599 of 600), and 100 % are asked for"), "{}", said.out);
    program.run("test --min-coverage 99").exits(0);
}
