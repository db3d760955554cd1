//! How one check is judged.

use std::slice;

use serde_json::Value;

use crate::decision::Denied;
use crate::token::Identity;

use super::{Check, Facts, Failure, Granted, Known, Requirement, Verdict, all, any, not};
use crate::policy::condition;
use crate::policy::matcher::capture::CaptureText;
use crate::policy::matcher::named::{self, Purpose};
use crate::policy::observe::Observer;
use crate::policy::tri::Tri;

impl Granted {
    /// What the caller has of this kind.
    #[must_use]
    pub fn of(self, identity: &Identity) -> &[Box<str>] {
        match self {
            Self::Scopes => &identity.scopes,
            Self::Roles => &identity.roles,
            Self::Groups => &identity.groups,
            Self::Permissions => &identity.permissions,
        }
    }

    /// The reason when some are missing.
    #[must_use]
    pub const fn missing(self) -> Denied {
        match self {
            Self::Scopes => Denied::MissingScope,
            Self::Roles => Denied::MissingRole,
            Self::Groups => Denied::MissingGroup,
            Self::Permissions => Denied::MissingPermission,
        }
    }

    fn has(self, identity: &Identity, name: &str, ignore_case: bool) -> bool {
        let is_it = |one: &str| if ignore_case { one.eq_ignore_ascii_case(name) } else { one == name };
        (self == Self::Scopes && identity.all_scopes) || self.of(identity).iter().any(|one| is_it(one))
    }
}

impl Check {
    pub(super) fn judge<O: Observer>(&self, facts: &Facts<'_>, observer: &mut O) -> Verdict {
        observer.enter(self);
        let verdict = self.verdict(facts, observer);
        observer.leave(self, facts, &verdict);
        verdict
    }

    fn verdict<O: Observer>(&self, facts: &Facts<'_>, observer: &mut O) -> Verdict {
        match self {
            Self::Has { kind, all, names } => {
                of_caller(facts, |identity| has(*kind, *all, names, identity, facts))
            }
            Self::Guard(names) => of_caller(facts, |identity| {
                Verdict::from(facts.guards.belongs(identity, names), Denied::GuardMismatch)
            }),
            Self::Subject(matcher) => of_caller(facts, |identity| {
                let subject = identity.subject.as_deref().map(Value::from);
                Verdict::from(matcher.matches(subject.as_ref(), facts.captures), Denied::ClaimMismatch)
            }),
            Self::Claim(path, matcher) => of_caller(facts, |identity| {
                let tri = matcher.matches_at(path, &identity.claims, facts.captures);
                Verdict::from(tri, Denied::ClaimMismatch)
            }),
            Self::Address(cidrs) => {
                let tri = facts.address.map_or(Tri::Unknown, |address| Tri::from(cidrs.contain(address)));
                Verdict::from(tri, Denied::SourceMismatch)
            }
            Self::Principal(principals) => principal(principals, facts),
            Self::Header(name, matcher) => {
                let tri = named::header(name, matcher, Purpose::Opening, facts.request, facts.captures);
                Verdict::from(tri, Denied::HeaderMismatch)
            }
            Self::Query(name, matcher) => {
                let tri = named::parameter(name, matcher, Purpose::Opening, facts.request, facts.captures);
                Verdict::from(tri, Denied::HeaderMismatch)
            }
            Self::When(condition) => {
                // Whatever else it says: without the caller it mentions it cannot be told.
                if let Some(verdict) = not_judged(facts).filter(|_| condition.needs_caller()) {
                    return verdict;
                }
                let tri = condition.evaluate(&condition_facts(facts));
                if tri == Tri::Unknown {
                    observer.condition_failed(condition);
                }
                Verdict::from(tri, Denied::ConditionFalse)
            }
            Self::Any(branches) => any(branches.iter().map(|branch| branch.judge(facts, observer))),
            Self::All(parts) => all(parts.iter().map(|part| part.judge(facts, observer))),
            Self::Not(inner) => not(&inner.judge(facts, observer)),
            Self::Use(_, inner) => inner.judge(facts, observer),
        }
    }

