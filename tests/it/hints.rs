//! What one writes who comes from another program, and what he is told.

use portcullis::cases;
use portcullis::policy::diagnostic::{Diagnostic, Diagnostics, SourceFile};

use super::diagnostics::said;

const PREAMBLE: &str = "version: 1
issuers: { auth: { issuer: https://auth.example.com, audiences: [crm], keys: { discovery: true } } }
guards: { admin: { issuer: auth, claims: { role: admin } } }
";

/// A rule, the code of what is said of it, and a part of the hint.
const SAID: [(&str, &str, &str); 50] = [
    (
        "routes: [{ match: /a, allow: anybody }]",
        "P0107",
        "one of anyone, authenticated, nobody: with a token or without",
    ),
    ("preflight: true", "P0103", "one of route, allow"),
    ("routes: [{ match: /a, guard: admin, allow: authenticated, token: true }]", "P0103", "one of required"),
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
        "did you mean `/admin/**`?",
    ),
    ("forbid: [{ name: a, match: /a/* }]\nroutes: [{ match: /a/**, allow: anyone }]", "P1021", "`**`"),
    ("routes: [{ match: ALL /a, allow: anyone }]", "P1018", "leave the method out"),
    ("routes: [{ match: PSOT /a, allow: anyone }]", "P1018", "did you mean `POST`?"),
    ("routes: [{ match: PROPFND /a, allow: anyone }]", "P1018", "did you mean `PROPFIND`?"),
    ("routes: [{ match: '/users/:id.json', allow: anyone }]", "P1019", "`{id}.json`"),
    ("routes: [{ match: '/blog/[...slug]', allow: anyone }]", "P1019", "`{slug=**}`"),
    ("routes: [{ match: '/blog/[[...slug]]', allow: anyone }]", "P1019", "`{slug=**}`"),
    ("routes: [{ match: '/v/$id', allow: anyone }]", "P1019", "`{id}`"),
    ("routes: [{ match: '/v/$userId', allow: anyone }]", "P1019", "`{userId}`"),
    ("routes: [{ match: '/x/:from-:to', allow: anyone }]", "P1019", "`{from}` and `{to}`"),
    ("routes: [{ match: '/x/user-:id', allow: anyone }]", "P1019", "`user-{id}`"),
    ("routes: [{ match: '/x/:id([0-9]+)', allow: anyone }]", "P1019", "`{id}`"),
    (
        "forbid: [{ name: a, match: /api/admn/** }]\nroutes: [{ match: /api/admin/users, allow: anyone }]",
        "P1020",
        "`/api/admin/**`",
    ),
    (
        "forbid: [{ name: a, match: /api/admin }]\nroutes: [{ match: /api/admin/users, allow: anyone }]",
        "P1020",
        "`/api/admin/**`",
    ),
    (
        "forbid: [{ name: a, match: 'PUT /a/{id}' }]\nroutes: [{ match: 'PATCH /a/{id}', allow: anyone }]",
        "P1020",
        "`PATCH`",
    ),
    (
        "forbid: [{ name: a, match: admn.example.com/** }]\nroutes: [{ match: admin.example.com/a, allow: anyone }]",
        "P1020",
        "`admin.example.com`",
    ),
    (
        "routes: [{ match: /a, guard: admin, require: { any_role: [u], not: { roles: [b, c] } } }]",
        "P1022",
        "`not: { any_role: [b, c] }`",
    ),
    (
        "routes: [{ match: /a, guard: admin, require: { any_scope: [u], not: { any: [{ scopes: [b, c] }] } } }]",
        "P1022",
        "`not: { any_scope: [b, c] }`",
    ),
    (
        "routes: [{ match: /a, guard: admin, require: { not: { claims: { banned: true, suspended: true } } } }]",
        "P1022",
        "`not: { any: [",
    ),
    (
        "routes: [{ match: /a, require: { not: { headers: { x-a: '1', x-b: '1' } } } }]",
        "P1022",
        "`not: { all: [",
    ),
    (
        "routes:\n- { match: { path: /a, headers: { x-s: { present: false } } }, guard: admin, allow: authenticated }\n- { match: /a, allow: anyone }",
        "P1023",
        "`forbid`",
    ),
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
        "forbid: [{ name: a, match: [TRACE /**, TRACE /a/**, /.git/**, /.env, /actuator/**] }]\nroutes: [{ match: GET /a/b, allow: anyone }]",
        "forbid: [{ name: a, match: [/.env, /actuator] }]\nroutes: [{ match: 'GET /{x}/b', allow: anyone }]",
        "forbid: [{ name: a, match: /env/** }]\nroutes: [{ match: POST /**, allow: anyone }, { match: GET /a, allow: anyone }]",
        "forbid: [{ name: a, match: DELETE /orders/**, unless: { headers: { x-a: '1' } } }]\nroutes: [{ match: GET /orders/a, allow: anyone }]",
        "forbid: [{ name: a, match: /internal/** }]\nroutes: [{ match: /external/a, allow: anyone }]",
        "forbid: [{ name: a, match: [/api/internal/**, /api1/**] }]\nroutes: [{ match: /api/a, allow: anyone }, { match: /api2/a, allow: anyone }]",
        "forbid: [{ name: a, match: '/orders/{id}' }]\nroutes: [{ match: '/orders/{id}/lines', allow: anyone }]",
        "forbid: [{ name: a, match: 'LIST,TRACK,DEBUG,PURGE,BAN,VIEW,WATCH /a' }]\nroutes: [{ match: /a, allow: anyone }]",
        "routes: [{ match: APPROVE /a, allow: anyone }]",
        "routes: [{ match: '/odata/$metadata', allow: anyone }, { match: '/fhir/$everything', allow: anyone }]",
        "routes: [{ match: '/v1/users:batch', allow: anyone }]",
        "routes: [{ match: /a, require: { not: { all: [{ headers: { x-a: '1' } }, { headers: { x-b: '1' } }] } } }]",
        "routes: [{ match: /a, require: { not: { headers: { x-a: ['1', '2'] } } } }]",
        "routes:\n- { match: { path: /a, query: { s: own } }, allow: anyone }\n- { match: /a, require: { headers: { x-a: '1' } } }",
        "routes:\n- { match: { path: /a, query: { s: all } }, require: { headers: { x-a: '1' } } }\n- { match: { path: /a, query: { s: own } }, allow: anyone }",
        "routes:\n- { match: { path: /a, query: { s: all } }, require: { headers: { x-a: '1' } } }\n- { match: { path: /a, query: { s: { present: false } } }, allow: anyone }",
        "forbid: [{ name: a, match: { path: /a, query: { s: all } }, unless: { headers: { x-a: '1' } } }]\nroutes:\n- { match: { path: /a, query: { s: all } }, require: { headers: { x-a: '1' } } }\n- { match: /a, allow: anyone }",
        "routes:\n- { match: { path: /a, query: { s: all } }, guard: admin, allow: authenticated }\n- { match: /a, allow: anyone }",
        "routes:\n- { match: { path: /a, headers: { x-s: all } }, guard: admin, allow: authenticated }\n- { match: /a, allow: anyone }",
        "routes:\n- { match: { path: /a, query: { s: { present: true } } }, guard: admin, allow: authenticated }\n- { match: /**, allow: anyone }",
        "routes:\n- { match: { path: /a, headers: { x-s: { present: false } } }, guard: admin, allow: authenticated }\n- { match: /a, allow: anyone, loosens: true }",
    ] {
        let text = format!("version: 1\n{rules}\n");
        let problems = said(&[SourceFile { name: "policy.yaml".into(), text: text.into() }]);
        let new = ["P1016", "P1018", "P1019", "P1020", "P1021", "P1022", "P1023"];
        assert!(problems.iter().all(|problem| !new.contains(&problem.code)), "{rules}\n{problems:?}");
    }
}

