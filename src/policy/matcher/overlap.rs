//! Two matches of equal rank that one request could satisfy: nobody could say which of them decides.

use std::collections::{HashMap, HashSet};

use crate::policy::diagnostic::{Diagnostics, codes};

use super::host::HostPattern;
use super::index::{Entry, Rank};
use super::path::{PathPattern, Piece};
use super::request::RequestMatch;
use super::value::ValueMatcher;

/// What has to be equal for two entries to compete: host, shape and literals of the path, and the ranks
/// of method and conditions.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'e> {
    host: &'e HostPattern,
    is_regex: bool,
    rank: &'e [Rank],
    literals: Vec<String>,
    names_methods: bool,
    conditions: usize,
}

/// Reports each pair once, at the later one.
pub(super) fn report(entries: &[Entry], ignore_case: bool, problems: &mut Diagnostics) {
    let mut shapes: HashMap<Shape<'_>, Vec<&Entry>> = HashMap::new();
    for entry in entries {
        let known = shapes.entry(shape(entry, ignore_case)).or_default();
        let conflicts = |other: &&&Entry| {
            (other.route != entry.route || capture_otherwise(&entry.matched, &other.matched))
                && compete(&entry.matched, &other.matched, ignore_case)
        };
        if let Some(other) = known.iter().find(conflicts) {
            conflict(entry, other, problems);
        }
        known.push(entry);
    }
    report_beaten_regexes(entries, problems);
}

fn shape(entry: &Entry, ignore_case: bool) -> Shape<'_> {
    let literals = match &entry.matched.path {
        PathPattern::Regex(_) => Vec::new(),
        PathPattern::Template(template) => template
            .segments
            .iter()
            .filter_map(|piece| match piece {
                Piece::Literal(text) if ignore_case => Some(text.to_ascii_lowercase()),
                Piece::Literal(text) => Some(text.to_string()),
                Piece::Mixed(..) | Piece::Capture(_) | Piece::Any => None,
            })
            .collect(),
    };
    Shape {
        host: &entry.matched.host,
        is_regex: matches!(entry.matched.path, PathPattern::Regex(_)),
        rank: entry.rank(),
        literals,
        names_methods: entry.matched.methods.is_some(),
        conditions: entry.matched.conditions(),
    }
}

/// Whether two matches of one route make other captures of one path: then their order would decide.
fn capture_otherwise(one: &RequestMatch, other: &RequestMatch) -> bool {
    match (&one.path, &other.path) {
        (PathPattern::Template(one), PathPattern::Template(other)) => one != other,
        _ => false,
    }
}

/// Whether one request could satisfy both, shapes being equal.
fn compete(one: &RequestMatch, other: &RequestMatch, ignore_case: bool) -> bool {
    paths_meet(&one.path, &other.path, ignore_case)
        && common_method(one, other).is_some()
        && !apart(&one.headers, &other.headers)
        && !apart(&one.query, &other.query)
}

fn paths_meet(one: &PathPattern, other: &PathPattern, ignore_case: bool) -> bool {
    let (PathPattern::Template(one), PathPattern::Template(other)) = (one, other) else { return true };
    one.segments.iter().zip(&other.segments).all(|(one, other)| one.may_meet(other, ignore_case))
}

/// A method that both take and that no rule of precedence settles.
fn common_method<'m>(one: &'m RequestMatch, other: &'m RequestMatch) -> Option<&'m str> {
    let Some(methods) = &one.methods else { return Some("GET").filter(|_| other.methods.is_none()) };
    let takes = |method: &&str| other.takes_method(method);
    // `GET` implies `HEAD`, but one that names `HEAD` wins there.
    let implied = methods.iter().any(|method| &**method == "GET") && !one.names_head() && !other.names_head();
    let named =
        methods.iter().map(|method| &**method).filter(|method| *method != "HEAD" || other.names_head());
    named.chain(implied.then_some("HEAD")).find(takes)
}

/// Whether conditions on one name exclude each other.
fn apart(one: &[(Box<str>, ValueMatcher)], other: &[(Box<str>, ValueMatcher)]) -> bool {
    one.iter().any(|(name, matcher)| {
        other.iter().filter(|(known, _)| known == name).any(|(_, known)| exclude(matcher, known))
    })
}

fn exclude(one: &ValueMatcher, other: &ValueMatcher) -> bool {
    match (one.presence(), other.presence()) {
        (Some(one), Some(other)) => return one != other,
        // Everything but `present: false` asks for the value to be there.
        (Some(false), None) | (None, Some(false)) => return true,
        (Some(true), None) | (None, Some(true)) => return false,
        (None, None) => {}
    }
    let (Some(one), Some(other)) = (one.only_texts(), other.only_texts()) else { return false };
    let one: HashSet<&str> = one.into_iter().collect();
    !other.iter().any(|text| one.contains(text))
}

fn conflict(entry: &Entry, other: &Entry, problems: &mut Diagnostics) {
    let example = example(&entry.matched, &other.matched);
    let message = match &example {
        Some(example) => format!("two routes of equal rank match `{example}`"),
        None => "two routes of equal rank may match one request".to_owned(),
    };
    problems
        .error(codes::ROUTES_OVERLAP, entry.matched.at, message)
        .see(other.matched.at, "the other one")
        .hint(
            "make one of them more specific, or tell them apart by method, host, or a header or query value",
        );
}

fn example(one: &RequestMatch, other: &RequestMatch) -> Option<String> {
    let (PathPattern::Template(path), PathPattern::Template(other_path)) = (&one.path, &other.path) else {
        return None;
    };
    if one.conditions() > 0 {
        return None;
    }
    let method = common_method(one, other)?;
    Some(format!("{method} https://{}{}", one.host.example(), path.example(other_path)))
}

/// Templates come before regular expressions: where templates for the same hosts and methods take every path
/// that a regular expression could match, it is never reached.
fn report_beaten_regexes(entries: &[Entry], problems: &mut Diagnostics) {
    let is_regex = |entry: &&Entry| matches!(entry.matched.path, PathPattern::Regex(_));
    let wide: Vec<&Entry> = entries.iter().filter(|entry| is_wide(&entry.matched)).collect();
    for entry in entries.iter().filter(is_regex) {
        let matched = &entry.matched;
        let beats = |method: Option<&str>| {
            wide.iter().find(|other| {
                let takes = match method {
                    None => other.matched.methods.is_none(),
                    Some(method) => other.matched.takes_method(method),
                };
                takes && other.matched.host == matched.host && other.matched.covers_path(matched)
            })
        };
        let beaten_by = match &matched.methods {
            None => beats(None),
            Some(methods) => {
                let all: Option<Vec<_>> = methods.iter().map(|method| beats(Some(method))).collect();
                all.and_then(|all| all.first().copied())
            }
        };
        if let Some(other) = beaten_by {
            problems
                .error(
                    codes::REGEX_BEATEN,
                    matched.at,
                    "this route is never reached: templates come before regular expressions",
                )
                .see(other.matched.at, "this template matches every such path")
                .hint("write the path as a template, or narrow the other one");
        }
    }
}

/// Whether it takes all paths below some place, whatever else a request has.
fn is_wide(matched: &RequestMatch) -> bool {
    match &matched.path {
        PathPattern::Template(template) => template.rest.is_some() && matched.conditions() == 0,
        PathPattern::Regex(_) => false,
    }
}
