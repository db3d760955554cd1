//! Declared guards.

use crate::policy::diagnostic::{Diagnostics, closest, codes};
use crate::policy::document::{self, Text};
use crate::policy::guard::{Guard, Guards};
use crate::policy::matcher::value::{Kind, ValueMatcher};
use crate::token::IssuerId;

use super::issuer::{claim_path, types};

/// Compiles declared guards; `issuers` knows the issuers only.
pub(super) fn compile(
    guards: &[document::Guard],
    issuers: &Guards,
    problems: &mut Diagnostics,
) -> Vec<Guard> {
    guards.iter().map(|guard| one(guard, issuers, problems)).collect()
}

fn one(guard: &document::Guard, issuers: &Guards, problems: &mut Diagnostics) -> Guard {
    let of = guard.issuer.iter().filter_map(|name| issuer(name, issuers, problems)).collect();
    let claims = guard.claims.iter().flatten().filter_map(|(path, matcher)| {
        let path = claim_path(path, problems);
        path.zip(ValueMatcher::compile(matcher, Kind::Claim, &[], problems))
    });
    let claims = claims.collect();
    let names = |list: &Vec<Text>| list.iter().map(|text| text.value.clone()).collect();
    Guard {
        name: guard.name.value.clone(),
        issuers: of,
        audiences: guard.audiences.as_ref().map(names),
        types: guard.types.as_deref().map(|written| types(Some(written))),
        claims,
    }
}

fn issuer(name: &Text, issuers: &Guards, problems: &mut Diagnostics) -> Option<IssuerId> {
    if let Some(id) = issuers.find(&name.value) {
        return Some(IssuerId(id.0));
    }
    let problem =
        problems.error(codes::UNKNOWN_ISSUER, name.at, format!("there is no issuer `{}`", name.value));
    match closest(&name.value, issuers.names()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("declare it under `issuers`"),
    };
    None
}
