//! Matches of which nothing real comes: methods that nobody sends, and templates of other programs.

mod foreign;

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, closest, codes, is_slip};
use crate::policy::matcher::path::{PathPattern, Piece, Template};

/// The methods of everyday, which are misspelt most.
const USUAL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// The other registered methods (IANA, RFC 9110 section 16.1.2), but for `CONNECT` and `PRI`.
const REGISTERED: [&str; 30] = [
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
];

/// Methods in use without registration that are near a registered one: of Exchange (`B…`), of Vault (`LIST`), of
/// IIS, where they are commonly forbidden (`TRACK`, `DEBUG`), of caches, and what stores and services call their own.
const OTHERS: [&str; 20] = [
    "BCOPY",
    "BDELETE",
    "BMOVE",
    "BPROPFIND",
    "BPROPPATCH",
    "LIST",
    "TRACK",
    "DEBUG",
    "BAN",
    "PURGE",
    "BATCH",
    "DELEGATE",
    "FIND",
    "LOOK",
    "MATCH",
    "READ",
    "SET",
    "SUBSCRIBE",
    "VIEW",
    "WATCH",
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
}

/// Anyone may have a method of his own; told is only what is plainly a mistake.
fn unknown_method(method: &str, at: At, problems: &mut Diagnostics) {
    if USUAL.iter().chain(&REGISTERED).chain(&OTHERS).any(|name| *name == method) {
        return;
    }
    let slip = || REGISTERED.into_iter().find(|name| is_slip(method, name));
    let hint = match (method, closest(method, USUAL).or_else(slip)) {
        ("ANY" | "ALL" | "EVERY", _) => "leave the method out to match every one: `/customers`".to_owned(),
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (_, None) => return,
    };
    problems
        .warning(codes::UNKNOWN_METHOD, at, format!("`{method}` is no method that clients send"))
        .hint(hint);
}

/// `/users/:id`, which here is a segment of these very letters.
fn foreign_template(template: &Template, at: At, problems: &mut Diagnostics) {
    let literal = |piece: &Piece| match piece {
        Piece::Literal(text) => Some(text.clone()),
        Piece::Mixed(..) | Piece::Capture(_) | Piece::Any => None,
    };
    for text in template.segments.iter().filter_map(literal) {
        let Some(hint) = foreign::hint(&text) else { continue };
        problems
            .warning(
                codes::FOREIGN_TEMPLATE,
                at,
                format!("`{text}` matches only a segment of these very letters"),
            )
            .hint(hint);
    }
}
