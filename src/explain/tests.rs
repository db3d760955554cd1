use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cases::Run;
use crate::policy::compile;
use crate::policy::diagnostic::SourceFile;
use crate::time::UnixTime;

use super::{Explanation, Question, ask};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const SECRET: [u8; 32] = [7; 32];

fn run() -> Run {
    let text = "
version: 1
issuers:
  auth: { issuer: https://auth.example.com, audiences: [crm], keys: { jwks_url: https://auth.example.com/jwks.json } }
forbid:
  - { name: internal, match: '/internal/**' }
routes:
  - { match: GET /me, guard: auth, allow: authenticated }
  - { match: 'GET /users/{id}', guard: auth, require: { scopes: [read] } }
  - { match: 'GET /{rest}', allow: anyone }
";
    let file = SourceFile { name: "policy.yaml".into(), text: text.into() };
    let policy = compile(&[file]).expect("a policy");
    Run::new(Arc::new(policy), SECRET, NOW)
}

fn explained(url: &str, claims: Option<&str>) -> Explanation {
    let claims = claims.map(|claims| serde_json::from_str(claims).expect("claims"));
    let question = Question { method: "GET".into(), url: url.into(), claims, ..Question::default() };
    ask(&run().snapshot(), &question, SECRET, NOW).expect("a question")
}

#[test]
fn an_explanation_names_the_decision_the_rule_and_its_line() {
    let denied = explained("/users/7", Some(r#"{"sub": "7"}"#));
    assert_eq!((&*denied.decision.outcome, &*denied.decision.reason), ("deny", "missing_scope"));
    let rule = denied.decision.rule.expect("a rule");
    assert_eq!((rule.name.as_str(), rule.file.as_str(), rule.line), ("GET /users/{id}", "policy.yaml", 9));
    assert_eq!(denied.answer.status(), 403);
    let asked = denied.route.expect("a route");
    assert_eq!(asked.captures, [("id".to_owned(), "7".to_owned())]);
    assert!(asked.checks.iter().any(|step| step.verdict == "no"), "{:?}", asked.checks);

    let allowed = explained("/users/7", Some(r#"{"sub": "7", "scope": "read"}"#));
    assert_eq!(allowed.decision.outcome, "allow");
    assert!(allowed.token.signature_assumed);
}

#[test]
fn routes_that_lose_say_why() {
    let explanation = explained("/me", None);
    assert_eq!(explanation.decision.reason, "missing_token");
    let wins: Vec<(&str, bool)> =
        explanation.routes.iter().map(|note| (note.rule.name.as_str(), note.wins)).collect();
    assert_eq!(wins, [("GET /me", true), ("GET /{rest}", false)]);
    assert!(explanation.routes.iter().all(|note| note.wins != note.why_not.is_some()));
}

#[test]
fn forbid_rules_and_refused_targets_are_told() {
    let forbidden = explained("/internal/x", None);
    assert_eq!(forbidden.decision.reason, "forbidden");
    assert_eq!(forbidden.forbid.first().and_then(|note| note.holds), Some(true));
    let refused = explained("/a/%2e%2e/b", None);
    assert_eq!(refused.decision.reason, "bad_path");
    assert!(refused.request.refused.is_some() && refused.routes.is_empty());
}

#[test]
fn what_is_explained_is_what_is_decided() {
    let run = run();
    let mut reasons = BTreeSet::new();
    for url in ["/me", "/users/7", "/users/%2F", "/x", "/x/y", "/internal/x", "/a//b", "/%00"] {
        for claims in [None, Some("{}"), Some(r#"{"scope": "read"}"#), Some(r#"{"exp": 1}"#)] {
            let explanation = explained(url, claims);
            let claims =
                claims.map_or("{}".to_owned(), |claims| format!("{{ guard: auth, claims: {claims} }}"));
            let carries = if claims == "{}" { "" } else { ", token: alice" };
            let alice =
                if claims == "{}" { String::new() } else { format!("tokens: {{ alice: {claims} }}\n") };
            let reason = explanation.decision.reason.into_owned();
            let word = explanation.decision.outcome == "allow";
            let expect = if word { format!("allow: {reason}") } else { format!("deny: {reason}") };
            let text = format!(
                "{alice}tests:\n  - {{ name: a, request: {{ method: GET, path: \"{url}\" }}{carries}, expect: {{ {expect}, status: {} }} }}\n",
                explanation.answer.status()
            );
            let mut problems = crate::policy::diagnostic::Diagnostics::default();
            let file = SourceFile { name: "a_test.yaml".into(), text: text.as_str().into() };
            let suite = crate::cases::read(&file, 0, &mut problems);
            assert!(problems.problems.is_empty(), "{text}\n{problems:?}");
            let verdict = run.case(&suite, &suite.cases[0]).expect("a case that runs");
            assert_eq!(verdict.mismatches, [], "{text}");
            reasons.insert(reason.clone());
        }
    }
    assert!(reasons.len() >= 7, "{reasons:?}");
}
