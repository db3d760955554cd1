//! One request in, one answer out, whatever transport brought it: the live snapshot is asked, a defect is
//! caught and denies, and what was decided is counted and logged.

mod id;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;

use crate::decision::{Denial, Denied};
use crate::engine;
use crate::policy::{Judgement, Policy};
use crate::request::{Headers, Incoming};
use crate::response::{self, Answer};
use crate::runtime::{Live, Published};
use crate::telemetry::{DecisionLog, Entry, Metrics, TraceParent};
use crate::time::UnixTime;
use crate::token::{Attempt, IssuerId};

use id::{DecisionIds, Hyphenated};

/// Longest that a request waits for the keys of an issuer.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Judges requests on whatever is live. Shared by all listeners and threads.
#[derive(Debug)]
pub struct Judge {
    live: Arc<Live>,
    metrics: Metrics,
    log: DecisionLog,
    ids: DecisionIds,
}

/// A way to ask us: how an answer is said there.
pub trait Transport {
    /// An answer in the transport's own words.
    type Said;

    /// Whether all of an answer can be said.
    ///
    /// # Errors
    /// The denial that is given instead. INVARIANT: a denial can always be said.
    fn can_say(
        &self,
        _answer: &Answer<'_>,
        _policy: &Policy,
        _judgement: &Judgement<'_>,
    ) -> Result<(), Denial> {
        Ok(())
    }

    /// Says it.
    fn say(&self, answer: &Answer<'_>) -> Self::Said;
}

/// What became of a request.
#[derive(Debug)]
pub enum Judged<S> {
    /// It is decided, and this is to be said.
    Answer(S),
    /// Its token names a key not seen before: wait for a fetch, once, and ask again.
    NeedsKeys(IssuerId),
}

/// When a request arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// For durations.
    pub at: Instant,
    /// For judging.
    pub now: UnixTime,
    /// The trace of the call that brought it, where traces are made.
    pub parent: Option<TraceParent>,
}

/// When a request arrived, and when it came to be judged: between the two it may have waited.
#[derive(Debug, Clone, Copy)]
struct Times<'a> {
    arrival: &'a Arrival,
    began: Instant,
}

impl Arrival {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        Self { at: Instant::now(), now: wall_clock(), parent: None }
    }

    /// The same of a call that belongs to a trace.
    #[must_use]
    pub fn within(&self, parent: Option<TraceParent>) -> Self {
        Self { parent, ..*self }
    }
}

