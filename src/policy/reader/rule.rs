//! Guards, forbid rules and routes.

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{Forbid, Guard, Match, Paths, Requirement, Route, Text};
use crate::policy::yaml::fields::{Fields, text, texts, word};
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
    let (allow, require) = asks(&mut keys, problems);
    let route = Route {
        at: node.at,
        name: keys.text("name", problems),
        matches,
        guard: keys.text_or_texts("guard", problems),
        allow,
        require,
        token: keys.word("token", &["required", "optional", "ignored"], problems),
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

/// `allow` and `require`. One that is there and cannot be read has been reported, and stands as `nobody`.
fn asks(keys: &mut Fields<'_>, problems: &mut Diagnostics) -> (Option<Text>, Option<Requirement>) {
    let nobody = |at| Text { value: "nobody".into(), at };
    let allow = keys.take("allow").map(|node| allow(node, problems).unwrap_or_else(|| nobody(node.at)));
    let Some(node) = keys.take("require") else { return (allow, None) };
    match requirement::read(node, "`require`", problems) {
        Some(require) => (allow, Some(require)),
        None => (Some(nobody(node.at)), None),
    }
}

fn allow(node: &Node, problems: &mut Diagnostics) -> Option<Text> {
    let Kind::Bool(truth) = node.kind else {
        return word(node, "allow", &["anyone", "authenticated", "nobody"], problems);
    };
    let hint =
        if truth { "say whom: `allow: anyone` or `allow: authenticated`" } else { "write `allow: nobody`" };
    problems.error(codes::WRONG_TYPE, node.at, format!("`allow` says who, and this is `{truth}`")).hint(hint);
    None
}

fn matches(keys: &mut Fields<'_>, in_forbid: bool, problems: &mut Diagnostics) -> Vec<Match> {
    keys.need("match", "match: GET /customers", problems)
        .map(|node| matching::read(node, "match", in_forbid, problems))
        .unwrap_or_default()
}

/// `paths`: of the set, or the two keys of a route.
pub(super) fn paths(node: &Node, of_set: bool, problems: &mut Diagnostics) -> Option<Paths> {
    let mut keys = Fields::of(node, "`paths`", problems)?;
    let paths = Paths {
        at: node.at,
        case: keys.word("case", &["sensitive", "insensitive"], problems),
        empty_segments: keys.word("empty_segments", &["reject", "merge"], problems),
        encoded_slashes: keys.word("encoded_slashes", &["reject", "segment"], problems),
        semicolons: keys.word("semicolons", &["reject", "literal"], problems),
    };
    keys.finish(problems);
    for misplaced in [&paths.case, &paths.empty_segments].into_iter().flatten().filter(|_| !of_set) {
        problems
            .error(codes::PATHS_OF_SET, misplaced.at, "`case` and `empty_segments` are for the whole set")
            .hint("write them under the top-level `paths`");
    }
    Some(paths)
}
