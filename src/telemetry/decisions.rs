//! The decision log: one line for each decision that is wanted, and a span where traces are on. Never a token, a header, a query or a claim but
//! `sub`, and that only as the settings say.

pub(super) mod fields;
mod line;
mod subject;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;

use crate::decision::{Decision, Outcome};
use crate::policy::{Judgement, Policy};
use crate::request::Incoming;
use crate::response::Answer;
use crate::settings::{Log, LoggedDecisions};
use crate::time::UnixTime;

use super::spans::{Spans, TraceParent};
use super::{Form, Lines};
use subject::Subjects;

/// Takes decisions that are to be logged. Clones are the same log.
#[derive(Debug, Clone)]
pub struct DecisionLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lines: Lines,
    form: Form,
    decisions: LoggedDecisions,
    sample: Sample,
    subjects: Subjects,
    spans: Option<Spans>,
}

/// That a decision is told.
#[derive(Debug)]
pub struct Wanted {
    /// In the log, and not in a span alone.
    as_line: bool,
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
    pub answer: &'a Answer<'a>,
    /// From arrival to decision, what it waited for included.
    pub duration: Duration,
    /// When the request arrived.
    pub now: UnixTime,
    /// Where in which trace the proxy that asks stands, if that is looked at.
    pub parent: Option<&'a TraceParent>,
}

impl DecisionLog {
    /// A log as the settings say.
    #[must_use]
    pub fn new(settings: &Log, form: Form, lines: Lines, spans: Option<Spans>) -> Self {
        Self(Arc::new(Inner {
            lines,
            form,
            decisions: settings.decisions,
            sample: Sample::of(settings.sample),
            subjects: Subjects::new(settings.subject),
            spans,
        }))
    }

    /// Whether a decision is to be told at all: to be asked once, before an [`Entry`] is made.
    #[must_use]
    pub fn wants(&self, decision: &Decision) -> Option<Wanted> {
        let wanted = Wanted { as_line: self.wants_line(decision) };
        (wanted.as_line || self.0.spans.is_some()).then_some(wanted)
    }

    /// Where in which trace a call stands by its own headers, if that is of interest.
    #[must_use]
    pub fn parent(&self, headers: &HeaderMap) -> Option<TraceParent> {
        self.0.spans.as_ref()?;
        TraceParent::of_call(headers)
    }

    fn wants_line(&self, decision: &Decision) -> bool {
        match self.0.decisions {
            LoggedDecisions::None => false,
            LoggedDecisions::Denied => decision.outcome() != Outcome::Allow,
            LoggedDecisions::All => decision.outcome() != Outcome::Allow || self.0.sample.takes_next(),
        }
    }

    /// The last lines as JSON, the oldest first.
    #[must_use]
    pub fn last(&self) -> Vec<Arc<str>> {
        self.0.lines.last()
    }

    /// Makes the span of a decision, and its line.
    pub fn record(&self, wanted: &Wanted, entry: &Entry<'_>) {
        let trace = match &self.0.spans {
            Some(spans) => spans.record(entry),
            None => entry.incoming.and_then(TraceParent::of_request).map(|parent| parent.trace()),
        };
        if !wanted.as_line {
            return;
        }
        let subject = entry.judgement.caller.as_deref().and_then(|caller| caller.subject.as_deref());
        let subject = subject.and_then(|subject| self.0.subjects.shown(subject));
        let json = line::json(entry, subject.as_deref(), trace);
        let text = match self.0.form {
            Form::Json => None,
            Form::Text => Some(line::text(entry, subject.as_deref())),
        };
        self.0.lines.send_decision(json, text);
    }
}

/// Which of the allowed decisions are logged: the share asked for, evenly spread, without chance.
#[derive(Debug)]
struct Sample {
    /// Of 2³² places on a circle, those before this one are taken.
    below: u64,
    seen: AtomicU64,
}

impl Sample {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 2³², which both types hold exactly"
    )]
    fn of(share: f64) -> Self {
        Self { below: (share.clamp(0.0, 1.0) * 4_294_967_296.0) as u64, seen: AtomicU64::new(0) }
    }

    fn takes_next(&self) -> bool {
        // Steps of the golden ratio fill a circle evenly, however many are made.
        let step = self.seen.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        step >> 32 < self.below
    }
}

#[cfg(test)]
mod tests;
