//! What is never used, and guards that are used as if they were apart.

use std::collections::HashSet;

use crate::policy::Policy;
use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{Document, Text};
use crate::policy::guard::{GuardId, GuardName};
use crate::policy::requirement::Check;
use crate::token::IssuerId;

use super::asks::Asks;
use super::{requirements, visit};

pub(super) fn report(
    policy: &Policy,
    document: &Document,
    requirements: &[Text],
    problems: &mut Diagnostics,
) {
    for name in requirements {
        problems
            .warning(codes::NEVER_USED, name.at, format!("no rule uses requirement `{}`", name.value))
            .hint("remove it, or name it in `require`");
    }
    let lists = lists(policy);
    unused(policy, document, &lists, problems);
    not_apart(policy, document, &lists, problems);
}

/// Every list of guards that a rule names.
fn lists(policy: &Policy) -> Vec<Vec<GuardName>> {
    let mut lists = Vec::new();
    let mut mentioned: Vec<&str> = Vec::new();
    for requirement in requirements(policy) {
        visit(requirement, &mut |check| match check {
            Check::Guard(names) => lists.push(names.clone()),
            Check::When(condition) => mentioned.push(condition.source()),
            Check::Has { .. }
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::Any(_)
            | Check::All(_)
            | Check::Not(_)
            | Check::Use(..) => {}
        });
    }
    lists.extend(policy.routes.iter().map(|route| route.guards.clone()));
    lists.push(policy.default_guards.clone());
    for name in policy.guards.names() {
        let quoted = [format!("\"{name}\""), format!("'{name}'")];
        if mentioned.iter().any(|source| quoted.iter().any(|quoted| source.contains(quoted))) {
            lists.extend(policy.guards.find(name).map(|id| vec![GuardName::One(id)]));
        }
    }
    lists
}

fn unused(policy: &Policy, document: &Document, lists: &[Vec<GuardName>], problems: &mut Diagnostics) {
    let named: HashSet<GuardId> = lists.iter().flatten().filter_map(|name| id(*name)).collect();
    for guard in &document.guards {
        if policy.guards.find(&guard.name.value).is_some_and(|id| !named.contains(&id)) {
            problems
                .warning(
                    codes::NEVER_USED,
                    guard.name.at,
                    format!("no rule asks for guard `{}`", guard.name.value),
                )
                .hint("remove it, or name it in `guard`");
        }
    }
    let asked_for: HashSet<IssuerId> =
        lists.iter().flat_map(|names| policy.guards.issuers_of(names)).collect();
    for (index, issuer) in document.issuers.iter().enumerate() {
        let is_used = u16::try_from(index).is_ok_and(|index| asked_for.contains(&IssuerId(index)));
        if !is_used {
            let message = format!("no rule asks for tokens of issuer `{}`", issuer.name.value);
            problems
                .warning(codes::NEVER_USED, issuer.name.at, message)
                .hint("remove it, or name it in `guard`");
        }
    }
}

fn id(name: GuardName) -> Option<GuardId> {
    match name {
        GuardName::Any => None,
        GuardName::One(id) => Some(id),
    }
}

/// A declared guard whose tokens all belong to another, where each is asked for without the other.
fn not_apart(policy: &Policy, document: &Document, lists: &[Vec<GuardName>], problems: &mut Diagnostics) {
    let asks = Asks { guards: &policy.guards };
    let ids: Vec<_> = document
        .guards
        .iter()
        .filter_map(|guard| policy.guards.find(&guard.name.value).map(|id| (guard, GuardName::One(id))))
        .collect();
    let asked_without = |one: GuardName, other: GuardName| {
        lists.iter().any(|names| names.contains(&one) && !names.contains(&other))
    };
    for (index, (narrow, narrow_id)) in ids.iter().enumerate() {
        for (wide, wide_id) in &ids {
            let is_same = narrow_id == wide_id;
            if is_same || !asks.covers(*wide_id, *narrow_id) {
                continue;
            }
            // Of two equal guards one is reported.
            let is_known = asks.covers(*narrow_id, *wide_id)
                && ids.iter().take(index).any(|(_, earlier)| earlier == wide_id);
            if is_known || !asked_without(*wide_id, *narrow_id) || !asked_without(*narrow_id, *wide_id) {
                continue;
            }
            let (narrow, wide) = (&narrow.name, &wide.name);
            problems
                .warning(
                    codes::GUARDS_NOT_APART,
                    narrow.at,
                    format!("every token of guard `{}` belongs to guard `{}`, too", narrow.value, wide.value),
                )
                .see(wide.at, "the wider one")
                .hint(format!(
                    "narrow `{}` by a claim or an audience, or name both where both are meant",
                    wide.value
                ));
        }
    }
}
