//! What a case expects.

use crate::cases::Expect;
use crate::decision::{Allowed, Denied};
use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::document::Text;
use crate::policy::yaml::{Kind, Node};

use super::{Fields, json, text};

/// `allow`, `deny`, or a map.
pub(super) fn read(node: &Node, problems: &mut Diagnostics) -> Expect {
    let mut expect = Expect::default();
    match text(node) {
        Some("allow") => expect.allowed = Some(true),
        Some("deny") => expect.allowed = Some(false),
        Some(other) => wrong(other, node.at, problems),
        None => match node.kind {
            // As a cell of a matrix says it.
            Kind::Integer(status) => wrong(&status.to_string(), node.at, problems),
            Kind::Null
            | Kind::Bool(_)
            | Kind::Float(_)
            | Kind::Text { .. }
            | Kind::Sequence(_)
            | Kind::Mapping(_) => read_map(node, &mut expect, problems),
        },
    }
    expect
}

/// A status and a reason stand in a cell of a matrix as they are; elsewhere they are named.
fn wrong(said: &str, at: At, problems: &mut Diagnostics) {
    let mut parts: Vec<String> = Vec::new();
    for word in said.split_whitespace() {
        match (is_reason(word), word.parse::<u16>()) {
            (Some(allowed), _) => {
                parts.insert(0, format!("{}: {word}", if allowed { "allow" } else { "deny" }));
            }
            (None, Ok(status)) => parts.push(format!("status: {status}")),
            (None, Err(_)) => {}
        }
    }
    let hint = if parts.is_empty() {
        "`allow`, `deny`, or `{ deny: missing_scope, status: 403 }`".to_owned()
    } else {
        format!("`expect: {{ {} }}`", parts.join(", "))
    };
    problems.error(codes::TEST_SHAPE, at, format!("`{said}` is no expectation")).hint(hint);
}

fn read_map(node: &Node, expect: &mut Expect, problems: &mut Diagnostics) {
    let Some(mut keys) = Fields::of(node, problems) else { return };
    if let Some(reason) = keys.take("allow") {
        expect.allowed = Some(true);
        set_reason(reason, true, expect, problems);
    }
    if let Some(reason) = keys.take("deny") {
        if expect.allowed.is_some() {
            problems
                .error(codes::TEST_SHAPE, keys.at(), "an expectation says `allow` and `deny`")
                .hint("keep one of them");
        }
        expect.allowed = Some(false);
        set_reason(reason, false, expect, problems);
    }
    if let Some(node) = keys.take("status") {
        expect.status = status(node);
        if expect.status.is_none() {
            problems
                .error(codes::TEST_SHAPE, node.at, "`status` is a number from 200 to 599")
                .hint("`status: 403`");
        }
    }
    expect.route = keys.named("route", problems);
    expect.forbid = keys.named("forbid", problems);
    expect.upstream = values(keys.entries("upstream", problems));
    expect.headers = values(keys.entries("headers", problems));
    expect.body =
        keys.take("body").map(|node| text(node).map_or_else(|| json(node).to_string(), str::to_owned).into());
    if let Some(node) = keys.take("shadow") {
        expect.shadow = shadow(node, problems);
    }
    let at = keys.at();
    keys.finish(
        &["allow", "deny", "status", "route", "forbid", "upstream", "headers", "body", "shadow"],
        problems,
    );
    if expect.allowed.is_none() && expect.status.is_none() {
        problems
            .error(codes::TEST_SHAPE, at, "an expectation says `allow`, `deny` or a `status`")
            .hint("`expect: { deny: missing_scope }`");
    }
}

fn set_reason(node: &Node, allowed: bool, expect: &mut Expect, problems: &mut Diagnostics) {
    // `allow:` without a value, or `allow: true`, asks for no particular reason.
    if matches!(node.kind, Kind::Null | Kind::Bool(true)) {
        return;
    }
    let word = text(node).unwrap_or_default();
    match is_reason(word) {
        Some(of_allow) if of_allow == allowed => expect.reason = Some(word.into()),
        _ => unknown_reason(word, node.at, problems),
    }
}

pub(in crate::cases) fn unknown_reason(word: &str, at: At, problems: &mut Diagnostics) {
    let problem = problems.error(codes::UNKNOWN_REASON, at, format!("`{word}` is no reason"));
    match closest(word, Denied::ALL.iter().map(|reason| reason.label())) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("the reasons are listed in docs/why-was-it-denied.md"),
    };
}

/// Whether a word is a reason to allow; `None` where it is no reason at all.
#[must_use]
pub fn is_reason(word: &str) -> Option<bool> {
    if [Allowed::Met, Allowed::Preflight].iter().any(|reason| reason.label() == word) {
        return Some(true);
    }
    Denied::from_label(word).map(|_| false)
}

pub(in crate::cases) fn status(node: &Node) -> Option<u16> {
    match node.kind {
        Kind::Integer(status) => u16::try_from(status).ok().filter(|status| (200..600).contains(status)),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_)
        | Kind::Mapping(_) => None,
    }
}

fn values(entries: Vec<(Text, &Node)>) -> Vec<(Box<str>, Option<Box<str>>)> {
    let value = |node: &Node| match &node.kind {
        Kind::Null => None,
        Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_)
        | Kind::Mapping(_) => Some(text(node).map_or_else(|| json(node).to_string(), str::to_owned).into()),
    };
    entries.into_iter().map(|(name, node)| (name.value, value(node))).collect()
}

fn shadow(node: &Node, problems: &mut Diagnostics) -> Option<Vec<Box<str>>> {
    let Kind::Sequence(items) = &node.kind else {
        problems
            .error(codes::TEST_SHAPE, node.at, "`shadow` is a list of `rule: reason` texts")
            .hint("`shadow: [\"GET /customers (shadow): missing_scope\"]`");
        return None;
    };
    Some(items.iter().filter_map(|item| text(item).map(Into::into)).collect())
}
