//! What the proxy's access log is told of every decision.

use crate::decision::{Decision, Denial, Rule};
use crate::policy::{Judgement, Policy};

/// Dynamic metadata: the same words as in metrics and logs, never a token or a claim set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Sortable and unique; also in the decision log.
    pub decision_id: String,
    /// `allow`, `deny` or `error`.
    pub outcome: &'static str,
    /// The reason's word.
    pub reason: &'static str,
    /// The rule that settled it: a route's name, `(forbid) name`, or `(none)`.
    pub route: String,
    /// The guard reported; empty without a caller.
    pub guard: String,
    /// The issuer's name in the policy; empty without a caller.
    pub issuer: String,
    /// The caller's id, control characters escaped; empty without one.
    pub subject: String,
    /// What shadow rules would have done: `name: reason`.
    pub shadow: Vec<String>,
}

impl Metadata {
    pub(super) fn of(policy: &Policy, judgement: &Judgement<'_>, decision_id: &str) -> Self {
        let caller = judgement.caller.as_deref();
        let issuer = caller.and_then(|caller| policy.issuers.get(usize::from(caller.issuer.0)));
        let shadow = judgement.shadows.iter().map(|shadow| {
            format!("{}: {}", rule_label(Some(policy), shadow.rule), shadow.decision.reason_label())
        });
        Self {
            decision_id: decision_id.to_owned(),
            outcome: judgement.decision.outcome().label(),
            reason: judgement.decision.reason_label(),
            route: rule_label(Some(policy), judgement.decision.rule()),
            guard: judgement.guard.to_owned(),
            issuer: issuer.map(|issuer| issuer.name.to_string()).unwrap_or_default(),
            subject: caller.and_then(|caller| caller.subject.as_deref()).map(one_line).unwrap_or_default(),
            shadow: shadow.collect(),
        }
    }

    pub(super) fn of_denial(policy: Option<&Policy>, denial: &Denial, decision_id: &str) -> Self {
        let decision = Decision::Deny(denial.clone());
        Self {
            decision_id: decision_id.to_owned(),
            outcome: decision.outcome().label(),
            reason: decision.reason_label(),
            route: rule_label(policy, denial.rule),
            ..Self::default()
        }
    }
}

/// The word for a rule in metadata, logs and metrics.
fn rule_label(policy: Option<&Policy>, rule: Rule) -> String {
    let name = policy.and_then(|policy| policy.rule(rule)).map_or("(none)", |meta| meta.name.as_ref());
    match rule {
        Rule::None | Rule::Route(_) => name.to_owned(),
        Rule::Forbid(_) => format!("(forbid) {name}"),
    }
}

/// A text access log has one line a request, whatever a subject holds.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}
