//! Matches of which nothing real comes: methods that nobody sends, templates of other programs, and fences where
//! there is nothing to fence in.

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::matcher::path::{PathPattern, Piece, Template};
use crate::policy::matcher::request::RequestMatch;

/// The registered methods (IANA, RFC 9110 section 16.1.2) but for `CONNECT` and `PRI`, and those of caches and
/// devices that are in use without registration.
const METHODS: [&str; 44] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "QUERY",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "BAN",
    "M-SEARCH",
    "NOTIFY",
    "PURGE",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    let indices = [&policy.index, &policy.shadow_index];
    let of_routes = indices.into_iter().flat_map(|index| index.matches().map(|(_, one)| one));
    let conditions = policy.forbids.iter().map(|forbid| &forbid.condition);
    let of_fences = conditions.flat_map(|one| one.matches.iter().map(|(one, _)| one).chain(&one.except));
    for one in of_routes.chain(of_fences) {
        for method in one.methods.iter().flatten() {
            unknown_method(method, one.at, problems);
        }
        if let PathPattern::Template(template) = &one.path {
            foreign_template(template, one.at, problems);
        }
    }
    fences(policy, problems);
}

fn unknown_method(method: &str, at: At, problems: &mut Diagnostics) {
    if METHODS.contains(&method) {
        return;
    }
    let problem =
        problems.warning(codes::UNKNOWN_METHOD, at, format!("`{method}` is no method that clients send"));
    match (method, closest(method, METHODS)) {
        ("ANY" | "ALL", _) => problem.hint("leave the method out to match every one: `/customers`"),
        (_, Some(near)) => problem.hint(format!("did you mean `{near}`?")),
        (_, None) => problem.hint("methods are GET, POST and the like; leave it out to match every one"),
    };
}

/// `/users/:id`, which here is a segment of these very letters.
fn foreign_template(template: &Template, at: At, problems: &mut Diagnostics) {
    let literal = |piece: &Piece| match piece {
        Piece::Literal(text) => Some(text.clone()),
        Piece::Mixed(..) | Piece::Capture(_) | Piece::Any => None,
    };
    for text in template.segments.iter().filter_map(literal) {
        let Some(name) = foreign_name(&text) else { continue };
        problems
            .warning(
                codes::FOREIGN_TEMPLATE,
                at,
                format!("`{text}` matches only a segment of these very letters"),
            )
            .hint(format!(
                "`{{{name}}}` captures a segment; for a pattern: `path: {{ regex: '/a/[0-9]+' }}`"
            ));
    }
}

/// The name of a capture as Express (`:id`), Flask (`<int:id>`) and Next.js (`[id]`) write it, or as it might be
/// called where an expression stands.
fn foreign_name(text: &str) -> Option<&str> {
    let between = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close);
    let is_expression = text.contains("[0-9]") || between("(", ")").is_some();
    let inside = text.strip_prefix(':').or_else(|| between("<", ">")).or_else(|| between("[", "]"));
    let name = inside.map(|inside| inside.rsplit(':').next().unwrap_or(inside).trim_end_matches('?'));
    let is_name = |name: &&str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.filter(is_name).or_else(|| is_expression.then_some("name"))
}

/// Fences beside all routes, and such as seem to reach further than they do.
fn fences(policy: &Policy, problems: &mut Diagnostics) {
    let routes: Vec<&RequestMatch> = policy.index.matches().map(|(_, one)| one).collect();
    if routes.is_empty() {
        return;
    }
    for forbid in &policy.forbids {
        for (fence, _) in &forbid.condition.matches {
            if !routes.iter().any(|route| fence.may_meet(route)) {
                let name = &forbid.meta.name;
                problems
                    .warning(
                        codes::FENCE_WITHOUT_ROUTES,
                        fence.at,
                        format!("no route answers what `{name}` keeps out here"),
                    )
                    .hint("look for a misspelt host, method or path; without a route a request is denied all the same");
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

/// What lies one segment below a fence that ends in `*`.
fn deeper(fence: &RequestMatch) -> Option<RequestMatch> {
    let PathPattern::Template(template) = &fence.path else { return None };
    if template.rest.is_some() || template.segments.last() != Some(&Piece::Any) {
        return None;
    }
    let mut below = template.clone();
    below.segments.push(Piece::Any);
    let mut deeper = fence.clone();
    deeper.path = PathPattern::Template(below);
    Some(deeper)
}

/// Whether some fence takes all of it.
fn is_fenced(policy: &Policy, matched: &RequestMatch) -> bool {
    let fences = policy.forbids.iter().flat_map(|forbid| &forbid.condition.matches);
    fences.map(|(fence, _)| fence).any(|fence| fence.covers(matched))
}
