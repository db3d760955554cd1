//! `test`, `check` and `routes` as people meet them.

mod check;
mod coverage;
mod document;
mod mutants;
mod routes;
mod run;
mod watch;

/// A small policy with everything that can go right and wrong.
const POLICY: &str = r#"version: 1
issuers:
  auth: { issuer: https://auth.example, audiences: [crm], keys: { jwks_url: https://auth.example/jwks.json } }
guards:
  admin: { issuer: auth, claims: { role: admin } }
  user:  { issuer: auth, claims: { role: user } }
forbid:
  - name: admin-area
    match: /admin/**
    unless: { guard: admin }
routes:
  - { match: GET /healthz, allow: anyone }
  - { match: GET /customers, guard: user, require: { scopes: [read-crm] } }
  - match: "GET /users/{id}"
    name: profile
    require: { any: [{ guard: admin }, { guard: user, subject: "{id}" }] }
  - { match: /admin/**, guard: admin, allow: authenticated }
"#;

/// Tests that leave nothing of it open.
const TESTS: &str = r"host: crm.example
now: 2026-01-01T00:00:00Z
tokens:
  alice: { guard: user, claims: { sub: '7', scope: read-crm } }
  bare:  { guard: user, claims: { sub: '8' } }
  boss:  { guard: admin, claims: { sub: '1', scope: read-crm } }
  other: { guard: auth, claims: { sub: '7', scope: read-crm } }
tests:
  - name: who may do what
    tokens:            [none, alice, bare, boss, other]
    matrix:
      GET /healthz:    [allow, allow, allow, allow, allow]
      GET /healthz/x:  [no_route, no_route, no_route, no_route, no_route]
      GET /customers:  [401, allow, 403 missing_scope, 401 guard_mismatch, 401 guard_mismatch]
      GET /customers/x: [no_route, no_route, no_route, no_route, no_route]
      GET /users/7:    [401, allow, 403, allow, 401 guard_mismatch]
      GET /users/7/x:  [no_route, no_route, no_route, no_route, no_route]
      GET /admin/jobs: [401, 401 guard_mismatch, 401 guard_mismatch, allow, 401 guard_mismatch]
";

/// A policy and its tests, in `policies/`.
const fn in_policies<'t>(policy: &'t str, tests: &'t str) -> [(&'static str, &'t str); 2] {
    [("policies/crm.yaml", policy), ("policies/crm_test.yaml", tests)]
}
