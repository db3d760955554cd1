//! `check`: every problem, in the form that the reader wants.

use serde_json::{Value, json};

use super::{POLICY, TESTS, in_policies};
use crate::snapshots::Program;

const WARNED: &str = "version: 1
issuers:
  auth: { issuer: https://auth.example, audiences: any, keys: { jwks_url: https://auth.example/jwks.json } }
routes: [{ match: GET /a, require: { scopes: [a] } }]
";
const WRONG: &str = "version: 1
routes:
  - { match: GET /a, allow: anyonee }
  - { match: get /b, allow: anyone }
";

#[test]
fn a_good_set_is_summed_up() {
    Program::with(&in_policies(POLICY, TESTS)).run("check").exits(0).is("check-ok");
}

#[test]
fn every_problem_is_shown_with_its_place_and_mend() {
    let program = Program::with(&in_policies(WRONG, "tests: [{ request: GET /a, expect: alow }]\n"));
    program.run("check").exits(1).is("check-wrong");
    program.run("check --format github").exits(1).is("check-github");
    program.run("check --format sarif").exits(1).is("check-sarif");
    program.run("check --format json").exits(1).is("check-json");
    program.run("check elsewhere").exits(2).is("check-nowhere");
}

#[test]
fn warnings_fail_where_that_is_asked_for() {
    let program = Program::with(&[("policies/crm.yaml", WARNED)]);
    program.run("check").exits(0).is("check-warned");
    program.run("check --strict").exits(1).is("check-strict");
}

#[test]
fn standard_input_is_a_policy_too() {
    Program::with(&[]).run_with("check -", WRONG).exits(1).is("check-input");
    Program::with(&[]).run_with("check -", POLICY).exits(0);
}

#[test]
fn sets_that_have_nothing_to_do_with_each_other_are_checked_each_on_its_own() {
    let program = Program::with(&[
        ("policies/one/crm.yaml", POLICY),
        ("policies/one/crm_test.yaml", TESTS),
        ("policies/three/crm.yaml", WRONG),
        ("policies/two/crm.yaml", WARNED),
    ]);
    program.run("check").exits(1).is("check-several");
    let said = program.run("check --format json");
    let value: Value = serde_json::from_str(&said.exits(1).out).expect("JSON");
    let places: Vec<&Value> =
        value["problems"].as_array().expect("problems").iter().map(|one| &one["place"]["file"]).collect();
    assert_eq!(
        places,
        [
            &json!("policies/three/crm.yaml"),
            &json!("policies/three/crm.yaml"),
            &json!("policies/two/crm.yaml")
        ]
    );

    // As an argument it is what `serve` would take: one set.
    let said = program.run("check policies");
    said.exits(1);
    assert!(said.out.contains("is there twice"), "{}", said.out);
}

#[test]
fn directories_that_need_each_other_are_one_set() {
    let (issuers, rules) = POLICY.split_once("guards:").expect("two halves");
    let program = Program::with(&[
        ("policies/issuers/auth.yaml", issuers),
        ("policies/rules/crm.yaml", &format!("version: 1\nguards:{rules}")),
        ("policies/crm_test.yaml", TESTS),
    ]);
    let said = program.run("check");
    said.exits(0);
    assert_eq!(said.error, "");
    program.run("test").exits(0);
    // One that is wrong does not make two of it.
    program.write(
        "policies/rules/crm.yaml",
        &format!("version: 1\nguards:{}", rules.replace("anyone", "anyonee")),
    );
    let said = program.run("check");
    said.exits(1);
    assert!(!said.out.contains("no issuer"), "{}", said.out);
}
