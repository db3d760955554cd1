//! Methods that a POST may turn into, and cookies that a foreign page may send.

use crate::decision::RouteId;
use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::matcher::request::RequestMatch;
use crate::policy::requirement::{Check, Requirement};
use crate::policy::route::{Ask, Forbid, TokenUse};
use crate::policy::{Policy, Route};
use crate::token::settings::Place;

use super::asks::Asks;
use super::example::Example;
use super::visit;

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    for (id, matched) in policy.index.matches() {
        let Some(route) = policy.route(id) else { continue };
        by_body(policy, (id, route), matched, problems);
        by_cookie(policy, route, matched, problems);
    }
}

/// Laravel, Rails and others take a POST with `_method=DELETE` in its body for a DELETE, and a body cannot
/// be seen here.
fn by_body(
    policy: &Policy,
    (id, route): (RouteId, &Route),
    matched: &RequestMatch,
    problems: &mut Diagnostics,
) {
    let Some(methods) = &matched.methods else { return };
    let Some(method) = methods.iter().find(|name| matches!(&***name, "PUT" | "PATCH" | "DELETE")) else {
        return;
    };
    if matched.takes_method("POST") {
        return;
    }
    let outcome = Example::of(matched).and_then(|example| example.with_method("POST").outcome(policy));
    let Some(outcome) = outcome.filter(|outcome| outcome.route != id) else { return };
    let (Some(posted), Some(fences)) = (outcome.rule(policy), &outcome.fences) else { return };
    let is_meant = route.loosens.is_some() || posted.loosens.is_some();
    // Where the wider route asks plainly less, that is said already.
    let is_wider = !matched.covers_path(outcome.matched);
    let asks = Asks { guards: &policy.guards };
    if is_meant || is_wider || asks.implies(posted, fences, route) {
        return;
    }
    problems
        .warning(
            codes::METHOD_IN_BODY,
            matched.at,
            format!(
                "a POST that says `_method={method}` in its body needs only what `{}` asks",
                posted.meta.name
            ),
        )
        .see(outcome.matched.at, "the POST")
        .hint("ask as much of POST, turn method overrides off in the application, or say `loosens: true`");
}

fn by_cookie(policy: &Policy, route: &Route, matched: &RequestMatch, problems: &mut Diagnostics) {
    let is_cookie = |place: &Place| matches!(place, Place::Cookie(_));
    let by_cookie = route.look_in.iter().any(|id| {
        policy.issuers.get(usize::from(id.0)).is_some_and(|issuer| issuer.places.iter().any(is_cookie))
    });
    let is_safe = |method: &str| matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE");
    let changes = matched.methods.as_ref().is_none_or(|methods| !methods.iter().all(|name| is_safe(name)));
    if !by_cookie || !changes || route.token == TokenUse::Ignored || looks_at_origin(policy, route, matched) {
        return;
    }
    problems
        .warning(
            codes::COOKIE_WITHOUT_ORIGIN,
            matched.at,
            "a foreign page can make a browser send this, cookie and all",
        )
        .hint(
            "ask for the origin: `require: { headers: { origin: https://app.example.com } }`, or fence it in",
        );
}

fn looks_at_origin(policy: &Policy, route: &Route, matched: &RequestMatch) -> bool {
    let in_match = |one: &RequestMatch| one.headers.iter().any(|(name, _)| tells_origin(name));
    let in_route = match &route.ask {
        Ask::Require(requirement) => mentions(requirement),
        Ask::Anyone | Ask::Nobody => false,
    };
    let in_fence = |forbid: &Forbid| {
        let by_match = |fence: &RequestMatch| {
            fence.host.covers(&matched.host) && fence.covers_path(matched) && takes_changes(fence, matched)
        };
        let matches = || forbid.condition.matches.iter().map(|(fence, _)| fence);
        !forbid.shadow
            && (matches().any(|fence| by_match(fence) && in_match(fence))
                || matches().any(by_match) && forbid.unless.as_ref().is_some_and(mentions))
    };
    in_match(matched) || in_route || policy.forbids.iter().any(in_fence)
}

/// Whether a fence takes every method of a route that changes something.
fn takes_changes(fence: &RequestMatch, matched: &RequestMatch) -> bool {
    match &matched.methods {
        None => ["POST", "PUT", "PATCH", "DELETE"].iter().all(|method| fence.takes_method(method)),
        Some(methods) => {
            let changes =
                methods.iter().filter(|name| !matches!(&***name, "GET" | "HEAD" | "OPTIONS" | "TRACE"));
            changes.into_iter().all(|method| fence.takes_method(method))
        }
    }
}

/// Headers that a foreign page cannot choose: those of the browser, and those that need its permission.
fn tells_origin(name: &str) -> bool {
    matches!(name, "origin" | "sec-fetch-site" | "referer") || name.starts_with("x-")
}

fn mentions(requirement: &Requirement) -> bool {
    let mut found = false;
    visit(requirement, &mut |check| match check {
        Check::Header(name, _) => found |= tells_origin(name),
        Check::When(condition) => {
            found |=
                ["origin", "sec-fetch-site", "referer"].iter().any(|name| condition.source().contains(name));
        }
        Check::Has { .. }
        | Check::Guard(_)
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Query(..)
        | Check::Any(_)
        | Check::All(_)
        | Check::Not(_)
        | Check::Use(..) => {}
    });
    found
}
