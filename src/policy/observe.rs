//! Watching a decision being made. `decide` runs with [`Silent`], `explain` with one that takes notes:
//! the walk is the same, so they cannot disagree.

use crate::decision::{ForbidId, RouteId};
use crate::token::IssuerId;

use super::condition::Condition;
use super::requirement::{Check, Facts, Verdict};

/// What can be seen on the way.
pub trait Observer {
    /// A forbid rule matches the request.
    fn forbid_matches(&mut self, _forbid: ForbidId) {}
    /// A forbid rule has been judged.
    fn forbid_judged(&mut self, _forbid: ForbidId, _verdict: &Verdict) {}
    /// The most specific route.
    fn route_wins(&mut self, _route: RouteId) {}
    /// The route whose requirement was judged last lets the request through, and one more has to.
    fn rival_lets_through(&mut self) {}
    /// A token is looked for in the places of these issuers.
    fn looks_for_caller(&mut self, _look_in: &[IssuerId]) {}
    /// A check is about to be judged; checks within it follow.
    fn enter(&mut self, _check: &Check) {}
    /// A check has been judged.
    fn leave(&mut self, _check: &Check, _facts: &Facts<'_>, _verdict: &Verdict) {}
    /// A CEL condition could not be evaluated.
    fn condition_failed(&mut self, _condition: &Condition) {}
}

/// Passes everything on, and counts the conditions that could not be evaluated.
#[derive(Debug)]
pub(super) struct Counting<'o, O> {
    pub observer: &'o mut O,
    pub failed: u32,
}

impl<O: Observer> Observer for Counting<'_, O> {
    fn forbid_matches(&mut self, forbid: ForbidId) {
        self.observer.forbid_matches(forbid);
    }

    fn forbid_judged(&mut self, forbid: ForbidId, verdict: &Verdict) {
        self.observer.forbid_judged(forbid, verdict);
    }

    fn route_wins(&mut self, route: RouteId) {
        self.observer.route_wins(route);
    }

    fn rival_lets_through(&mut self) {
        self.observer.rival_lets_through();
    }

    fn looks_for_caller(&mut self, look_in: &[IssuerId]) {
        self.observer.looks_for_caller(look_in);
    }

    fn enter(&mut self, check: &Check) {
        self.observer.enter(check);
    }

    fn leave(&mut self, check: &Check, facts: &Facts<'_>, verdict: &Verdict) {
        self.observer.leave(check, facts, verdict);
    }

    fn condition_failed(&mut self, condition: &Condition) {
        self.failed = self.failed.saturating_add(1);
        self.observer.condition_failed(condition);
    }
}

/// Sees nothing, costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
