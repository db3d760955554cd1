//! The series of one policy.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::decision::{Decision, Rule};
use crate::policy::{Judgement, Policy};
use crate::response::Answer;

use super::families::Families;

/// The series of one policy, found once.
pub struct PolicySeries {
    families: Arc<Families>,
    routes: Vec<Box<str>>,
    forbids: Vec<String>,
}

impl fmt::Debug for PolicySeries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PolicySeries").finish_non_exhaustive()
    }
}

impl PolicySeries {
    pub(super) fn new(families: &Arc<Families>, policy: &Policy) -> Self {
        families.policy_info.reset();
        families.policy_info.with_label_values(&[&policy.revision]).set(1);
        families.policy_routes.set(super::whole(policy.routes.len()));
        Self {
            families: Arc::clone(families),
            routes: policy.routes.iter().map(|route| route.meta.name.clone()).collect(),
            forbids: policy.forbids.iter().map(|forbid| format!("(forbid) {}", forbid.meta.name)).collect(),
        }
    }

    /// Counts a judged request, with what shadow rules would have done and what its answer had to leave out.
    pub fn record(&self, judgement: &Judgement<'_>, answer: &Answer, duration: Duration) {
        self.count(&judgement.decision, judgement.decision.rule(), judgement.guard, "enforce");
        for shadow in &judgement.shadows {
            self.count(&shadow.decision, shadow.rule, "", "shadow");
        }
        self.families.observe(judgement.decision.outcome(), duration);
        if let Answer::Allow { dropped, .. } = answer {
            for header in dropped {
                self.families.upstream_values_dropped.with_label_values(&[header]).inc();
            }
        }
    }

    fn count(&self, decision: &Decision, rule: Rule, guard: &str, mode: &str) {
        let name = match rule {
            Rule::None => None,
            Rule::Route(id) => {
                usize::try_from(id.0).ok().and_then(|id| self.routes.get(id)).map(|name| &**name)
            }
            Rule::Forbid(id) => {
                usize::try_from(id.0).ok().and_then(|id| self.forbids.get(id)).map(String::as_str)
            }
        };
        let labels =
            [decision.outcome().label(), decision.reason_label(), name.unwrap_or("(none)"), guard, mode];
        self.families.decisions.with_label_values(&labels).inc();
    }
}
