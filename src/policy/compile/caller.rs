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
    let asks_itself = requirement.checks.iter().any(|check| match check {
        Check::Any(_) | Check::All(_) | Check::Use(..) => false,
        other @ (Check::Has { .. }
        | Check::Guard(_)
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Header(..)
        | Check::Query(..)
        | Check::When(_)
        | Check::Not(_)) => needs_caller(other),
    });
    if asks_itself {
        requirement.checks.insert(0, Check::Guard(guards.to_vec()));
        return;
    }
    for check in &mut requirement.checks {
        match check {
            Check::Any(several) | Check::All(several) => {
                for one in several {
                    put_under(one, guards);
                }
            }
            Check::Use(_, inner) => put_under(inner, guards),
            Check::Has { .. }
            | Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_)
            | Check::Not(_) => {}
        }
    }
}

/// Whether every part that needs a caller stands under a guard.
fn is_covered(requirement: &Requirement) -> bool {
    gives_a_guard(requirement)
        || requirement.checks.iter().all(|check| match check {
            Check::Any(several) | Check::All(several) => several.iter().all(is_covered),
            Check::Use(_, inner) => is_covered(inner),
            other @ (Check::Has { .. }
            | Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_)
            | Check::Not(_)) => !needs_caller(other),
        })
}

/// Whether it holds only for members of a guard.
fn gives_a_guard(requirement: &Requirement) -> bool {
    requirement.checks.iter().any(|check| match check {
        Check::Guard(_) => true,
        Check::Any(branches) => branches.iter().all(gives_a_guard),
        Check::All(parts) => parts.iter().any(gives_a_guard),
        Check::Use(_, inner) => gives_a_guard(inner),
        Check::Has { .. }
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Header(..)
        | Check::Query(..)
        | Check::When(_)
        | Check::Not(_) => false,
    })
}

fn names_a_guard(requirement: &Requirement) -> bool {
    requirement.checks.iter().any(|check| match check {
        Check::Guard(_) => true,
        Check::Any(several) | Check::All(several) => several.iter().any(names_a_guard),
        Check::Not(inner) | Check::Use(_, inner) => names_a_guard(inner),
        Check::Has { .. }
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Header(..)
        | Check::Query(..)
        | Check::When(_) => false,
    })
}

fn needs_caller(check: &Check) -> bool {
    match check {
        Check::Not(inner) => inner.needs_caller(),
        other @ (Check::Has { .. }
        | Check::Guard(_)
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Header(..)
        | Check::Query(..)
        | Check::When(_)
        | Check::Any(_)
        | Check::All(_)
        | Check::Use(..)) => other.needs_caller(),
    }
}
