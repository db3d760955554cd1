//! What the proxy's access log is told of every decision.

use std::borrow::Cow;

use crate::decision::{Denial, Rule};
use crate::policy::{Judgement, Policy};

/// Dynamic metadata: the same words as in metrics and logs, never a token or a claim set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// Sortable and unique; also in the decision log.
    pub decision_id: &'a str,
    /// `allow`, `deny` or `error`.
    pub outcome: &'static str,
    /// The reason's word.
    pub reason: &'static str,
    /// The rule that settled it: a route's name, `(forbid) name`, or `(none)`.
    pub route: Cow<'a, str>,
    /// The guard reported; empty without a caller.
    pub guard: &'a str,
    /// The issuer's name in the policy; empty without a caller.
    pub issuer: &'a str,
    /// The caller's id, control characters escaped; empty without one.
    pub subject: Cow<'a, str>,
    /// What shadow rules would have done: `name: reason`.
    pub shadow: Vec<String>,
}

impl<'a> Metadata<'a> {
    pub(super) fn of(policy: &'a Policy, judgement: &'a Judgement<'_>, decision_id: &'a str) -> Self {
        let caller = judgement.caller.as_deref();
        let issuer = caller.and_then(|caller| policy.issuers.get(usize::from(caller.issuer.0)));
        let shadow = judgement.shadows.iter().map(|shadow| {
            format!("{}: {}", rule_label(Some(policy), shadow.rule), shadow.decision.reason_label())
        });
        Self {
            decision_id,
            outcome: judgement.decision.outcome().label(),
            reason: judgement.decision.reason_label(),
            route: rule_label(Some(policy), judgement.decision.rule()),
            guard: judgement.guard,
            issuer: issuer.map(|issuer| issuer.name.as_ref()).unwrap_or_default(),
            subject: caller.and_then(|caller| caller.subject.as_deref()).map(one_line).unwrap_or_default(),
            shadow: shadow.collect(),
        }
    }

    pub(super) fn of_denial(policy: Option<&'a Policy>, denial: &Denial, decision_id: &'a str) -> Self {
        Self {
            decision_id,
            outcome: denial.reason.outcome().label(),
            reason: denial.reason.label(),
            route: rule_label(policy, denial.rule),
            ..Self::default()
        }
    }
}

/// The word for a rule in metadata, logs and metrics.
fn rule_label(policy: Option<&Policy>, rule: Rule) -> Cow<'_, str> {
    let name = policy.and_then(|policy| policy.rule(rule)).map_or("(none)", |meta| meta.name.as_ref());
    match rule {
        Rule::None | Rule::Route(_) => Cow::Borrowed(name),
        Rule::Forbid(_) => Cow::Owned(format!("(forbid) {name}")),
    }
}

/// A text access log has one line a request, whatever a subject holds.
fn one_line(text: &str) -> Cow<'_, str> {
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    if !text.contains(breaks) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if breaks(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    Cow::Owned(line)
}
