//! `routes`: the table, and the matrix.

use serde_json::{Value, json};

use super::POLICY;
use crate::snapshots::Program;

/// What the small policy does not have: names, shadows, holes, roles beside scopes, text that tables must not break on.
const MORE: &str = r#"version: 1
issuers:
  auth: { issuer: https://auth.example, audiences: [crm], keys: { jwks_url: https://auth.example/jwks.json } }
requirements:
  staff: { any_role: [clerk, support] }
forbid:
  - name: fence
    description: nobody, whatever a route says
    match: [/admin/**, { path: /tools/**, token: present }]
    except: /admin/login
    unless: { roles: [admin], not: { groups: [guests] } }
  - { name: shut, match: /shut/** }
routes:
  - { match: POST /admin/login, allow: anyone }
  - { match: /closed, allow: nobody }
  - { match: /tools/**, name: "tools | \"all\"", require: { scopes: [a, b], use: staff, claims: { tenant: { present: true } } } }
  - { match: /report, require: { any: [{ roles: [admin] }, { permissions: ["reports:read"] }] } }
  - { match: /report, mode: shadow, require: { scopes: [reports] } }
  - { match: /both, token: optional, require: { any: [{ headers: { x-a: "=b,c" } }, { scopes: [a] }] } }
"#;

fn program(policy: &str) -> Program {
    Program::with(&[("policies/crm.yaml", policy)])
}

#[test]
fn the_table_says_whom_each_rule_lets_in() {
    program(POLICY).run("routes").exits(0).is("routes");
    program(MORE).run("routes policies/crm.yaml").exits(0).is("routes-more");
}

#[test]
fn on_a_narrow_page_cells_are_broken_between_words() {
    program(MORE).variable("COLUMNS", "100").run("routes").exits(0).is("routes-narrow");
    let text = program(MORE).variable("COLUMNS", "100").run("routes").out;
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn on_a_page_too_narrow_for_a_table_each_rule_has_lines_of_its_own() {
    let narrow = program(MORE).variable("COLUMNS", "60");
    narrow.run("routes").exits(0).is("routes-blocks");
    narrow.run("routes --matrix").exits(0).is("routes-matrix-blocks");
    for arguments in ["routes", "routes --matrix"] {
        let text = narrow.run(arguments).out;
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }
}

#[test]
fn reviews_and_spreadsheets_have_their_forms() {
    program(MORE).run("routes --format markdown").exits(0).is("routes-markdown");
    program(MORE).run("routes --format csv").exits(0).is("routes-csv");
    let said = program(MORE).run("routes --format json");
    let rows: Vec<Value> = serde_json::from_str(&said.exits(0).out).expect("JSON");
    assert_eq!(
        rows[0],
        json!({
            "kind": "forbid",
            "name": "fence",
            "matches": ["/admin/**", "/tools/** [token present]", "except /admin/login"],
            "guards": ["any"],
            "asks": "unless role admin and not (group guests)",
            "token": "",
            "mode": "enforce",
            "description": "nobody, whatever a route says",
            "place": "policies/crm.yaml:7",
        })
    );
}

#[test]
fn the_matrix_shows_who_needs_what() {
    program(MORE).run("routes --matrix").exits(0).is("routes-matrix");
    program(MORE).run("routes --matrix --format csv").exits(0).is("routes-matrix-csv");
    program(MORE).run("routes --matrix --format markdown").exits(0).is("routes-matrix-markdown");
    let said = program(MORE).run("routes --matrix --format json");
    let rows: Vec<Value> = serde_json::from_str(&said.exits(0).out).expect("JSON");
    let report = rows.iter().find(|row| row["name"] == "/report").expect("a row");
    assert_eq!(report["matches"], json!(["/report"]));
    assert_eq!(report["asks"], json!({ "role admin": "one of", "permission reports:read": "one of" }));
}

#[test]
fn standard_input_is_a_policy_too_and_one_that_is_wrong_gives_no_table() {
    let said =
        program(POLICY).run_with("routes -", "version: 1\nroutes: [{ match: GET /a, allow: anyone }]\n");
    said.exits(0).is("routes-input");
    program("version: 1\nroutes: [{ match: GET /a, allow: anyonee }]\n")
        .run("routes")
        .exits(2)
        .is("routes-wrong");
}
