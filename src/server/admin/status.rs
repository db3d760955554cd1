//! `/policy` and `/keys`: what is live, since when, and what went wrong last.

use serde_json::{Value, json};

use crate::policy::RuleMeta;
use crate::policy::diagnostic::Severity;
use crate::runtime::{IssuerStatus, Problem, ReloadFailure, Runtime, SourceStatus};
use crate::time::UnixTime;

pub(super) fn policy(runtime: &Runtime) -> Value {
    let status = runtime.status();
    let live = runtime.live().load();
    let rules = live.as_ref().map(|published| {
        let policy = &published.snapshot.policy;
        let routes: Vec<Value> = policy.routes.iter().map(|route| rule(&route.meta, route.shadow)).collect();
        let forbids: Vec<Value> =
            policy.forbids.iter().map(|forbid| rule(&forbid.meta, forbid.shadow)).collect();
        (routes, forbids)
    });
    let (routes, forbids) = rules.unwrap_or_default();
    let live = status.policy.as_ref();
    json!({
        "revision": live.map(|policy| &policy.revision),
        "since": live.map(|policy| policy.since.to_string()),
        "files": live.map(|policy| &policy.files),
        "routes": routes,
        "forbid": forbids,
        "warnings": live.map(|policy| problems(&policy.warnings)),
        "last_reload": status.last_reload.as_ref().map(|reload| json!({
            "at": reload.at.to_string(),
            "failure": reload.failure.as_ref().map(failure),
        })),
    })
}

pub(super) fn keys(runtime: &Runtime) -> Value {
    json!({ "issuers": runtime.status().issuers.iter().map(issuer).collect::<Vec<_>>() })
}

fn rule(meta: &RuleMeta, shadow: bool) -> Value {
    json!({ "name": meta.name, "file": meta.file, "line": meta.line, "shadow": shadow })
}

fn failure(failure: &ReloadFailure) -> Value {
    let all = match failure {
        ReloadFailure::Invalid(found) => problems(found),
        ReloadFailure::Files(_) | ReloadFailure::Changing | ReloadFailure::Internal => Vec::new(),
    };
    json!({ "message": failure.to_string(), "problems": all })
}

fn problems(problems: &[Problem]) -> Vec<Value> {
    let severity = |problem: &Problem| match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let one = |problem: &Problem| {
        let place = problem.place.as_ref();
        json!({
            "code": problem.code,
            "severity": severity(problem),
            "message": problem.message,
            "file": place.map(|place| &place.file),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "hint": problem.hint,
        })
    };
    problems.iter().map(one).collect()
}

fn issuer(issuer: &IssuerStatus) -> Value {
    json!({
        "name": issuer.name,
        "required": issuer.required,
        "had_keys": issuer.had_keys,
        "sources": issuer.sources.iter().map(source).collect::<Vec<_>>(),
    })
}

fn source(source: &SourceStatus) -> Value {
    let time = |at: Option<UnixTime>| at.map(|at| at.to_string());
    let keys = source.keys.iter().map(|key| json!({ "id": key.id, "algorithms": key.algorithms }));
    let rejected = source.rejected.iter().map(|key| json!({ "key": key.key, "cause": key.cause }));
    json!({
        "kind": source.kind,
        "location": source.location,
        "keys": keys.collect::<Vec<_>>(),
        "rejected": rejected.collect::<Vec<_>>(),
        "last_good": time(source.last_good),
        "next": time(source.next),
        "failures": source.failures,
        "last_error": source.last_error,
        "took_ms": source.took.map(|took| took.as_millis()),
    })
}
