//! Whose tokens a rule asks for: every rule that needs a caller names its guard, or a default does.

use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::guard::{GuardName, Guards};
use crate::policy::requirement::{Check, Requirement};

/// The guards of a set, as far as rules without one are concerned.
pub(super) struct Families<'d> {
    /// All guards.
    pub guards: &'d Guards,
    /// `defaults.guard`.
    pub default: &'d [GuardName],
    /// Whether there is one issuer and no declared guard, so that there is nothing to tell apart.
    pub only_one: bool,
}

impl Families<'_> {
    /// Makes sure that a rule which needs a caller says whose: adds the default where it names none.
    /// Gives the guards it asks for, in the order written.
    pub fn settle(
        &self,
        requirement: &mut Requirement,
        at: At,
        problems: &mut Diagnostics,
    ) -> Vec<GuardName> {
        if !is_covered(requirement) {
            if names_a_guard(requirement) && !self.only_one {
                missing("a branch of this asks for a caller and names no guard", at, problems);
                return Vec::new();
            }
            let named = self.unnamed(at, problems);
            if !named.contains(&GuardName::Any) {
                put_under(requirement, &named);
            }
            return named;
        }
        let mut asked = Vec::new();
        requirement.guards_asked(&mut asked);
        asked
    }

    /// `allow: authenticated`: its guard is the only check there is.
    pub fn settle_authenticated(
        &self,
        requirement: &mut Requirement,
        at: At,
        problems: &mut Diagnostics,
    ) -> Vec<GuardName> {
        if requirement.checks.is_empty() {
            let named = self.unnamed(at, problems);
            requirement.checks.push(Check::Guard(named.clone()));
            return named;
        }
        let mut asked = Vec::new();
        requirement.guards_asked(&mut asked);
        asked
    }

    /// Whose tokens are meant where no guard is named.
    pub fn unnamed(&self, at: At, problems: &mut Diagnostics) -> Vec<GuardName> {
        if self.guards.issuers().is_empty() {
            problems
                .error(codes::NO_ISSUER, at, "this asks for a caller, and the set has no issuer")
                .hint("declare one under `issuers`");
            return Vec::new();
        }
        if !self.default.is_empty() {
            return self.default.to_vec();
        }
        if self.only_one {
            return vec![GuardName::Any];
        }
        missing("this asks for a caller and names no guard", at, problems);
        Vec::new()
    }
}

fn missing(message: &str, at: At, problems: &mut Diagnostics) {
    problems
        .error(codes::GUARD_MISSING, at, message)
        .hint("say whose tokens are meant: `guard: name`, `defaults.guard`, or `guard: any`");
}

/// Puts every part that needs a caller under these guards, and leaves the others as they are.
fn put_under(requirement: &mut Requirement, guards: &[GuardName]) {
    if requirement.checks.iter().any(|check| !holds_branches(check) && check.needs_caller()) {
        requirement.checks.insert(0, Check::Guard(guards.to_vec()));
        return;
    }
    for check in requirement.checks.iter_mut().filter(|check| holds_branches(check)) {
        for part in check.parts_mut() {
            put_under(part, guards);
        }
    }
}

/// Whether every part that needs a caller stands under a guard.
fn is_covered(requirement: &Requirement) -> bool {
    let check_is_covered = |check: &Check| {
        if holds_branches(check) { check.parts().iter().all(is_covered) } else { !check.needs_caller() }
    };
    gives_a_guard(requirement) || requirement.checks.iter().all(check_is_covered)
}

/// Whether it holds only for members of a guard.
fn gives_a_guard(requirement: &Requirement) -> bool {
    requirement.checks.iter().any(|check| {
        if let Check::Any(branches) = check {
            branches.iter().all(gives_a_guard)
        } else {
            matches!(check, Check::Guard(_))
                || (holds_branches(check) && check.parts().iter().any(gives_a_guard))
        }
    })
}

fn names_a_guard(requirement: &Requirement) -> bool {
    let check_names_one =
        |check: &Check| matches!(check, Check::Guard(_)) || check.parts().iter().any(names_a_guard);
    requirement.checks.iter().any(check_names_one)
}

/// Whether it is made of parts that each may ask for a caller of their own. What stands under `not` is one thing.
const fn holds_branches(check: &Check) -> bool {
    matches!(check, Check::Any(_) | Check::All(_) | Check::Use(..))
}