    /// The requirements that it is made of; none of a check that looks at something itself.
    #[must_use]
    pub const fn parts(&self) -> &[Requirement] {
        match self {
            Self::Any(several) | Self::All(several) => several.as_slice(),
            Self::Not(inner) | Self::Use(_, inner) => slice::from_ref(&**inner),
            Self::Has { .. }
            | Self::Guard(_)
            | Self::Subject(_)
            | Self::Claim(..)
            | Self::Address(_)
            | Self::Principal(_)
            | Self::Header(..)
            | Self::Query(..)
            | Self::When(_) => &[],
        }
    }

    /// The same, to be changed.
    pub(in crate::policy) fn parts_mut(&mut self) -> &mut [Requirement] {
        match self {
            Self::Any(several) | Self::All(several) => several,
            Self::Not(inner) | Self::Use(_, inner) => slice::from_mut(inner),
            Self::Has { .. }
            | Self::Guard(_)
            | Self::Subject(_)
            | Self::Claim(..)
            | Self::Address(_)
            | Self::Principal(_)
            | Self::Header(..)
            | Self::Query(..)
            | Self::When(_) => &mut [],
        }
    }

    pub(in crate::policy) fn needs_caller(&self) -> bool {
        match self {
            Self::Has { .. } | Self::Guard(_) | Self::Subject(_) | Self::Claim(..) => true,
            Self::Address(_) | Self::Header(..) | Self::Query(..) => false,
            Self::Principal(principals) => principals.need_caller(),
            Self::When(condition) => condition.needs_caller(),
            Self::Any(_) | Self::All(_) | Self::Not(_) | Self::Use(..) => {
                self.parts().iter().any(Requirement::needs_caller)
            }
        }
    }
}

/// Judges a check on the caller; without one the answer is unknown.
fn of_caller(facts: &Facts<'_>, judge: impl FnOnce(&Identity) -> Verdict) -> Verdict {
    match facts.known {
        Known::Verified(identity) => judge(identity),
        Known::Absent => Verdict::from(Tri::Unknown, Denied::MissingToken),
        Known::Unjudged => Verdict::from(Tri::Unknown, Denied::KeysUnavailable),
    }
}

fn not_judged(facts: &Facts<'_>) -> Option<Verdict> {
    match facts.known {
        Known::Verified(_) => None,
        Known::Absent => Some(Verdict::from(Tri::Unknown, Denied::MissingToken)),
        Known::Unjudged => Some(Verdict::from(Tri::Unknown, Denied::KeysUnavailable)),
    }
}

fn has(kind: Granted, all: bool, names: &[CaptureText], identity: &Identity, facts: &Facts<'_>) -> Verdict {
    // An empty or absent capture equals nothing, so nobody has it.
    let held = |name: &CaptureText| {
        let is_held = |text: &str, ignore_case| !text.is_empty() && kind.has(identity, text, ignore_case);
        name.is_that(facts.captures, false, is_held)
    };
    let each = names.iter().map(held);
    let tri = if all { Tri::all(each) } else { Tri::any(each) };
    if tri == Tri::Yes {
        return Verdict::YES;
    }
    let shown =
        |name: &CaptureText| name.render(facts.captures).unwrap_or_default().into_owned().into_boxed_str();
    let missing = names.iter().filter(|name| held(name) != Tri::Yes).map(shown).collect();
    Verdict { tri, failure: Some(Failure { reason: kind.missing(), missing }) }
}

fn principal(principals: &super::Principals, facts: &Facts<'_>) -> Verdict {
    let identity = match facts.known {
        Known::Verified(identity) => Some(identity),
        Known::Absent | Known::Unjudged => None,
    };
    if facts.request.source.principal.is_empty() {
        return Verdict::from(Tri::Unknown, Denied::SourceMismatch);
    }
    let tri = principals.contain(facts.request.source.principal, identity.map(|identity| &identity.claims));
    if tri == Tri::Unknown
        && principals.need_caller()
        && let Some(verdict) = not_judged(facts)
    {
        return verdict;
    }
    Verdict::from(tri, Denied::SourceMismatch)
}

fn condition_facts<'a>(facts: &'a Facts<'a>) -> condition::Facts<'a> {
    let caller = match facts.known {
        Known::Verified(identity) => Some((identity, facts.guards.issuer_name(identity.issuer))),
        Known::Absent | Known::Unjudged => None,
    };
    condition::Facts {
        request: facts.request,
        captures: facts.captures,
        caller,
        guards: facts.guards,
        client_address: facts.address,
        now: facts.now,
    }
}
