//! Names in a test file that have to exist in the policy it is about.

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::document::Text;

use super::{FixtureKind, Suite};

/// Reports guards, issuers and rules that the policy does not have: a test that expects the route of a name
/// nobody has fails for the wrong reason.
pub fn verify(suite: &Suite, policy: &Policy, problems: &mut Diagnostics) {
    for (_, fixture) in &suite.tokens {
        match &fixture.kind {
            FixtureKind::Claims { guard, .. } => guard_of(guard, policy, problems),
            FixtureKind::Raw { issuer: Some(issuer), .. } => issuer_of(issuer, policy, problems),
            FixtureKind::Raw { issuer: None, key_file: Some(path), .. } if policy.issuers.len() != 1 => {
                problems
                    .error(codes::TEST_SHAPE, path.at, "whose keys these are is not said")
                    .hint("`issuer: name` beside `key_file`");
            }
            FixtureKind::Raw { issuer: None, .. } => {}
        }
    }
    let mut seen: Vec<At> = Vec::new();
    for case in &suite.cases {
        for issuer in &case.unavailable {
            // The cells of a matrix share it.
            if !seen.contains(&issuer.at) {
                seen.push(issuer.at);
                issuer_of(issuer, policy, problems);
            }
        }
        let routes = || policy.routes.iter().map(|route| &*route.meta.name);
        if let Some(route) = case.expect.route.as_ref().filter(|name| &*name.value != "(none)") {
            known("route", codes::UNKNOWN_RULE, route, routes(), "`portcullis routes` lists them", problems);
        }
        let forbids = || policy.forbids.iter().map(|forbid| &*forbid.meta.name);
        if let Some(forbid) = case.expect.forbid.as_ref().filter(|name| &*name.value != "(none)") {
            known(
                "forbid rule",
                codes::UNKNOWN_RULE,
                forbid,
                forbids(),
                "`portcullis routes` lists them",
                problems,
            );
        }
    }
}

fn guard_of(guard: &Text, policy: &Policy, problems: &mut Diagnostics) {
    let hint = "declare it under `guards` or `issuers` of the policy";
    known("guard or issuer", codes::UNKNOWN_GUARD, guard, policy.guards.names(), hint, problems);
}

fn issuer_of(issuer: &Text, policy: &Policy, problems: &mut Diagnostics) {
    let names = policy.issuers.iter().map(|issuer| &*issuer.name);
    let hint = "declare it under `issuers` of the policy";
    known("issuer", codes::UNKNOWN_ISSUER, issuer, names, hint, problems);
}

fn known<'n>(
    kind: &str,
    code: &'static str,
    name: &Text,
    names: impl Iterator<Item = &'n str>,
    hint: &str,
    problems: &mut Diagnostics,
) {
    let names: Vec<&str> = names.collect();
    if names.contains(&&*name.value) {
        return;
    }
    let problem = problems.error(code, name.at, format!("the policy has no {kind} `{}`", name.value));
    match closest(&name.value, names) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(hint),
    };
}
