//! What came out against what was expected.

use crate::decision::{Decision, RouteId, Rule};
use crate::policy::{Judgement, Policy};
use crate::request::{Incoming, looks_like};
use crate::response::Answer;

use super::Expect;

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What differs; empty: it passed.
    pub mismatches: Vec<Mismatch>,
    /// The rule that settled it.
    pub rule: Rule,
    /// The winning route, also where a fence or the token turned the request away.
    pub route: Option<RouteId>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// What shadow rules would have done: the rule, and whether it would have allowed.
    pub shadows: Vec<(Rule, bool)>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `status`, `reason`, `upstream x-user-id`, …
    pub what: String,
    /// What the case says.
    pub expected: String,
    /// What came out.
    pub actual: String,
}

/// Compares everything that the case speaks of.
pub(super) fn compare(
    policy: &Policy,
    expect: &Expect,
    incoming: &Incoming<'_>,
    judgement: &Judgement<'_>,
    answer: &Answer<'_>,
) -> Verdict {
    let is_allow = |decision: &Decision| matches!(decision, Decision::Allow(_));
    let mut found = Mismatches(Vec::new());
    found.decision(expect, judgement);
    found.rules(policy, expect, judgement);
    let (status, headers, body) = match answer {
        Answer::Allow { .. } => (200, &[][..], ""),
        Answer::Deny { status, headers, body, .. } => (*status, headers.as_slice(), body.as_ref()),
    };
    if let Some(expected) = expect.status {
        found.check("status", &expected.to_string(), &status.to_string(), expected == status);
    }
    for (name, expected) in &expect.upstream {
        found.upstream(name, expected.as_deref(), incoming, answer);
    }
    for (name, expected) in &expect.headers {
        let actual = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.header(&format!("header {name}"), expected.as_deref(), actual.map(|(_, value)| value.as_ref()));
    }
    if let Some(expected) = &expect.body {
        found.check("body", expected, body, **expected == *body);
    }
    if let Some(expected) = &expect.shadow {
        let actual = &answer.metadata().shadow;
        let same = expected.len() == actual.len()
            && expected.iter().zip(actual).all(|(one, other)| **one == **other);
        found.check("shadow", &expected.join(", "), &actual.join(", "), same);
    }
    Verdict {
        mismatches: found.0,
        rule: judgement.decision.rule(),
        route: judgement.route,
        allowed: is_allow(&judgement.decision),
        shadows: judgement.shadows.iter().map(|shadow| (shadow.rule, is_allow(&shadow.decision))).collect(),
    }
}

struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    fn check(&mut self, what: &str, expected: &str, actual: &str, same: bool) {
        if !same {
            self.0.push(Mismatch { what: what.into(), expected: expected.into(), actual: actual.into() });
        }
    }

    fn header(&mut self, what: &str, expected: Option<&str>, actual: Option<&str>) {
        let shown = |value: Option<&str>| value.map_or("(not set)".to_owned(), str::to_owned);
        self.check(what, &shown(expected), &shown(actual), expected == actual);
    }

    /// Verdict and reason in one: `deny missing_scope` against `allow`.
    fn decision(&mut self, expect: &Expect, judgement: &Judgement<'_>) {
        let allowed = matches!(judgement.decision, Decision::Allow(_));
        let word = |allowed: bool| if allowed { "allow" } else { "deny" };
        let reason = judgement.decision.reason_label();
        let same_verdict = expect.allowed.is_none_or(|expected| expected == allowed);
        let same_reason = expect.reason.as_ref().is_none_or(|expected| **expected == *reason);
        if same_verdict && same_reason {
            return;
        }
        let mut expected = expect.allowed.map(word).unwrap_or_default().to_owned();
        if let Some(reason) = &expect.reason {
            expected = format!("{expected} {reason}");
        }
        let actual = if allowed && reason == "allowed" {
            "allow".to_owned()
        } else {
            format!("{} {reason}", word(allowed))
        };
        self.check("decision", expected.trim(), &actual, false);
    }

    fn rules(&mut self, policy: &Policy, expect: &Expect, judgement: &Judgement<'_>) {
        if let Some(route) = &expect.route {
            let actual =
                judgement.route.and_then(|id| policy.route(id)).map_or("(none)", |route| &*route.meta.name);
            self.check("route", &route.value, actual, *route.value == *actual);
        }
        if let Some(forbid) = &expect.forbid {
            let actual = match judgement.decision.rule() {
                Rule::Forbid(id) => policy.forbid(id).map_or("(none)", |forbid| &*forbid.meta.name),
                Rule::None | Rule::Route(_) => "(none)",
            };
            self.check("forbid", &forbid.value, actual, *forbid.value == *actual);
        }
    }

    /// A header that must not be set must not come from the client either.
    fn upstream(&mut self, name: &str, expected: Option<&str>, incoming: &Incoming<'_>, answer: &Answer<'_>) {
        let what = format!("upstream {name}");
        let (set, remove) = match answer {
            Answer::Allow { set, remove, .. } => (set.as_slice(), remove.as_slice()),
            Answer::Deny { .. } => {
                let expected = expected.unwrap_or("(not set)");
                return self.check(&what, expected, "(denied: nothing reaches the upstream)", false);
            }
        };
        let actual = set.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        self.header(&what, expected, actual.map(|(_, value)| value.as_ref()));
        let passes = |present: &str| {
            looks_like(present, name) && !remove.iter().any(|removed| removed.eq_ignore_ascii_case(present))
        };
        if expected.is_none()
            && actual.is_none()
            && incoming.headers.iter().any(|(present, _)| passes(present))
        {
            self.check(&what, "(removed)", "(what the client sent)", false);
        }
    }
}
