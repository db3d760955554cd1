//! The decision log: one line for each decision that is wanted.

use std::sync::Arc;
use std::time::Duration;

use crate::decision::{Decision, Outcome};
use crate::policy::{Judgement, Policy};
use crate::request::Incoming;
use crate::response::Answer;
use crate::settings::{Log, LoggedDecisions};
use crate::time::UnixTime;

use super::Lines;

/// Takes decisions that are to be logged. Clones are the same log.
#[derive(Debug, Clone)]
pub struct DecisionLog {
    lines: Lines,
    decisions: LoggedDecisions,
}

/// One decision, for the log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The policy that judged; `None` before the first.
    pub policy: Option<&'a Policy>,
    /// What arrived, where it could be read at all.
    pub incoming: Option<&'a Incoming<'a>>,
    /// The judgement.
    pub judgement: &'a Judgement<'a>,
    /// What was answered.
    pub answer: &'a Answer,
    /// Its id, also in the answer's metadata.
    pub decision_id: &'a str,
    /// From arrival to decision.
    pub duration: Duration,
    /// When the request arrived.
    pub now: UnixTime,
}

impl DecisionLog {
    /// A log as the settings say.
    #[must_use]
    pub fn new(settings: &Log, lines: Lines) -> Self {
        Self { lines, decisions: settings.decisions }
    }

    /// Whether a decision is logged: to be asked before an [`Entry`] is made.
    #[must_use]
    pub fn wants(&self, decision: &Decision) -> bool {
        match self.decisions {
            LoggedDecisions::None => false,
            LoggedDecisions::Denied => decision.outcome() != Outcome::Allow,
            LoggedDecisions::All => true,
        }
    }

    /// The last lines, the oldest first.
    #[must_use]
    pub fn last(&self) -> Vec<Arc<str>> {
        self.lines.last()
    }

    /// Logs a decision.
    pub fn record(&self, entry: &Entry<'_>) {
        let metadata = entry.answer.metadata();
        self.lines.send_and_keep(format!(
            "{{\"target\":\"decision\",\"decision_id\":\"{}\",\"outcome\":\"{}\",\"reason\":\"{}\"}}\n",
            entry.decision_id, metadata.outcome, metadata.reason
        ));
    }
}
