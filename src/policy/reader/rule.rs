//! Guards, forbid rules and routes.

use crate::policy::diagnostic::{At, Diagnostics, codes, is_slip};
use crate::policy::document::{Forbid, Guard, Match, Paths, Requirement, Route, Text};
use crate::policy::yaml::fields::{Fields, text, texts};
use crate::policy::yaml::{Kind, Node};

use super::requirement::matchers;
use super::{answer, matching, requirement};

pub(super) fn guard(name: Text, node: &Node, problems: &mut Diagnostics) -> Option<Guard> {
    let mut keys = Fields::of(node, "a guard", problems)?;
    let issuer = keys
        .need("issuer", "issuer: auth-service", problems)
        .and_then(|node| texts(node, "issuer", true, problems));
    let guard = Guard {
        name,
        issuer: issuer.unwrap_or_default(),
        audiences: keys.texts("audiences", problems),
        types: keys.texts("types", problems),
        claims: keys.take("claims").and_then(|node| matchers(node, "claims", problems)),
    };
    keys.finish(problems);
    Some(guard)
}

pub(super) fn forbid(node: &Node, problems: &mut Diagnostics) -> Option<Forbid> {
    let mut keys = Fields::of(node, "a forbid rule", problems)?;
    let name = keys.need("name", "name: admin-area", problems).and_then(|node| text(node, "name", problems));
    let matches = matches(&mut keys, true, problems);
    let forbid = Forbid {
        at: node.at,
        name: name.unwrap_or_else(|| Text { value: "(unnamed)".into(), at: node.at }),
        matches,
        except: keys.take("except").map(|node| matching::read(node, "except", true, problems)),
        unless: keys.take("unless").and_then(|node| requirement::read(node, "`unless`", problems)),
        on_deny: keys.take("on_deny").and_then(|node| answer::on_deny(node, problems)).map(Box::new),
        mode: keys.word("mode", &["enforce", "shadow"], problems),
        description: keys.text("description", problems),
    };
    keys.finish(problems);
    Some(forbid)
}

pub(super) fn route(node: &Node, problems: &mut Diagnostics) -> Option<Route> {
    let mut keys = Fields::of(node, "a route", problems)?;
    let matches = matches(&mut keys, false, problems);
    let asked = asks(&mut keys, problems);
    let guard = keys.text_or_texts("guard", problems);
    let token = keys.word("token", &["required", "optional", "ignored"], problems);
    let name = keys.text("name", problems);
    let (allow, require, guard, token) = match asked {
        Asked::Read(allow, require) => (allow, require, guard, token),
        // It has been reported, and stands for what contradicts nothing that is written beside it.
        Asked::Unreadable(at) => {
            let word = if guard.is_some() { "authenticated" } else { "nobody" };
            (Some(Text { value: word.into(), at }), None, guard, None)
        }
    };
    let route = Route {
        at: node.at,
        name,
        matches,
        guard,
        allow,
        require,
        token,
        paths: keys.take("paths").and_then(|node| paths(node, false, problems)),
        mode: keys.word("mode", &["enforce", "shadow"], problems),
        upstream: keys.take("upstream").and_then(|node| answer::upstream(node, problems)),
        on_deny: keys.take("on_deny").and_then(|node| answer::on_deny(node, problems)).map(Box::new),
        loosens: keys.flag("loosens", problems),
        description: keys.text("description", problems),
    };
    keys.finish(problems);
    Some(route)
}

/// What a route asks.
enum Asked {
    /// `allow` and `require`.
    Read(Option<Text>, Option<Requirement>),
    /// One of them is there, and nobody knows what it means.
    Unreadable(At),
}

fn asks(keys: &mut Fields<'_>, problems: &mut Diagnostics) -> Asked {
    let (written, required) = (keys.take("allow"), keys.take("require"));
    let allowed = written.map(|node| allow(node, problems).ok_or(node.at)).transpose();
    let required =
        required.map(|node| requirement::read(node, "`require`", problems).ok_or(node.at)).transpose();
    match (allowed, required) {
        (Ok(allow), Ok(require)) => Asked::Read(allow, require),
        (Err(at), _) | (_, Err(at)) => Asked::Unreadable(at),
    }
}

/// Only one slip is taken for a word: what is a little further away may mean the opposite.
fn allow(node: &Node, problems: &mut Diagnostics) -> Option<Text> {
    const WORDS: [&str; 3] = ["anyone", "authenticated", "nobody"];
    if let Kind::Bool(truth) = node.kind {
        let hint = if truth {
            "say whom: `allow: anyone` or `allow: authenticated`"
        } else {
            "write `allow: nobody`"
        };
        let message = format!("`allow` says who, and this is `{truth}`");
        problems.error(codes::WRONG_TYPE, node.at, message).hint(hint);
        return None;
    }
    let found = text(node, "allow", problems)?;
    if WORDS.contains(&&*found.value) {
        return Some(found);
    }
    let message = format!("`allow` cannot be `{}`", found.value);
    let hint = match WORDS.iter().find(|word| is_slip(&found.value, word)) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("one of {}: with a token or without, with a good one, never", WORDS.join(", ")),
    };
    problems.error(codes::UNKNOWN_WORD, found.at, message).hint(hint);
    None
}

fn matches(keys: &mut Fields<'_>, in_forbid: bool, problems: &mut Diagnostics) -> Vec<Match> {
    keys.need("match", "match: GET /customers", problems)
        .map(|node| matching::read(node, "match", in_forbid, problems))
        .unwrap_or_default()
}

/// `paths`: of the set, or the keys of a route.
pub(super) fn paths(node: &Node, of_set: bool, problems: &mut Diagnostics) -> Option<Paths> {
    let mut keys = Fields::of(node, "`paths`", problems)?;
    let paths = Paths {
        at: node.at,
        case: keys.word("case", &["sensitive", "insensitive"], problems),
        empty_segments: keys.word("empty_segments", &["reject", "merge"], problems),
        encoded_slashes: keys.word("encoded_slashes", &["reject", "segment"], problems),
        semicolons: keys.word("semicolons", &["reject", "literal"], problems),
        scripts: keys.word("scripts", &["reject", "literal"], problems),
    };
    keys.finish(problems);
    for misplaced in [&paths.case, &paths.empty_segments].into_iter().flatten().filter(|_| !of_set) {
        problems
            .error(codes::PATHS_OF_SET, misplaced.at, "`case` and `empty_segments` are for the whole set")
            .hint("write them under the top-level `paths`");
    }
    Some(paths)
}
