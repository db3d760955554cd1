//! Forbid rules: which match, which hold, and why the others say nothing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::decision::{Denied, ForbidId};
use crate::policy::Policy;
use crate::policy::matcher::request::RequestMatch;
use crate::policy::route::{Forbid, TokenCondition};
use crate::policy::tri::Tri;
use crate::policy::words::Asked;
use crate::request::Request;

use super::RuleNote;
use super::notes::{Notes, Step};

/// A forbid rule and this request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForbidNote {
    /// The rule.
    #[serde(flatten)]
    pub rule: RuleNote,
    /// Whether it is only watched.
    pub shadow: bool,
    /// Whether it matches the request.
    pub matches: bool,
    /// Why it does not.
    pub why_not: Option<String>,
    /// Whether it turns the request away; absent where it was not asked.
    pub holds: Option<bool>,
    /// The reason, where it holds.
    pub reason: Option<Cow<'static, str>>,
    /// What lifts it, in words.
    pub unless: Option<String>,
    /// Each check of what lifts it.
    pub checks: Vec<Step>,
}

pub(super) fn notes(policy: &Policy, request: &Request<'_>, notes: &mut Notes<'_>) -> Vec<ForbidNote> {
    let mut found = Vec::new();
    for shadow in [false, true] {
        for (index, forbid) in policy.forbids.iter().enumerate().filter(|(_, forbid)| forbid.shadow == shadow)
        {
            let id = ForbidId(u32::try_from(index).unwrap_or(u32::MAX));
            found.push(note(policy, request, id, forbid, notes));
        }
    }
    found
}

fn note(
    policy: &Policy,
    request: &Request<'_>,
    id: ForbidId,
    forbid: &Forbid,
    notes: &mut Notes<'_>,
) -> ForbidNote {
    let mut note = ForbidNote {
        rule: RuleNote::of("forbid", &forbid.meta),
        shadow: forbid.shadow,
        matches: false,
        why_not: None,
        holds: None,
        reason: None,
        unless: forbid
            .unless
            .as_ref()
            .map(|requirement| Asked { requirement, guards: &policy.guards }.to_string()),
        checks: Vec::new(),
    };
    if let Some(ways) = notes.matched.remove(&id) {
        note.matches = true;
        note.holds = match (&forbid.unless, ways.is_empty()) {
            (None, _) => Some(true),
            // A bad token, or a path that is not admitted, ended the walk before.
            (Some(_), true) => None,
            (Some(_), false) => Some(ways.iter().any(|way| way.tri != Tri::Yes)),
        };
        let failed = ways.iter().position(|way| way.tri != Tri::Yes).unwrap_or(0);
        note.reason = ways.get(failed).and_then(|way| way.reason).map(|reason| Denied::label(reason).into());
        if forbid.unless.is_none() {
            note.reason = Some(Denied::Forbidden.label().into());
        }
        note.checks = ways.into_iter().nth(failed).map(|way| way.steps).unwrap_or_default();
    } else {
        let matching = forbid.condition.matching(request);
        note.matches = forbid.shadow && !matching.is_empty();
        let tokens: Vec<TokenCondition> = matching.iter().map(|(token, _)| *token).collect();
        note.why_not = why_not(policy, request, forbid, &tokens);
    }
    note
}

fn why_not(
    policy: &Policy,
    request: &Request<'_>,
    forbid: &Forbid,
    matching: &[TokenCondition],
) -> Option<String> {
    if let Some(token) = matching.first() {
        if forbid.shadow {
            return None;
        }
        let word = match token {
            TokenCondition::Present => "a token",
            TokenCondition::Absent => "no token",
            TokenCondition::Valid => "a valid token",
            TokenCondition::Whatever => return Some("the walk ended before it was asked".to_owned()),
        };
        return Some(format!("it is about requests with {word}"));
    }
    if let Some(hole) = forbid.condition.except.iter().find(|hole| hole.opens(request)) {
        return Some(format!("excepted by `{hole}`"));
    }
    let ignore_case = policy.reading.case_insensitive;
    let of_match = |one: &RequestMatch| misses(one, request, one.path.fences(&request.path, ignore_case));
    match forbid.condition.matches.as_slice() {
        [(one, _)] => of_match(one),
        several => Some(format!("none of its {} matches fits", several.len())),
    }
}

/// What of a match does not fit a request, or `None` if it is only its conditions.
pub(super) fn misses(one: &RequestMatch, request: &Request<'_>, path_fits: bool) -> Option<String> {
    if !one.host.matches(&request.host) {
        return Some(format!("it is for host {}", one.host));
    }
    if !path_fits {
        return Some(format!("it is for path {}", one.path));
    }
    if !one.takes_method(request.method) {
        let methods = one.methods.as_ref().map(|methods| methods.join(", ")).unwrap_or_default();
        return Some(format!("it is for {methods}, and this is {}", request.method));
    }
    let conditions: Vec<String> = one
        .headers
        .iter()
        .map(|(name, matcher)| format!("header {name} {matcher}"))
        .chain(one.query.iter().map(|(name, matcher)| format!("query {name} {matcher}")))
        .collect();
    (!conditions.is_empty()).then(|| format!("it is for requests with {}", conditions.join(" and ")))
}
