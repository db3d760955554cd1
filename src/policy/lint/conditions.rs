//! Conditions that are always the same, and `not` over what may be missing.

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::requirement::{Check, Granted, Requirement};
use crate::policy::tri::Tri;
use crate::token::claims::ClaimPath;

use super::requirements;

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    for requirement in requirements(policy) {
        constant(requirement, problems);
        missing(requirement, &mut Vec::new(), problems);
    }
}

fn constant(requirement: &Requirement, problems: &mut Diagnostics) {
    super::visit(requirement, &mut |check| {
        let Check::When(condition) = check else { return };
        let always = match condition.constant() {
            None => return,
            Some(Tri::Yes) => "this always holds",
            Some(Tri::No) => "this never holds",
            Some(Tri::Unknown) => "this always fails",
        };
        problems
            .warning(codes::CONSTANT_CONDITION, condition.at(), format!("`{}`: {always}", condition.source()))
            .hint("compare with something of the request or its caller, or leave it out");
    });
}

/// What a caller is known to have where a requirement holds.
enum Known<'r> {
    Claim(&'r ClaimPath),
    Subject,
    Granted(Granted),
}

/// A missing claim is a plain no, so that `not` over it is yes.
fn missing<'r>(requirement: &'r Requirement, known: &mut Vec<Known<'r>>, problems: &mut Diagnostics) {
    let before = known.len();
    gather(requirement, known);
    for check in &requirement.checks {
        match check {
            Check::Not(inner) => {
                if let Some(what) = may_be_missing(inner, known) {
                    warn(inner.at, &what, problems);
                }
            }
            Check::Any(several) | Check::All(several) => {
                for one in several {
                    missing(one, known, problems);
                }
            }
            Check::Use(_, inner) => missing(inner, known, problems),
            Check::Has { .. }
            | Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_) => {}
        }
    }
    known.truncate(before);
}

fn gather<'r>(requirement: &'r Requirement, known: &mut Vec<Known<'r>>) {
    for check in &requirement.checks {
        match check {
            Check::Claim(path, matcher) if matcher.presence() != Some(false) => {
                known.push(Known::Claim(path));
            }
            Check::Subject(matcher) if matcher.presence() != Some(false) => known.push(Known::Subject),
            Check::Has { kind, .. } => known.push(Known::Granted(*kind)),
            Check::All(parts) => {
                for part in parts {
                    gather(part, known);
                }
            }
            Check::Use(_, inner) => gather(inner, known),
            Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_)
            | Check::Any(_)
            | Check::Not(_) => {}
        }
    }
}

fn may_be_missing(inner: &Requirement, known: &[Known<'_>]) -> Option<String> {
    inner.checks.iter().find_map(|check| match check {
        Check::Claim(path, matcher) if matcher.presence().is_none() => {
            let is_known = known.iter().any(|one| matches!(one, Known::Claim(there) if *there == path));
            (!is_known).then(|| format!("claim `{path}`"))
        }
        Check::Subject(matcher) if matcher.presence().is_none() => {
            let is_known = known.iter().any(|one| matches!(one, Known::Subject));
            (!is_known).then(|| "the subject".to_owned())
        }
        Check::Has { kind, .. } => {
            let is_known = known.iter().any(|one| matches!(one, Known::Granted(there) if there == kind));
            (!is_known).then(|| format!("the list of {}s", kind.word()))
        }
        Check::Any(several) | Check::All(several) => {
            several.iter().find_map(|one| may_be_missing(one, known))
        }
        Check::Use(_, inner) => may_be_missing(inner, known),
        Check::Guard(_)
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Header(..)
        | Check::Query(..)
        | Check::When(_)
        | Check::Not(_) => None,
    })
}

fn warn(at: At, what: &str, problems: &mut Diagnostics) {
    problems
        .warning(codes::NOT_OVER_MISSING, at, format!("this `not` holds also where {what} is missing"))
        .hint(
            "ask beside it for what must be there: `claims: { status: { present: true } }`, `any_role: […]`",
        );
}
