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
    /// A token is looked for in the places of these issuers.
    fn looks_for_caller(&mut self, _look_in: &[IssuerId]) {}
    /// A check is about to be judged; checks within it follow.
    fn enter(&mut self, _check: &Check) {}
    /// A check has been judged.
    fn leave(&mut self, _check: &Check, _facts: &Facts<'_>, _verdict: &Verdict) {}
    /// A CEL condition could not be evaluated.
    fn condition_failed(&mut self, _condition: &Condition) {}
}

/// Sees nothing, costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
