//! What one writes who comes from another program, and what he is told.

use portcullis::cases;
use portcullis::policy::diagnostic::{Diagnostic, Diagnostics, SourceFile};

use super::diagnostics::said;

const PREAMBLE: &str = "version: 1
issuers: { auth: { issuer: https://auth.example.com, audiences: [crm], keys: { discovery: true } } }
guards: { admin: { issuer: auth, claims: { role: admin } } }
";

/// A rule, the code of what is said of it, and a part of the hint.
const SAID: [(&str, &str, &str); 27] = [
    ("routes: [{ match: ANY /a, allow: anyone }]", "P1018", "leave the method out"),
    ("routes: [{ match: GETT /a, allow: anyone }]", "P1018", "did you mean `GET`?"),
    ("routes: [{ match: /api/:id, allow: anyone }]", "P1019", "`{id}`"),
    ("routes: [{ match: /api/<int:id>, allow: anyone }]", "P1019", "`{id}`"),
    ("routes: [{ match: '/api/[id]', allow: anyone }]", "P1019", "`{id}`"),
    ("routes: [{ match: '/api/(\\d+)', allow: anyone }]", "P0304", "`{name}`"),
    ("routes: [{ match: '/api/{id?}', allow: anyone }]", "P0304", "takes two matches"),
    ("routes: [{ match: '/api/{id:[0-9]+}', allow: anyone }]", "P0304", "regex: "),
    ("routes: [{ match: '/api/a?b=1', allow: anyone }]", "P0304", "`query`"),
    ("routes: [{ match: 'https://a.example.com/a', allow: anyone }]", "P0301", "`a.example.com/a`"),
    ("routes: [{ match: { hosts: ['https://a.example.com'], path: /a }, allow: anyone }]", "P0303", "scheme"),
    ("routes: [{ match: GET|POST /a, allow: anyone }]", "P0302", "`GET,POST`"),
    ("routes: [{ match: 'GET, POST /a', allow: anyone }]", "P0301", "`GET,POST /a`"),
    ("routes: [{ match: '* /a', allow: anyone }]", "P0302", "leave the method out"),
    ("routes: [{ match: GET /users/{id}, allow: anyone }]", "P0010", "`match: \"GET /users/{id}\"`"),
    (
        "routes: [{ match: '/users/{id}', guard: admin, require: { subject: {id} } }]",
        "P0103",
        "quote the capture",
    ),
    (
        "routes: [{ match: '/users/{id}', guard: admin, require: { claims: { sub: {id} } } }]",
        "P0103",
        "`\"{id}\"`",
    ),
    (
        "routes: [{ match: '/users/{id}', guard: admin, require: { roles: [{id}] } }]",
        "P0103",
        "quote the capture",
    ),
    ("routes: [{ match: /a, guard: {admin}, allow: authenticated }]", "P0103", "`[admin]`"),
    ("routes: [{ match: /a, guard: !admin, allow: authenticated }]", "P0014", "under `not`"),
    ("routes: [{ match: /a, allow: false }]", "P0103", "`allow: nobody`"),
    ("routes: [{ match: /a, allow: true }]", "P0103", "say whom"),
    ("routes: [{ match: /a, require: admin }]", "P0206", "`{ guard: admin }`"),
    ("routes: [{ match: /a, require: [admin] }]", "P0103", "guard: [one, other]"),
    (
        "forbid: [{ name: a, match: /a, unless: admin }]\nroutes: [{ match: /a, allow: anyone }]",
        "P0206",
        "guard",
    ),
    (
        "forbid: [{ name: a, match: /admn/** }]\nroutes: [{ match: /admin, allow: anyone }]",
        "P1020",
        "misspelt",
    ),
    ("forbid: [{ name: a, match: /a/* }]\nroutes: [{ match: /a/**, allow: anyone }]", "P1021", "`**`"),
];

fn hint_of(problems: &[Diagnostic], code: &str) -> Option<String> {
    problems
        .iter()
        .find(|problem| problem.code == code)
        .map(|problem| problem.hint.clone().unwrap_or_default())
}

#[test]
fn what_is_written_as_in_another_program_is_told_how_it_is_written_here() {
    let mut wrong = Vec::new();
    for (rule, code, hint) in SAID {
        let text = format!("{PREAMBLE}{rule}\n");
        let problems = said(&[SourceFile { name: "policy.yaml".into(), text: text.into() }]);
        if !hint_of(&problems, code).is_some_and(|found| found.contains(hint)) {
            wrong.push(format!("{rule}\n  wanted {code} {hint}\n  {problems:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Fences and matches that look odd and mean what they say.
#[test]
fn what_means_what_it_says_is_not_spoken_of() {
    for rules in [
        "routes: [{ match: PURGE /a, allow: anyone }]",
        "routes: [{ match: M-SEARCH /a, allow: anyone }]",
        "routes: [{ match: '/v1/{name}:batch', allow: anyone }]",
        "forbid: [{ name: a, match: '/a/{id}' }]\nroutes: [{ match: /a/**, allow: anyone }]",
        "forbid: [{ name: a, match: [/a/*, /a/**], unless: { headers: { x-a: '1' } } }]\nroutes: [{ match: /a/**, allow: anyone }]",
        "forbid: [{ name: a, match: HEAD /a, unless: { headers: { x-a: '1' } } }]\nroutes: [{ match: GET /a, allow: anyone }]",
        "forbid: [{ name: a, match: { path: { regex: '/a.*' } }, unless: { headers: { x-a: '1' } } }]\nroutes: [{ match: '/{x}', allow: anyone }]",
        "forbid: [{ name: a, match: '*.example.com/**', unless: { headers: { x-a: '1' } } }]\nroutes: [{ match: a.example.com/a, allow: anyone }]",
        "forbid: [{ name: a, match: /a }]",
    ] {
        let text = format!("version: 1\n{rules}\n");
        let problems = said(&[SourceFile { name: "policy.yaml".into(), text: text.into() }]);
        let new = ["P1018", "P1019", "P1020", "P1021"];
        assert!(problems.iter().all(|problem| !new.contains(&problem.code)), "{rules}\n{problems:?}");
    }
}

#[test]
fn a_token_that_is_described_where_one_is_named_is_told_to_stand_at_the_top() {
    for case in ["token: { guard: admin, claims: { sub: 1 } }", "tokens: [{ guard: admin }]"] {
        let text = format!("tests: [{{ request: GET /a, {case}, expect: allow }}]\n");
        let mut problems = Diagnostics::default();
        cases::read(&SourceFile { name: "a_test.yaml".into(), text: text.into() }, 0, &mut problems);
        let hint = hint_of(&problems.problems, "P0701").unwrap_or_default();
        assert!(hint.contains("at the top of the file"), "{case}: {problems:?}");
    }
}