/// The wall clock. Before 1970 it stands still, and every token is not yet valid.
#[must_use]
pub fn wall_clock() -> UnixTime {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

impl Judge {
    /// Judges by what is live.
    #[must_use]
    pub fn new(live: Arc<Live>, metrics: Metrics, log: DecisionLog) -> Self {
        Self { live, metrics, log, ids: DecisionIds::new() }
    }

    /// The trace that a call belongs to by its own headers, where traces are made. Envoy writes these and no
    /// client can, so they hold before those of the request that is judged.
    #[must_use]
    pub fn parent(&self, headers: &HeaderMap) -> Option<TraceParent> {
        self.log.parent(headers)
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Judges a request, or answers one that could not be read. A defect of ours denies. An answer that the
    /// transport cannot say is not given: the denial is, and it is what is counted and logged.
    pub fn judge<T: Transport>(
        &self,
        transport: &T,
        incoming: Result<&Incoming<'_>, &Denial>,
        arrival: &Arrival,
        attempt: Attempt,
    ) -> Judged<T::Said> {
        self.guarded(transport, arrival, || match incoming {
            Ok(incoming) => self.read(transport, incoming, arrival, attempt),
            Err(denial) => Judged::Answer(self.refuse(transport, &Headers::default(), denial, arrival)),
        })
    }

    /// A panic on the way to what is said denies this one request, is counted, and harms no other.
    pub fn guarded<T: Transport>(
        &self,
        transport: &T,
        arrival: &Arrival,
        judge: impl FnOnce() -> Judged<T::Said>,
    ) -> Judged<T::Said> {
        catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_panic| {
            self.metrics.count_panic();
            let denial = Denial::because(Denied::InternalError, "a defect of portcullis");
            Judged::Answer(self.refuse(transport, &Headers::default(), &denial, arrival))
        })
    }

    /// Waits for the keys that a judgement needs, [`LONGEST_WAIT`] at most.
    pub fn keys(&self, issuer: IssuerId) -> impl Future<Output = ()> + Send + use<> {
        let wanted = self.live.load().as_ref().map(|published| published.want_keys(issuer));
        async move {
            if let Some(wanted) = wanted {
                let _out_of_patience = tokio::time::timeout(LONGEST_WAIT, wanted).await;
            }
        }
    }

    /// Answers a request that is not judged: it was malformed, or there is too much work.
    pub fn refuse<T: Transport>(
        &self,
        transport: &T,
        headers: &Headers<'_>,
        denial: &Denial,
        arrival: &Arrival,
    ) -> T::Said {
        let times = Times { arrival, began: Instant::now() };
        let published = self.live.load();
        let policy = published.as_ref().map(|published| &*published.snapshot.policy);
        let mut id = [0; Hyphenated::LENGTH];
        let id: &str = self.ids.next(arrival.now).encode_lower(&mut id);
        let judgement = engine::refused(denial.clone());
        let answer = response::refuse(policy, headers, denial, id);
        let said = transport.say(&answer);
        self.record(published.as_ref(), None, &judgement, &answer, times);
        said
    }

    fn read<T: Transport>(
        &self,
        transport: &T,
        incoming: &Incoming<'_>,
        arrival: &Arrival,
        attempt: Attempt,
    ) -> Judged<T::Said> {
        let times = Times { arrival, began: Instant::now() };
        let live = self.live.load();
        let Some(published) = live.as_ref() else {
            let denial = Denial::because(Denied::PolicyUnavailable, "no policy is live");
            return Judged::Answer(self.refuse(transport, &incoming.headers, &denial, arrival));
        };
        let snapshot = &published.snapshot;
        let read = engine::read(snapshot, incoming);
        let judgement = match &read {
            Ok(request) => match engine::authorize(snapshot, request, arrival.now, attempt) {
                Ok(judgement) => judgement,
                Err(needs) => return Judged::NeedsKeys(needs.0),
            },
            Err(denial) => engine::refused(denial.clone()),
        };
        let mut id = [0; Hyphenated::LENGTH];
        let id: &str = self.ids.next(arrival.now).encode_lower(&mut id);
        let answer = response::answer(&snapshot.policy, incoming, &judgement, id);
        let said = match transport.can_say(&answer, &snapshot.policy, &judgement) {
            Ok(()) => {
                let said = transport.say(&answer);
                self.record(Some(published), Some(incoming), &judgement, &answer, times);
                said
            }
            Err(denial) => {
                let answer = response::refuse(Some(&snapshot.policy), &incoming.headers, &denial, id);
                let said = transport.say(&answer);
                let judgement = engine::refused(denial);
                self.record(Some(published), Some(incoming), &judgement, &answer, times);
                said
            }
        };
        Judged::Answer(said)
    }

    fn record(
        &self,
        published: Option<&Arc<Published>>,
        incoming: Option<&Incoming<'_>>,
        judgement: &Judgement<'_>,
        answer: &Answer<'_>,
        times: Times<'_>,
    ) {
        let deciding = times.began.elapsed();
        match published {
            Some(published) => published.series.record(judgement, answer, deciding),
            None => self.metrics.record_without_policy(judgement, deciding),
        }
        if let Some(wanted) = self.log.wants(&judgement.decision) {
            let policy = published.map(|published| &*published.snapshot.policy);
            let entry = Entry {
                policy,
                incoming,
                judgement,
                answer,
                duration: times.arrival.at.elapsed(),
                now: times.arrival.now,
                parent: times.arrival.parent.as_ref(),
            };
            self.log.record(&wanted, &entry);
        }
    }
}

#[cfg(test)]
mod tests;
