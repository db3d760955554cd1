//! Why a requirement may fail.

use crate::decision::Denied;
use crate::policy::guard::GuardName;
use crate::policy::requirement::{Check, Granted, Requirement};

/// The reasons of a requirement that is asked of members of these guards, or of nobody.
pub(super) fn reasons(requirement: &Requirement, members_of: &[GuardName]) -> Vec<Denied> {
    let mut found = Vec::new();
    collect(requirement, members_of, &mut found);
    found
}

fn collect(requirement: &Requirement, members_of: &[GuardName], found: &mut Vec<Denied>) {
    for check in &requirement.checks {
        match check {
            Check::Has { kind: Granted::Scopes, .. } => found.push(Denied::MissingScope),
            Check::Has { kind: Granted::Roles, .. } => found.push(Denied::MissingRole),
            Check::Has { kind: Granted::Groups, .. } => found.push(Denied::MissingGroup),
            Check::Has { kind: Granted::Permissions, .. } => found.push(Denied::MissingPermission),
            // Members of all that are asked for cannot fail where all are named.
            Check::Guard(names) if members_of.iter().all(|member| names.contains(member)) => {}
            Check::Guard(_) => found.push(Denied::GuardMismatch),
            Check::Subject(_) | Check::Claim(..) => found.push(Denied::ClaimMismatch),
            Check::Address(_) | Check::Principal(_) => found.push(Denied::SourceMismatch),
            Check::Header(..) | Check::Query(..) => found.push(Denied::HeaderMismatch),
            Check::When(_) => found.push(Denied::ConditionFalse),
            // What is inside is not reported.
            Check::Any(_) | Check::Not(_) => found.push(Denied::RequirementUnmet),
            Check::All(parts) => parts.iter().for_each(|part| collect(part, members_of, found)),
            Check::Use(_, inner) => collect(inner, members_of, found),
        }
    }
}
