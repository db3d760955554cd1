//! Which guards can be reported of the callers of a route: as `policy::decide` says it of one caller, said of
//! all there can be.

use crate::policy::guard::{Guard, GuardName};
use crate::policy::{Forbid, Policy, Route};
use crate::token::IssuerId;

/// The labels of a route's callers.
pub(super) struct Guards<'p> {
    named: Vec<&'p str>,
    /// Whether somebody can belong to none of those named.
    has_strangers: bool,
    /// Whether such a stranger is always turned away.
    are_turned_away: bool,
}

impl<'p> Guards<'p> {
    /// Only that there is somebody is told.
    pub fn are_unreported(&mut self) {
        self.named = vec![""];
    }

    pub fn of_no_route(policy: &'p Policy) -> Self {
        Self::of(policy, &[], &looked_in(policy, &[]))
    }

    pub fn of_route(policy: &'p Policy, route: &'p Route) -> Self {
        Self::of(policy, &route.guards, &looked_in(policy, &route.look_in))
    }

    /// A fence stands before any route, and before none.
    pub fn of_any_route(policy: &'p Policy, forbid: &'p Forbid) -> Self {
        let mut all = Self::of(policy, &[], &looked_in(policy, &forbid.look_in));
        for route in policy.routes.iter().filter(|route| !route.shadow) {
            let of_route = Self::of_route(policy, route);
            let new: Vec<&str> =
                of_route.named.into_iter().filter(|name| !all.named.contains(name)).collect();
            all.named.extend(new);
            all.has_strangers |= of_route.has_strangers;
        }
        all
    }

    fn of(policy: &'p Policy, of_route: &[GuardName], places: &[IssuerId]) -> Self {
        let is_named = |name: &GuardName| matches!(name, GuardName::One(_));
        let are_turned_away = !of_route.is_empty() && of_route.iter().all(is_named);
        let named = if of_route.iter().any(is_named) { of_route } else { &policy.default_guards };
        if !named.iter().any(is_named) {
            let named = places.iter().map(|issuer| policy.guards.issuer_name(*issuer)).collect();
            return Self { named, has_strangers: false, are_turned_away };
        }
        let guards: Vec<&Guard> = named
            .iter()
            .filter_map(|name| match name {
                GuardName::One(id) => policy.guards.get(*id),
                GuardName::Any => None,
            })
            .filter(|guard| guard.issuers.iter().any(|issuer| places.contains(issuer)))
            .collect();
        let is_covered =
            |issuer: &IssuerId| guards.iter().any(|guard| takes_all(guard) && guard.issuers.contains(issuer));
        let has_strangers = !places.iter().all(is_covered);
        Self { named: guards.iter().map(|guard| &*guard.name).collect(), has_strangers, are_turned_away }
    }

    /// Of everybody.
    pub fn all(&self) -> Vec<&'p str> {
        let mut all = self.named.clone();
        if self.has_strangers {
            all.push("");
        }
        all
    }

    /// Of those who are judged by what is asked.
    pub fn asked(&self) -> Vec<&'p str> {
        if self.are_turned_away { self.named.clone() } else { self.all() }
    }

    /// Whether there can be callers who belong to none, and are refused for it.
    pub fn strangers_are_turned_away(&self) -> bool {
        self.are_turned_away && self.has_strangers
    }
}

/// Whether every token of its issuers belongs to a guard.
fn takes_all(guard: &Guard) -> bool {
    guard.audiences.is_none() && guard.types.is_none() && guard.claims.is_empty()
}

/// Whose tokens may be found: those of every issuer that shares a place with one that the rule, or any fence
/// before it, looks in.
fn looked_in(policy: &Policy, of_rule: &[IssuerId]) -> Vec<IssuerId> {
    let enforced = policy.forbids.iter().filter(|forbid| !forbid.shadow);
    let asked: Vec<IssuerId> = enforced.flat_map(|forbid| &forbid.look_in).chain(of_rule).copied().collect();
    let places = |issuer: &IssuerId| {
        policy.issuers.get(usize::from(issuer.0)).map(|issuer| issuer.places.as_slice()).unwrap_or_default()
    };
    let all = (0..policy.issuers.len()).filter_map(|index| u16::try_from(index).ok()).map(IssuerId);
    all.filter(|issuer| {
        asked.contains(issuer)
            || asked.iter().any(|asked| places(asked).iter().any(|place| places(issuer).contains(place)))
    })
    .collect()
}
