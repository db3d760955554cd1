//! What is allowed and probably not meant: warnings of `check`, each with the way to say that it is meant.
//!
//! A lint speaks only where it can show what would happen. What it cannot decide, it lets pass.

mod asks;
mod conditions;
mod example;
mod fences;
mod issuers;
mod methods;
mod nots;
mod reach;
mod satisfiable;
mod shadows;
mod unreal;
mod used;
mod wider;

use super::Policy;
use super::diagnostic::Diagnostics;
use super::document::{Document, Text};
use super::requirement::{Check, Requirement};
use super::route::Ask;

/// Adds the warnings of a policy that compiled. `unused` are the requirements that no rule uses.
pub(super) fn report(policy: &Policy, document: &Document, unused: &[Text], problems: &mut Diagnostics) {
    issuers::report(document, policy, problems);
    used::report(policy, document, unused, problems);
    satisfiable::report(policy, problems);
    conditions::report(policy, problems);
    nots::report(policy, problems);
    reach::report(policy, problems);
    wider::report(policy, problems);
    methods::report(policy, problems);
    shadows::report(policy, problems);
    unreal::report(policy, problems);
    fences::report(policy, problems);
}

/// Every requirement of a policy, with what it belongs to.
fn requirements(policy: &Policy) -> impl Iterator<Item = &Requirement> {
    let of_routes = policy.routes.iter().filter_map(|route| match &route.ask {
        Ask::Require(requirement) => Some(requirement),
        Ask::Anyone | Ask::Nobody => None,
    });
    of_routes.chain(policy.forbids.iter().filter_map(|forbid| forbid.unless.as_ref()))
}

/// Shows every check, however deep, to a visitor.
fn visit<'r>(requirement: &'r Requirement, see: &mut impl FnMut(&'r Check)) {
    for check in &requirement.checks {
        see(check);
        for inner in check.parts() {
            visit(inner, see);
        }
    }
}
