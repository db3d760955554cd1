//! `responses`, `on_deny` and `upstream`.

use crate::policy::diagnostic::{Diagnostics, Spanned, codes};
use crate::policy::document::{Block, OnDeny, Responses, Text, Upstream};
use crate::policy::yaml::fields::{Fields, as_text, entries, text};
use crate::policy::yaml::{Kind, Node};

const FORMATS: [&str; 4] = ["problem", "message", "text", "empty"];
const KINDS: [&str; 5] = ["bad_request", "unauthenticated", "guard_mismatch", "forbidden", "unavailable"];

pub(super) fn responses(node: &Node, problems: &mut Diagnostics) -> Option<Responses> {
    let mut keys = Fields::of(node, "`responses`", problems)?;
    let responses = Responses {
        at: node.at,
        format: keys.word("format", &FORMATS, problems),
        realm: keys.text("realm", problems),
        disclose: keys.word("disclose", &["none", "challenge", "reason"], problems),
        resource_metadata: keys.text("resource_metadata", problems),
        decision_id_header: keys.text("decision_id_header", problems),
        bad_request: keys.take("bad_request").and_then(|node| block(node, problems)),
        unauthenticated: keys.take("unauthenticated").and_then(|node| block(node, problems)),
        forbidden: keys.take("forbidden").and_then(|node| block(node, problems)),
        unavailable: keys.take("unavailable").and_then(|node| block(node, problems)),
    };
    keys.finish(problems);
    Some(responses)
}

/// One block for every denial, or blocks by kind; the two are not mixed.
pub(super) fn on_deny(node: &Node, problems: &mut Diagnostics) -> Option<OnDeny> {
    let Kind::Mapping(written) = &node.kind else { return block(node, problems).map(OnDeny::Every) };
    let by_kind = written.iter().any(|(key, _)| as_text(key).is_some_and(|name| KINDS.contains(&name)));
    if !by_kind {
        return block(node, problems).map(OnDeny::Every);
    }
    let mut keys = Fields::of(node, "`on_deny`", problems)?;
    let mut one = |name: &'static str| keys.take(name).and_then(|node| block(node, problems));
    let (bad_request, unauthenticated) = (one("bad_request"), one("unauthenticated"));
    let (guard_mismatch, forbidden, unavailable) =
        (one("guard_mismatch"), one("forbidden"), one("unavailable"));
    keys.finish(problems);
    Some(OnDeny::ByKind { at: node.at, bad_request, unauthenticated, guard_mismatch, forbidden, unavailable })
}

fn block(node: &Node, problems: &mut Diagnostics) -> Option<Block> {
    let mut keys = Fields::of(node, "an answer", problems)?;
    let headers = keys.entries("headers", problems).map(|entries| {
        entries
            .into_iter()
            .filter_map(|(name, node)| text(node, &name.value, problems).map(|value| (name.clone(), value)))
            .collect()
    });
    let block = Block {
        at: node.at,
        status: keys.number("status", problems),
        headers,
        body: keys.take("body").and_then(|node| body(node, problems)),
        format: keys.word("format", &FORMATS, problems),
    };
    keys.finish(problems);
    Some(block)
}

/// A body may be empty on purpose.
fn body(node: &Node, problems: &mut Diagnostics) -> Option<Text> {
    match &node.kind {
        Kind::Text { value, .. } => Some(Spanned { value: value.clone(), at: node.at }),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Sequence(_)
        | Kind::Mapping(_) => text(node, "body", problems),
    }
}

pub(super) fn upstream(node: &Node, problems: &mut Diagnostics) -> Option<Upstream> {
    let mut keys = Fields::of(node, "`upstream`", problems)?;
    let headers = keys.take("headers").and_then(|node| entries(node, "headers", problems)).map(|entries| {
        let mut found = Vec::new();
        for (name, value) in entries {
            if value.kind == Kind::Null {
                found.push((name, None));
            } else {
                let what = name.value.clone();
                if let Some(template) = text(value, &what, problems) {
                    found.push((name, Some(template)));
                }
            }
        }
        found
    });
    let upstream = Upstream {
        at: node.at,
        headers,
        remove: keys.texts("remove", problems),
        remove_token: keys.flag("remove_token", problems),
    };
    keys.finish(problems);
    if upstream.headers.is_none() && upstream.remove.is_none() && upstream.remove_token.is_none() {
        problems
            .error(codes::EMPTY, node.at, "`upstream` says nothing")
            .hint("`upstream: { headers: { x-user-id: \"{subject}\" } }`");
    }
    Some(upstream)
}
