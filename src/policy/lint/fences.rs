//! Fences that seem to reach further than they do.
//!
//! A fence where no route is yet guards those to come, and is no mistake. Told is only what misses a route so
//! narrowly that this one must be meant.

use crate::policy::Policy;
use crate::policy::diagnostic::{Diagnostics, codes, is_slip};
use crate::policy::matcher::host::HostPattern;
use crate::policy::matcher::path::{PathPattern, Piece, Template};
use crate::policy::matcher::request::RequestMatch;

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    let routes: Vec<&RequestMatch> =
        policy.index.matches().chain(policy.shadow_index.matches()).map(|(_, one)| one).collect();
    for forbid in &policy.forbids {
        for (fence, _) in &forbid.condition.matches {
            if !routes.iter().any(|route| fence.may_meet(route)) {
                beside(&forbid.meta.name, fence, &routes, problems);
                continue;
            }
            let Some(deeper) = deeper(fence).filter(|deeper| !is_fenced(policy, deeper)) else { continue };
            if let Some(route) = routes.iter().find(|route| deeper.may_meet(route)) {
                problems
                    .warning(codes::STAR_OF_FENCE, fence.at, "the `*` of this fence stands for one segment")
                    .see(route.at, "this route answers below it")
                    .hint("`**` stands for all below; `{name}` says that one segment is meant");
            }
        }
    }
}

/// A fence that misses all routes, and one of them narrowly.
fn beside(name: &str, fence: &RequestMatch, routes: &[&RequestMatch], problems: &mut Diagnostics) {
    let near = routes.iter().find_map(|route| Some((route, near(fence, route)?)));
    let Some((route, hint)) = near else { return };
    problems
        .warning(
            codes::FENCE_WITHOUT_ROUTES,
            fence.at,
            format!("no route answers what `{name}` keeps out here, and one is next to it"),
        )
        .see(route.at, "the route that the fence misses")
        .hint(hint);
}

/// What to write where a fence misses a route by one slip.
fn near(fence: &RequestMatch, route: &RequestMatch) -> Option<String> {
    if let Some(host) = misspelt_host(fence, route) {
        return Some(format!("did you mean `{host}`?"));
    }
    let (PathPattern::Template(template), PathPattern::Template(other)) = (&fence.path, &route.path) else {
        return None;
    };
    // A route for everything is near nothing.
    let mut pieces = template.segments.iter().zip(&other.segments).peekable();
    pieces.peek()?;
    let is_literal = |piece: &Piece| matches!(piece, Piece::Literal(_));
    if !template.segments.first().is_some_and(is_literal)
        || pieces.any(|(one, other)| is_literal(one) && !is_literal(other))
    {
        return None;
    }
    let below = Template { rest: Some(None), ..template.clone() };
    let says_one = matches!(template.segments.last(), Some(Piece::Capture(_) | Piece::Mixed(..)));
    if template.rest.is_none() && !says_one && with_path(fence, below).may_meet(route) {
        return Some(format!("the route lies below: `{template}/**` is all of it"));
    }
    let mut of_any_method = fence.clone();
    of_any_method.methods = None;
    if writes(fence) && writes(route) && of_any_method.may_meet(route) {
        let methods = route.methods.iter().flatten().map(|name| &**name).collect::<Vec<_>>().join(",");
        return Some(format!("the route takes `{methods}`: name that here, or leave the methods out"));
    }
    let corrected = corrected(template, other)?;
    let hint = format!("did you mean `{corrected}`?");
    with_path(fence, corrected).may_meet(route).then_some(hint)
}

fn with_path(fence: &RequestMatch, template: Template) -> RequestMatch {
    let mut changed = fence.clone();
    changed.path = PathPattern::Template(template);
    changed
}

/// The route's host, where the fence's differs from it by one letter of one label.
fn misspelt_host<'r>(fence: &RequestMatch, route: &'r RequestMatch) -> Option<&'r str> {
    let (HostPattern::Exact(host), HostPattern::Exact(other)) = (&fence.host, &route.host) else {
        return None;
    };
    let labels: Vec<_> = host.split('.').zip(other.split('.')).filter(|(one, other)| one != other).collect();
    let is_slip = matches!(labels.as_slice(), [(one, other)] if is_slip(one, other))
        && host.split('.').count() == other.split('.').count();
    let mut as_there = fence.clone();
    as_there.host.clone_from(&route.host);
    (is_slip && as_there.may_meet(route)).then_some(&**other)
}

/// Whether it names nothing but ways to write, which are easily mistaken for one another.
fn writes(matched: &RequestMatch) -> bool {
    let is_write = |name: &str| matches!(name, "POST" | "PUT" | "PATCH");
    matched.methods.as_ref().is_some_and(|methods| methods.iter().all(|name| is_write(name)))
}

/// The template with a route's spelling of the first segment that differs, if by one letter.
fn corrected(template: &Template, other: &Template) -> Option<Template> {
    let mut pieces = template.segments.iter().zip(&other.segments).enumerate();
    let (index, text) = pieces.find_map(|(index, pieces)| match pieces {
        (Piece::Literal(one), Piece::Literal(other)) if is_slip(one, other) => Some((index, other)),
        _ => None,
    })?;
    let mut corrected = template.clone();
    *corrected.segments.get_mut(index)? = Piece::Literal(text.clone());
    Some(corrected)
}

/// What lies one segment below a fence that ends in `*`.
fn deeper(fence: &RequestMatch) -> Option<RequestMatch> {
    let PathPattern::Template(template) = &fence.path else { return None };
    if template.rest.is_some() || template.segments.last() != Some(&Piece::Any) {
        return None;
    }
    let mut below = template.clone();
    below.segments.push(Piece::Any);
    Some(with_path(fence, below))
}

/// Whether some fence takes all of it.
fn is_fenced(policy: &Policy, matched: &RequestMatch) -> bool {
    let fences = policy.forbids.iter().flat_map(|forbid| &forbid.condition.matches);
    fences.map(|(fence, _)| fence).any(|fence| fence.covers(matched))
}
