//! Routes that no request reaches.

use std::collections::HashMap;

use crate::decision::RouteId;
use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::matcher::path::{PathPattern, Piece, Template};
use crate::policy::matcher::request::RequestMatch;
use crate::policy::matcher::value::ValueMatcher;
use crate::policy::route::TokenCondition;

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    let mut by_path: HashMap<String, Vec<(RouteId, &RequestMatch)>> = HashMap::new();
    for (route, matched) in policy.index.matches() {
        by_path.entry(place(matched)).or_default().push((route, matched));
    }
    for (route, matched) in policy.index.matches() {
        if let Some(fence) = closed_by(policy, matched) {
            warn(matched.at, fence, "this fence lets nobody through", problems);
        } else if let Some(other) = split_between(matched, &by_path, route) {
            warn(matched.at, other, "this takes a part of it, and another route the rest", problems);
        } else if let Some(other) = split_by_presence(matched, &by_path, route) {
            warn(matched.at, other, "this takes a part of it, and another route the rest", problems);
        }
    }
}

fn warn(at: At, other: At, words: &str, problems: &mut Diagnostics) {
    problems
        .warning(codes::ROUTE_NEVER_REACHED, at, "no request reaches this route")
        .see(other, words)
        .hint("remove it, or narrow what stands before it");
}

/// A fence without `unless` that takes in all of it.
fn closed_by(policy: &Policy, matched: &RequestMatch) -> Option<At> {
    let closed = policy.forbids.iter().filter(|forbid| !forbid.shadow && forbid.unless.is_none());
    let whole = closed.filter(|forbid| forbid.condition.except.is_empty());
    let mut fences = whole.flat_map(|forbid| &forbid.condition.matches);
    let takes_all = |(fence, token): &&(RequestMatch, TokenCondition)| {
        *token == TokenCondition::Whatever && fence.covers(matched)
    };
    fences.find(takes_all).map(|(fence, _)| fence.at)
}

/// Host and path, captures without their names.
fn place(matched: &RequestMatch) -> String {
    match &matched.path {
        PathPattern::Template(template) => format!("{}{}", matched.host, nameless(template)),
        PathPattern::Regex(regex) => format!("{}~{regex}", matched.host),
    }
}

fn nameless(template: &Template) -> Template {
    let piece = |piece: &Piece| match piece {
        Piece::Capture(_) => Piece::Any,
        Piece::Literal(_) | Piece::Mixed(..) | Piece::Any => piece.clone(),
    };
    Template {
        segments: template.segments.iter().map(piece).collect(),
        rest: template.rest.as_ref().map(|_| None),
    }
}

/// `/a/**` where `/a` and `/a/*/**` are taken by others.
fn split_between(
    matched: &RequestMatch,
    by_path: &HashMap<String, Vec<(RouteId, &RequestMatch)>>,
    route: RouteId,
) -> Option<At> {
    let PathPattern::Template(template) = &matched.path else { return None };
    template.rest.as_ref()?;
    let nameless = nameless(template);
    let exact = Template { segments: nameless.segments.clone(), rest: None };
    let mut below = nameless;
    below.segments.push(Piece::Any);
    let taken = |template: &Template| {
        let others = by_path.get(&format!("{}{template}", matched.host))?;
        let takes_all = |(other, found): &&(RouteId, &RequestMatch)| {
            *other != route && found.conditions() == 0 && found.covers_methods(matched)
        };
        others.iter().find(takes_all).map(|(_, found)| found.at)
    };
    taken(&exact)?;
    taken(&below)
}

/// One route where a header is there, another where it is not.
fn split_by_presence(
    matched: &RequestMatch,
    by_path: &HashMap<String, Vec<(RouteId, &RequestMatch)>>,
    route: RouteId,
) -> Option<At> {
    if matched.conditions() > 0 {
        return None;
    }
    let others = by_path.get(&place(matched))?.iter().filter(|(other, _)| *other != route);
    let single = |conditions: &[(Box<str>, ValueMatcher)]| match conditions {
        [(name, matcher)] => matcher.presence().map(|wanted| (name.clone(), wanted)),
        _ => None,
    };
    let splits: Vec<_> = others
        .filter(|(_, found)| found.conditions() == 1 && found.covers_methods(matched))
        .filter_map(|(_, found)| {
            let header = single(&found.headers).map(|(name, wanted)| ("header", name, wanted));
            let query = single(&found.query).map(|(name, wanted)| ("query", name, wanted));
            Some((header.or(query)?, found.at))
        })
        .collect();
    let opposite = |(kind, name, wanted): &(&str, Box<str>, bool)| {
        splits
            .iter()
            .any(|((other_kind, other, found), _)| other_kind == kind && other == name && found != wanted)
    };
    splits.iter().find(|(split, _)| opposite(split)).map(|(_, at)| *at)
}
