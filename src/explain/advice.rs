//! What a reason means here, and what can be done about it.

use std::collections::BTreeSet;

use crate::decision::{Allowed, Denial, Denied};
use crate::response::sentence;

use super::RouteNote;

pub(super) const fn of_grant(reason: Allowed) -> &'static str {
    match reason {
        Allowed::Met => "the route's requirement is met",
        Allowed::Preflight => "it is a CORS preflight for a route that exists, and `preflight: allow` is set",
    }
}

/// What happened, with what is known of it.
pub(super) fn because(denial: &Denial) -> String {
    let general = sentence(denial.reason);
    match (&denial.detail, denial.missing.is_empty()) {
        (Some(detail), _) => format!("{general}: {detail}"),
        (None, false) => format!("{general}: {}", denial.missing.join(", ")),
        (None, true) => general.to_owned(),
    }
}

/// What to do about a reason, where nothing else is known. `None` for what is none.
#[must_use]
pub fn next_for(reason: &str) -> Option<String> {
    Some(next(&Denial::new(Denied::from_label(reason)?), &[], None))
}

/// What to do next.
pub(super) fn next(denial: &Denial, routes: &[RouteNote], nearest: Option<&str>) -> String {
    match denial.reason {
        Denied::NoRoute => no_route(routes, nearest),
        Denied::BadRequest => "send one Authorization header, a plain method and a plain host; \
            `overrides` in the policy says what becomes of method overrides"
            .to_owned(),
        Denied::BadPath => {
            "the sender mends the path; `paths` in the policy admits some forms, with care".to_owned()
        }
        Denied::TooLarge => "send less, or raise `limits.token_bytes` or `limits.header_bytes`".to_owned(),
        Denied::AmbiguousToken => "send one token, in one place".to_owned(),
        Denied::MissingToken => {
            "send a token where the issuer's `token` says; the Authorization header by default".to_owned()
        }
        Denied::MalformedToken => {
            "send a signed JWT, three parts with dots between them; many issuers hand out opaque tokens unless one for \
             this API is asked for"
                .to_owned()
        }
        Denied::UnknownIssuer => "compare `iss` of the token with `issuer` in the policy, byte for byte".to_owned(),
        Denied::UnknownKey => "compare `kid` of the token with the issuer's key set".to_owned(),
        Denied::DisallowedAlgorithm => {
            "compare `alg` of the token with `algorithms` of the issuer and the type of its key".to_owned()
        }
        Denied::BadSignature => "the token was signed with another key than the issuer publishes, or was changed".to_owned(),
        Denied::Expired => "get a new token; mind the clocks (`leeway`)".to_owned(),
        Denied::NotYetValid => "mind the clocks (`leeway`)".to_owned(),
        Denied::WrongAudience => "compare `aud` of the token with `audiences` of the issuer".to_owned(),
        Denied::WrongType => "compare `typ` of the token with `types` of the issuer and what its preset asks".to_owned(),
        Denied::InvalidClaims => {
            "mend that claim at the issuer; `require_expiry: false` where tokens without an end are meant".to_owned()
        }
        Denied::GuardMismatch => {
            "the token is good, and of another family: compare its claims with the guards of the rule".to_owned()
        }
        Denied::Nobody => "the route is closed on purpose (`allow: nobody`)".to_owned(),
        Denied::Forbidden => "the forbid rule has no `unless`: narrow its `match`, or give it an `except`".to_owned(),
        Denied::MissingScope | Denied::MissingRole | Denied::MissingGroup | Denied::MissingPermission => {
            "grant it to the caller, or see with `read` whether it stands elsewhere in the token".to_owned()
        }
        Denied::ClaimMismatch => "compare the claim with what the rule asks: `\"1\"` is not `1`".to_owned(),
        Denied::SourceMismatch => {
            "compare the peer with `source`; behind proxies `client_address` says where the client's address is"
                .to_owned()
        }
        Denied::HeaderMismatch => "compare the header or query value with what the rule asks".to_owned(),
        Denied::ConditionFalse => "evaluate the `when` by hand with the values of this request".to_owned(),
        Denied::RequirementUnmet => "one of its branches must hold: see which one comes nearest, and what is missing there".to_owned(),
        Denied::KeysUnavailable => {
            "the issuer's keys are not there: see `/keys` on the admin listener, or give them with --keys".to_owned()
        }
        Denied::PolicyUnavailable => "see `/readyz?verbose` for what the server waits for".to_owned(),
        Denied::Overloaded => "raise `limits.in_flight`, or run more of them".to_owned(),
        Denied::InternalError => "this is a defect of Portcullis: please report it with this output".to_owned(),
    }
}

fn each_once<'t>(words: impl Iterator<Item = &'t String>) -> String {
    let words: BTreeSet<&str> = words.map(String::as_str).collect();
    words.into_iter().collect::<Vec<_>>().join(", ")
}

fn no_route(routes: &[RouteNote], nearest: Option<&str>) -> String {
    let enforced = || routes.iter().filter(|route| !route.shadow);
    let methods = each_once(enforced().flat_map(|route| &route.only_methods));
    if !methods.is_empty() {
        return format!("the path has routes for {methods}: is the method right, or a route missing?");
    }
    let hosts = each_once(enforced().flat_map(|route| &route.only_host));
    if !hosts.is_empty() {
        return format!(
            "the path has routes for host {hosts}, and the request names another: a URL says which, \
             `https://crm.example.com/customers`"
        );
    }
    if let Some(nearest) = nearest {
        return format!("did you mean `{nearest}`?");
    }
    "add a route, or see `portcullis routes` for those there are".to_owned()
}
