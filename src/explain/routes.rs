//! Routes that may have won, and why they did not.

use serde::{Deserialize, Serialize};

use crate::decision::RouteId;
use crate::policy::Policy;
use crate::policy::diagnostic::closest;
use crate::policy::matcher::host::HostPattern;
use crate::policy::matcher::path::{PathPattern, Piece, Template};
use crate::policy::matcher::request::RequestMatch;
use crate::policy::tri::Tri;
use crate::request::Request;

use super::RuleNote;
use super::forbids::misses;

/// Most routes that are shown.
const MOST: usize = 50;

/// Of a route that is not surely the one meant, nor surely not.
const AS_WELL: &str = "a second value, or another spelling of a name, leaves open which route is meant: this one has to let it through as well";

/// A route whose path matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteNote {
    /// The route.
    #[serde(flatten)]
    pub rule: RuleNote,
    /// The match, as a policy writes it.
    #[serde(rename = "match")]
    pub matched: String,
    /// Whether it is only watched.
    pub shadow: bool,
    /// Whether it is the most specific one of its kind.
    pub wins: bool,
    /// Why it is the most specific one.
    pub why: Option<String>,
    /// Why it is not.
    pub why_not: Option<String>,
    /// Methods that it names, where the method is all that does not fit.
    pub only_methods: Vec<String>,
    /// The host that it is for, where the host is all that does not fit.
    pub only_host: Option<String>,
}

/// Every route whose path matches, enforced ones first, the winner at the top.
pub(super) fn considered(policy: &Policy, request: &Request<'_>, winner: Option<RouteId>) -> Vec<RouteNote> {
    let mut found = Vec::new();
    for (shadow, index) in [(false, &policy.index), (true, &policy.shadow_index)] {
        let meant = index.matches_for(request).unwrap_or_default();
        let best = if shadow { meant.last().map(|(id, _)| *id) } else { winner };
        let mut notes: Vec<RouteNote> = Vec::new();
        let fits = |one: &RequestMatch| path_fits(one, request, policy);
        let mut winning: Option<&RequestMatch> = None;
        for (id, one) in index.matches().filter(|(_, one)| fits(one)) {
            if Some(id) == best && winning.is_none() && admits(one, request) != Tri::No {
                winning = Some(one);
            }
        }
        let admitted =
            index.matches().filter(|(_, one)| fits(one) && admits(one, request) == Tri::Yes).count();
        for (id, one) in index.matches().filter(|(_, one)| fits(one)) {
            let Some(route) = policy.route(id) else { continue };
            let wins = winning.is_some_and(|winning| std::ptr::eq(winning, one));
            let is_meant = meant.iter().any(|(_, other)| std::ptr::eq(*other, one));
            let why_not = match (wins, is_meant && winning.is_some()) {
                (true, _) => None,
                (false, true) => Some(AS_WELL.to_owned()),
                (false, false) => Some(why_not(one, winning, request, policy)),
            };
            let why = |one| if admits(one, request) == Tri::Yes { why(admitted) } else { AS_WELL.to_owned() };
            notes.push(RouteNote {
                rule: RuleNote::of("route", &route.meta),
                matched: one.to_string(),
                shadow,
                wins,
                why: wins.then(|| why(one)),
                why_not,
                only_methods: only_methods(one, request),
                only_host: only_host(one, request),
            });
        }
        notes.sort_by_key(|note| !note.wins);
        notes.truncate(MOST);
        found.extend(notes);
    }
    found
}

/// Whether a path is meant, or may be: that of an expression by every path with an escaped slash.
fn path_fits(one: &RequestMatch, request: &Request<'_>, policy: &Policy) -> bool {
    let may_be = matches!(one.path, PathPattern::Regex(_)) && request.path.holds_encoded_slash();
    may_be || one.path.matches(&request.path, policy.reading.case_insensitive)
}

fn admits(one: &RequestMatch, request: &Request<'_>) -> Tri {
    Tri::from(one.host.matches(&request.host)).and(one.admits(request, &one.capture(request)))
}

fn only_methods(one: &RequestMatch, request: &Request<'_>) -> Vec<String> {
    if !one.host.matches(&request.host) || one.takes_method(request.method) {
        return Vec::new();
    }
    one.methods.iter().flatten().map(ToString::to_string).collect()
}

fn only_host(one: &RequestMatch, request: &Request<'_>) -> Option<String> {
    let is_all = !one.host.matches(&request.host) && one.takes_method(request.method);
    is_all.then(|| one.host.to_string())
}

fn why_not(
    one: &RequestMatch,
    winning: Option<&RequestMatch>,
    request: &Request<'_>,
    policy: &Policy,
) -> String {
    let misses = || misses(one, request, path_fits(one, request, policy));
    let Some(winning) = winning.filter(|_| admits(one, request) == Tri::Yes) else {
        return misses().unwrap_or_else(|| "the walk ended before routes were looked at".to_owned());
    };
    let more = if host_rank(&winning.host) != host_rank(&one.host) {
        "names the host more exactly"
    } else if winning.path.to_string() != one.path.to_string() {
        "has the more specific path"
    } else if winning.methods.is_some() && one.methods.is_none() {
        "names the method"
    } else {
        "has more conditions"
    };
    format!("`{winning}` {more}")
}

/// Why the winner won, by how many matches fit the request.
fn why(admitted: usize) -> String {
    match admitted {
        0 | 1 => "no other fits this request".to_owned(),
        2 => "it is more specific than the other that fits".to_owned(),
        several => format!("it is more specific than the {} others that fit", several - 1),
    }
}

fn host_rank(host: &HostPattern) -> (u8, usize) {
    match host {
        HostPattern::Exact(_) => (0, 0),
        HostPattern::Below(suffix) => (1, usize::MAX - suffix.len()),
        HostPattern::Any => (2, 0),
    }
}

/// The route whose path is spelt most like that of a request which none matches.
pub(super) fn nearest(policy: &Policy, request: &Request<'_>) -> Option<String> {
    let path = request.path.joined();
    let spelt: Vec<(String, &RequestMatch)> = policy
        .index
        .matches()
        .filter_map(|(_, one)| match &one.path {
            PathPattern::Template(template) => Some((as_in(template, request), one)),
            PathPattern::Regex(_) => None,
        })
        .collect();
    let near = closest(&path, spelt.iter().map(|(text, _)| text.as_str()))?;
    spelt.iter().find(|(text, _)| text == near).map(|(_, one)| one.to_string())
}

/// A template with the request's own segments where it captures.
fn as_in(template: &Template, request: &Request<'_>) -> String {
    let mut text = String::new();
    for (index, piece) in template.segments.iter().enumerate() {
        text.push('/');
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Mixed(..) | Piece::Capture(_) | Piece::Any => {
                text.push_str(request.path.segments().get(index).map_or("x", |segment| segment));
            }
        }
    }
    if template.rest.is_some() {
        for segment in request.path.segments().iter().skip(template.segments.len()) {
            text.push('/');
            text.push_str(segment);
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}
