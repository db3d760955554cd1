//! `match` and `except`.

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{GrpcMatch, Match, MatchMap, PathMatch};
use crate::policy::yaml::fields::{Fields, as_text, list, text};
use crate::policy::yaml::{Kind, Node};

use super::requirement::matchers;

/// A string, a map, or a list of these.
pub(super) fn read(node: &Node, name: &str, in_forbid: bool, problems: &mut Diagnostics) -> Vec<Match> {
    match &node.kind {
        Kind::Sequence(_) => list(node, name, problems)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| one(item, name, in_forbid, problems))
            .collect(),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Mapping(_) => one(node, name, in_forbid, problems).into_iter().collect(),
    }
}

fn one(node: &Node, name: &str, in_forbid: bool, problems: &mut Diagnostics) -> Option<Match> {
    match &node.kind {
        Kind::Mapping(entries) if !entries.is_empty() => map(node, in_forbid, problems),
        Kind::Mapping(_) => {
            problems
                .error(codes::EMPTY, node.at, format!("`{name}` is empty"))
                .hint("an empty match would match everything: write `/**` if that is meant");
            None
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_) => text(node, name, problems).map(Match::Text),
    }
}

fn map(node: &Node, in_forbid: bool, problems: &mut Diagnostics) -> Option<Match> {
    let mut keys = Fields::of(node, "a match", problems)?;
    let matched = MatchMap {
        at: node.at,
        methods: keys.texts("methods", problems),
        hosts: keys.texts("hosts", problems),
        path: keys.take("path").and_then(|node| path(node, problems)),
        headers: keys.take("headers").and_then(|node| matchers(node, "headers", problems)),
        query: keys.take("query").and_then(|node| matchers(node, "query", problems)),
        grpc: keys.take("grpc").and_then(|node| grpc(node, problems)),
        token: keys.word("token", &["present", "absent", "valid"], problems),
    };
    if let Some(token) = matched.token.as_ref().filter(|_| !in_forbid) {
        problems
            .error(
                codes::TOKEN_IN_ROUTE_MATCH,
                token.at,
                "`token` stands in the match of a forbid rule, not of a route",
            )
            .hint("say `token: required` or `token: optional` beside `match`");
    }
    keys.finish(problems);
    Some(Match::Map(Box::new(matched)))
}

fn path(node: &Node, problems: &mut Diagnostics) -> Option<PathMatch> {
    if as_text(node).is_some() {
        return text(node, "path", problems).map(PathMatch::Template);
    }
    let mut keys = Fields::of(node, "`path`", problems)?;
    let regex = keys.need("regex", "path: { regex: '/v[0-9]+/.*' }", problems);
    let regex = regex.and_then(|node| text(node, "regex", problems));
    keys.finish(problems);
    regex.map(PathMatch::Regex)
}

fn grpc(node: &Node, problems: &mut Diagnostics) -> Option<GrpcMatch> {
    let mut keys = Fields::of(node, "`grpc`", problems)?;
    let service = keys.need("service", "grpc: { service: pkg.Service }", problems);
    let service = service.and_then(|node| text(node, "service", problems));
    let method = keys.text("method", problems);
    keys.finish(problems);
    Some(GrpcMatch { at: node.at, service: service?, method })
}
