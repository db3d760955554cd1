//! The series of one policy, found when it is published: recording a decision looks nothing up by name, takes no
//! lock and allocates nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::decision::{Decision, Rule};
use crate::policy::{Judgement, Policy};
use crate::response::Answer;
use crate::token::Verification;

use super::families::Families;
use super::family::Count;
use super::plan::{MOST, find, mode, plan};
use super::possible::Why;

/// The series of one policy.
pub struct PolicySeries {
    families: Arc<Families>,
    no_rule: RuleSeries,
    routes: Vec<RuleSeries>,
    forbids: Vec<RuleSeries>,
    issuers: Vec<Box<str>>,
    dropped: Vec<(Box<str>, Count)>,
}

/// The series of one rule.
pub(super) struct RuleSeries {
    pub label: Arc<str>,
    pub mode: &'static str,
    /// Each decision that it can come to, with the guard that is reported.
    pub known: Vec<(Why, Arc<str>, Count)>,
    pub condition_errors: Option<Count>,
}

impl fmt::Debug for PolicySeries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PolicySeries").field("routes", &self.routes.len()).finish_non_exhaustive()
    }
}

impl PolicySeries {
    pub(super) fn new(families: &Arc<Families>, policy: &Policy) -> Self {
        Self::with_at_most(MOST, families, policy)
    }

    pub(super) fn with_at_most(most: usize, families: &Arc<Families>, policy: &Policy) -> Self {
        families.policy_info.reset();
        families.policy_info.with_label_values(&[&policy.revision]).set(1);
        families.policy_routes.set(super::whole(policy.routes.len()));
        let issuers: Vec<Box<str>> = policy.issuers.iter().map(|issuer| issuer.name.clone()).collect();
        families.issuers_are(&policy.issuers);
        let headers: BTreeSet<&str> =
            policy.routes.iter().flat_map(|route| route.upstream.header_names()).collect();
        let counts =
            families.upstream_values_dropped.become_these(headers.iter().map(|name| [Arc::from(*name)]));
        let dropped = headers.iter().map(|name| Box::from(*name)).zip(counts).collect();
        let mut rules = find(families, &plan(most, policy)).into_iter();
        let no_rule = rules.next().unwrap_or_else(RuleSeries::empty);
        let forbids = rules.by_ref().take(policy.forbids.len()).collect();
        Self { families: Arc::clone(families), no_rule, forbids, routes: rules.collect(), issuers, dropped }
    }

    /// Counts a judged request, with what shadow rules would have done and what its answer had to leave out.
    pub fn record(&self, judgement: &Judgement<'_>, answer: &Answer<'_>, duration: Duration) {
        let decision = &judgement.decision;
        self.count(self.rule(decision.rule()), decision, judgement.guard);
        for shadow in &judgement.shadows {
            self.count(self.rule(shadow.rule), &shadow.decision, "");
        }
        self.families.observe(decision.outcome(), duration);
        if let Some(verification) = judgement.verification {
            self.count_verification(verification);
        }
        if judgement.condition_errors > 0 {
            self.count_condition_errors(judgement);
        }
        if let Answer::Allow { dropped, .. } = answer {
            for header in dropped {
                let known = self.dropped.iter().find(|(name, _)| **name == **header);
                if let Some((_, count)) = known {
                    count.add(1);
                }
            }
        }
    }

    fn rule(&self, rule: Rule) -> &RuleSeries {
        let known = match rule {
            Rule::None => None,
            Rule::Route(id) => usize::try_from(id.0).ok().and_then(|id| self.routes.get(id)),
            Rule::Forbid(id) => usize::try_from(id.0).ok().and_then(|id| self.forbids.get(id)),
        };
        known.unwrap_or(&self.no_rule)
    }

    fn count(&self, rule: &RuleSeries, decision: &Decision, guard: &str) {
        let why = Why::of(decision);
        let is_it = |(known, reported, _): &&(Why, Arc<str>, Count)| *known == why && **reported == *guard;
        if let Some((_, _, count)) = rule.known.iter().find(is_it) {
            return count.add(1);
        }
        // Nobody foresaw it. Better a series too many than a decision that is not counted.
        let values = [why.outcome().label(), why.label(), &rule.label, guard, rule.mode];
        self.families.decisions.count(values).add(1);
    }

    /// Never for a token that was known already: beside a signature this costs nothing.
    fn count_verification(&self, verification: Verification) {
        let issuer = verification.issuer.and_then(|issuer| self.issuers.get(usize::from(issuer.0)));
        let algorithm = verification.algorithm.map_or("", |algorithm| algorithm.name());
        let result = verification.refused.map_or("ok", |reason| reason.label());
        self.families.verifications.count([issuer.map_or("", |name| name), algorithm, result]).add(1);
    }

    /// Under the forbid rule that settled it, else under the route that won.
    fn count_condition_errors(&self, judgement: &Judgement<'_>) {
        let settled = self.rule(judgement.decision.rule());
        let won = judgement.route.map_or(&self.no_rule, |route| self.rule(Rule::Route(route)));
        let rule = if settled.condition_errors.is_some() { settled } else { won };
        let errors = u64::from(judgement.condition_errors);
        match &rule.condition_errors {
            Some(count) => count.add(errors),
            None => self.families.condition_errors.count([&*rule.label]).add(errors),
        }
    }
}

impl RuleSeries {
    fn empty() -> Self {
        Self { label: "(none)".into(), mode: mode(false), known: Vec::new(), condition_errors: None }
    }
}
