//! Which decisions each rule of a policy can come to: the series that exist from the start. What a rule can
//! never say is left out, so that a dashboard shows no reason that cannot be.

mod guards;
mod requirement;

use crate::decision::{Allowed, Decision, Denied, Outcome};
use crate::policy::route::{Ask, TokenUse};
use crate::policy::{Forbid, Policy, Route};

use guards::Guards;

/// Why a request was allowed or denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Why {
    Allowed(Allowed),
    Denied(Denied),
}

/// One decision that can be made: why, and which guard is reported.
pub(super) type Possible<'p> = (Why, &'p str);

/// What the verifier says of a bad token.
const BAD_TOKEN: [Denied; 12] = [
    Denied::TooLarge,
    Denied::AmbiguousToken,
    Denied::MalformedToken,
    Denied::UnknownIssuer,
    Denied::UnknownKey,
    Denied::DisallowedAlgorithm,
    Denied::BadSignature,
    Denied::Expired,
    Denied::NotYetValid,
    Denied::WrongAudience,
    Denied::WrongType,
    Denied::InvalidClaims,
];

/// What is said without any policy.
pub(super) const WITHOUT_POLICY: [Denied; 5] = [
    Denied::BadRequest,
    Denied::TooLarge,
    Denied::PolicyUnavailable,
    Denied::Overloaded,
    Denied::InternalError,
];

impl Why {
    pub fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Allow(grant) => Self::Allowed(grant.reason),
            Decision::Deny(denial) => Self::Denied(denial.reason),
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Allowed(reason) => reason.label(),
            Self::Denied(reason) => reason.label(),
        }
    }

    pub fn outcome(self) -> Outcome {
        match self {
            Self::Allowed(_) => Outcome::Allow,
            Self::Denied(reason) => reason.outcome(),
        }
    }
}

/// A set in the making, without guards where nobody is known.
#[derive(Default)]
struct Set<'p>(Vec<Possible<'p>>);

impl<'p> Set<'p> {
    fn anonymous(&mut self, reason: Denied) {
        self.0.push((Why::Denied(reason), ""));
    }

    fn each(&mut self, why: Why, guards: &[&'p str]) {
        self.0.extend(guards.iter().map(|guard| (why, *guard)));
    }

    fn done(mut self) -> Vec<Possible<'p>> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }
}

/// Before any rule, or where no route matches.
pub(super) fn of_no_rule(policy: &Policy) -> Vec<Possible<'_>> {
    let mut set = Set::default();
    for reason in WITHOUT_POLICY {
        set.anonymous(reason);
    }
    set.anonymous(Denied::BadPath);
    set.anonymous(Denied::NoRoute);
    set.each(Why::Denied(Denied::NoRoute), &Guards::of_no_route(policy).all());
    set.done()
}

/// A route, whether enforced or a shadow: of a shadow no guard is reported.
pub(super) fn of_route<'p>(policy: &'p Policy, route: &'p Route) -> Vec<Possible<'p>> {
    let mut set = Set::default();
    let mut guards = Guards::of_route(policy, route);
    if route.shadow {
        guards.are_unreported();
    }
    let reading = &policy.reading;
    if reading.admit_encoded_slashes && !route.admits_encoded_slashes
        || reading.admit_semicolons && !route.admits_semicolons
        || reading.admit_scripts && !route.admits_scripts
    {
        set.anonymous(Denied::BadPath);
    }
    if policy.preflights_pass && !route.shadow {
        set.0.push((Why::Allowed(Allowed::Preflight), ""));
    }
    if !route.look_in.is_empty() {
        for reason in BAD_TOKEN {
            set.anonymous(reason);
        }
    }
    // Whose decision depends on a caller who is not there, or cannot be judged.
    let hangs_on_caller = match &route.ask {
        Ask::Anyone | Ask::Nobody => false,
        Ask::Require(requirement) => route.token == TokenUse::Required || requirement.needs_caller(),
    };
    if hangs_on_caller {
        set.anonymous(Denied::MissingToken);
    }
    if !route.look_in.is_empty() && (hangs_on_caller || route.shadow) {
        set.anonymous(Denied::KeysUnavailable);
    }
    let with_nobody = route.token != TokenUse::Required;
    match &route.ask {
        Ask::Nobody => {
            set.anonymous(Denied::Nobody);
            set.each(Why::Denied(Denied::Nobody), &guards.all());
        }
        Ask::Anyone => {
            set.0.push((Why::Allowed(Allowed::Met), ""));
            if route.token == TokenUse::Optional {
                set.each(Why::Allowed(Allowed::Met), &guards.all());
            }
        }
        Ask::Require(requirement) => {
            if route.token != TokenUse::Ignored {
                set.each(Why::Allowed(Allowed::Met), &guards.asked());
            }
            if with_nobody && requirement.without_caller().yes || route.shadow {
                set.0.push((Why::Allowed(Allowed::Met), ""));
            }
            let known = if route.token == TokenUse::Ignored { guards.all() } else { guards.asked() };
            for reason in requirement::reasons(requirement, &route.guards) {
                set.each(Why::Denied(reason), &known);
                if with_nobody || route.shadow {
                    set.anonymous(reason);
                }
            }
            if guards.strangers_are_turned_away() && route.token != TokenUse::Ignored {
                set.anonymous(Denied::GuardMismatch);
            }
        }
    }
    set.done()
}

/// A forbid rule, whether enforced or a shadow. It denies whoever the winning route reports.
pub(super) fn of_forbid<'p>(policy: &'p Policy, forbid: &'p Forbid) -> Vec<Possible<'p>> {
    let mut set = Set::default();
    let mut guards = Guards::of_any_route(policy, forbid);
    if forbid.shadow {
        guards.are_unreported();
    }
    if !forbid.look_in.is_empty() {
        for reason in BAD_TOKEN {
            set.anonymous(reason);
        }
    }
    let Some(unless) = &forbid.unless else {
        set.anonymous(Denied::Forbidden);
        set.each(Why::Denied(Denied::Forbidden), &guards.all());
        return set.done();
    };
    if unless.needs_caller() {
        set.anonymous(Denied::MissingToken);
        set.anonymous(Denied::KeysUnavailable);
    }
    for reason in requirement::reasons(unless, &forbid.guards) {
        set.anonymous(reason);
        set.each(Why::Denied(reason), &guards.all());
    }
    if !forbid.guards.is_empty() {
        set.each(Why::Denied(Denied::GuardMismatch), &guards.all());
    }
    set.done()
}