/// A second complaint about it would say how to open the route.
#[test]
fn what_cannot_be_read_is_told_once() {
    for (rule, code) in [
        ("{ match: GET /a, guard: auth, require: {} }", "P0105"),
        ("{ match: GET /a, guard: auth, token: optional, require: {} }", "P0105"),
        ("{ match: GET /a, guard: auth, allow: anybody }", "P0107"),
        ("{ match: GET /a, allow: anybody }", "P0107"),
    ] {
        let text = format!("{PREAMBLE}routes: [{rule}]\n");
        let problems = said(&[SourceFile { name: "policy.yaml".into(), text: text.into() }]);
        let errors = problems.iter().filter(|problem| problem.code < "P1000");
        assert_eq!(errors.map(|problem| problem.code).collect::<Vec<_>>(), [code], "{rule}\n{problems:?}");
    }
}

#[test]
fn a_file_of_another_program_is_told_in_one_sentence() {
    for (text, hint) in [
        ("admin: {}\nstatic_resources: {}\n", "doctor envoy"),
        ("apiVersion: v1\nkind: Pod\nspec: {}\n", "doctor kubernetes"),
        ("server: {}\nusers: []\n", "`version: 1`"),
    ] {
        let problems = said(&[SourceFile { name: "policy.yaml".into(), text: text.into() }]);
        let [problem] = problems.as_slice() else { panic!("{text}\n{problems:?}") };
        assert!(problem.hint.as_ref().is_some_and(|found| found.contains(hint)), "{text}\n{problem:?}");
    }
    let tests = SourceFile { name: "a_test.yaml".into(), text: "# nothing\n".into() };
    let mut problems = Diagnostics::default();
    cases::read(&tests, 0, &mut problems);
    assert!(
        hint_of(&problems.problems, "P0018").is_some_and(|hint| hint.contains("`tests:`")),
        "{problems:?}"
    );
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
