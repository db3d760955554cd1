//! Which series the rules of a policy have, and finding their counters.

use std::collections::HashSet;
use std::sync::Arc;

use crate::policy::Policy;
use crate::policy::requirement::{Check, Requirement};
use crate::policy::route::Ask;

use super::families::Families;
use super::family::Values;
use super::possible::{Possible, of_forbid, of_no_rule, of_route};
use super::series::RuleSeries;

/// Most series of decisions. Beyond, the routes last by name share [`OTHER`].
pub(super) const MOST: usize = 10_000;

/// The name that routes share.
const OTHER: &str = "(other)";

/// A rule before its counters are found.
pub(super) struct Plan<'p> {
    label: Arc<str>,
    shadow: bool,
    possible: Vec<Possible<'p>>,
    has_condition: bool,
}

/// No rule, then forbid rules, then routes, each in order.
pub(super) fn plan(most: usize, policy: &Policy) -> Vec<Plan<'_>> {
    let no_rule =
        Plan { label: "(none)".into(), shadow: false, possible: of_no_rule(policy), has_condition: false };
    let mut plans = vec![no_rule];
    plans.extend(policy.forbids.iter().map(|forbid| Plan {
        label: format!("(forbid) {}", forbid.meta.name).into(),
        shadow: forbid.shadow,
        possible: of_forbid(policy, forbid),
        has_condition: forbid.unless.as_ref().is_some_and(has_condition),
    }));
    let before_routes = plans.len();
    plans.extend(policy.routes.iter().map(|route| Plan {
        label: Arc::from(&*route.meta.name),
        shadow: route.shadow,
        possible: of_route(policy, route),
        has_condition: matches!(&route.ask, Ask::Require(requirement) if has_condition(requirement)),
    }));
    let count = |plans: &[Plan<'_>]| plans.iter().map(|plan| plan.possible.len()).sum::<usize>();
    if count(&plans) > most {
        share(most, before_routes, &mut plans);
    }
    plans
}

/// Gives the last routes a common name, as many as it takes.
fn share(most: usize, before_routes: usize, plans: &mut [Plan<'_>]) {
    // What all of them could say at once is the most that those who share can.
    let all: HashSet<(bool, Possible<'_>)> = plans
        .iter()
        .skip(before_routes)
        .flat_map(|plan| plan.possible.iter().map(|possible| (plan.shadow, *possible)))
        .collect();
    let room = most.saturating_sub(all.len());
    let other: Arc<str> = OTHER.into();
    let mut taken = 0;
    for (position, plan) in plans.iter_mut().enumerate() {
        taken += plan.possible.len();
        if position >= before_routes && taken > room {
            plan.label = Arc::clone(&other);
        }
    }
}

fn has_condition(requirement: &Requirement) -> bool {
    requirement.checks.iter().any(|check| match check {
        Check::When(_) => true,
        Check::Any(several) | Check::All(several) => several.iter().any(has_condition),
        Check::Not(inner) | Check::Use(_, inner) => has_condition(inner),
        Check::Has { .. }
        | Check::Guard(_)
        | Check::Subject(_)
        | Check::Claim(..)
        | Check::Address(_)
        | Check::Principal(_)
        | Check::Header(..)
        | Check::Query(..) => false,
    })
}

/// Finds the counters of all rules, and lets go of those that no rule has.
pub(super) fn find(families: &Families, plans: &[Plan<'_>]) -> Vec<RuleSeries> {
    let mut words = Words::default();
    let mut wanted: Vec<Values<5>> = Vec::new();
    for plan in plans {
        for (why, guard) in &plan.possible {
            wanted.push([
                words.of(why.outcome().label()),
                words.of(why.label()),
                Arc::clone(&plan.label),
                words.of(guard),
                words.of(mode(plan.shadow)),
            ]);
        }
    }
    let mut counts = families.decisions.become_these(wanted).into_iter();
    let with_condition = || plans.iter().filter(|plan| plan.has_condition);
    let wanted = with_condition().map(|plan| [Arc::clone(&plan.label)]);
    let mut errors = families.condition_errors.become_these(wanted).into_iter();
    let one = |plan: &Plan<'_>| RuleSeries {
        label: Arc::clone(&plan.label),
        mode: mode(plan.shadow),
        known: plan
            .possible
            .iter()
            .zip(counts.by_ref())
            .map(|((why, guard), count)| (*why, words.of(guard), count))
            .collect(),
        condition_errors: if plan.has_condition { errors.next() } else { None },
    };
    plans.iter().map(one).collect()
}

/// Each word once in memory.
#[derive(Default)]
struct Words(HashSet<Arc<str>>);

impl Words {
    fn of(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.get(word) {
            return Arc::clone(known);
        }
        let new = Arc::<str>::from(word);
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// The label `mode`.
pub(super) const fn mode(shadow: bool) -> &'static str {
    if shadow { "shadow" } else { "enforce" }
}
