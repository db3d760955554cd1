//! The one writer: every change of policy or keys is an event, and makes the next whole snapshot.

mod slot;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use crate::engine::Snapshot;
use crate::policy::Policy;
use crate::telemetry::PolicySeries;
use crate::time::UnixTime;
use crate::token::IssuerId;
use crate::token::cache::TokenCache;
use crate::token::trust::Trust;

use super::journal;
use super::keys::{Context, Report, Wanted};
use super::live::{Live, Published};
use super::policies::Ready;
use super::reload::Reply;
use super::status::{PolicyStatus, Problem, Readiness, ReloadFailure, ReloadStatus, Status};
use slot::Slot;

/// Most events that make one snapshot.
const MOST_AT_ONCE: usize = 64;

/// What changes the snapshot, or waits for it.
#[derive(Debug)]
pub(super) enum Event {
    /// A policy was loaded, or could not be.
    Policy(Box<Loaded>),
    /// A source of keys was asked.
    Source { slot: u64, source: usize, report: Report },
    /// A fetch that requests wait for is over: they go on once what it brought is published.
    Answer(Wanted, u64),
}

/// What came of loading.
#[derive(Debug)]
pub(super) struct Loaded {
    pub result: Result<Ready, ReloadFailure>,
    /// Who waits for it.
    pub replies: Vec<Reply>,
}

/// Owns everything that is published.
#[derive(Debug)]
pub(super) struct Writer {
    published: Handles,
    context: Arc<Context>,
    cache: Arc<TokenCache>,
    live: Option<Current>,
    last_reload: Option<ReloadStatus>,
    /// Two issuers of tokens without `iss` that hold one key.
    shared: Option<(Box<str>, Box<str>)>,
    slots: Vec<Slot>,
    next_slot: u64,
    generation: u64,
}

/// The live policy, since when, and its counters.
#[derive(Debug)]
struct Current {
    policy: Arc<Policy>,
    since: UnixTime,
    series: Arc<PolicySeries>,
}

/// Where things are published.
#[derive(Debug, Clone)]
pub(super) struct Handles {
    pub live: Arc<Live>,
    pub status: Arc<ArcSwap<Status>>,
    pub readiness: watch::Sender<Readiness>,
}

/// What a batch of events asks for.
#[derive(Default)]
struct Batch {
    is_changed: bool,
    replies: Vec<(Reply, Result<(), ReloadFailure>)>,
    answers: Vec<(Wanted, u64)>,
}

impl Writer {
    pub fn new(published: Handles, context: Arc<Context>, cache: Arc<TokenCache>) -> Self {
        Self {
            published,
            context,
            cache,
            live: None,
            last_reload: None,
            shared: None,
            slots: Vec::new(),
            next_slot: 0,
            generation: 0,
        }
    }

    /// Publishes the first policy.
    pub fn first(&mut self, ready: Ready) {
        let mut batch = Batch::default();
        self.take(ready);
        batch.is_changed = true;
        self.finish(batch);
    }

    /// Takes events until nobody sends any.
    pub async fn keep(mut self, mut events: mpsc::Receiver<Event>) {
        let mut buffer = Vec::with_capacity(MOST_AT_ONCE);
        while events.recv_many(&mut buffer, MOST_AT_ONCE).await > 0 {
            // Without its writer the process would go on with what is live for ever, unnoticed.
            let went_well = catch_unwind(AssertUnwindSafe(|| {
                let mut batch = Batch::default();
                for event in buffer.drain(..) {
                    self.apply(event, &mut batch);
                }
                self.finish(batch);
            }));
            if went_well.is_err() {
                self.context.journal.panicked("writer");
            }
            buffer.clear();
        }
    }

    fn apply(&mut self, event: Event, batch: &mut Batch) {
        match event {
            Event::Policy(loaded) => {
                let Loaded { result, replies } = *loaded;
                let now = self.context.options.clock.now();
                let outcome = match result {
                    Ok(ready) => {
                        self.take(ready);
                        batch.is_changed = true;
                        Ok(())
                    }
                    Err(failure) => {
                        let live = self.live.as_ref().map(|live| &*live.policy);
                        self.context.journal.not_published(&failure, live, now);
                        Err(failure)
                    }
                };
                let failure = outcome.as_ref().err().cloned();
                self.last_reload = Some(ReloadStatus { at: now, failure });
                batch.replies.extend(replies.into_iter().map(|reply| (reply, outcome.clone())));
            }
            Event::Source { slot, source, report } => {
                let now = self.context.options.clock.now();
                // An issuer that is gone has nothing to say.
                let slot = self.slots.iter_mut().find(|known| known.issuer.slot == slot);
                batch.is_changed |= slot.is_some_and(|slot| slot.take(source, report, now));
            }
            Event::Answer(wanted, count) => batch.answers.push((wanted, count)),
        }
    }

    /// Makes a policy the live one. Issuers whose settings did not change stay as they are, with keys, task and
    /// remembered tokens.
    fn take(&mut self, ready: Ready) {
        let now = self.context.options.clock.now();
        let mut before = std::mem::take(&mut self.slots);
        let mut at_hand = ready.at_hand.into_iter();
        for settings in &ready.policy.issuers {
            let at_hand = at_hand.next().unwrap_or_default();
            let same = before.iter().position(|slot| *slot.issuer.settings == **settings);
            let slot = if let Some(position) = same {
                let mut slot = before.swap_remove(position);
                slot.read_again(at_hand, now);
                slot
            } else {
                self.next_slot += 1;
                let others: Vec<&Slot> = before.iter().chain(&self.slots).collect();
                Slot::new(self.next_slot, settings, at_hand, &others, &self.context)
            };
            self.slots.push(slot);
        }
        self.context.journal.published(&ready.policy, now);
        let series = Arc::new(self.context.journal.metrics().series(&ready.policy));
        self.live = Some(Current { policy: ready.policy, since: now, series });
    }

    /// Publishes, then tells those who waited for it.
    fn finish(&mut self, batch: Batch) {
        if batch.is_changed {
            self.publish();
        }
        self.tell();
        for (reply, outcome) in batch.replies {
            let _ = reply.send(outcome);
        }
        for (wanted, count) in batch.answers {
            wanted.answer(count);
        }
    }

    fn publish(&mut self) {
        let Some(Current { policy, series, .. }) = &self.live else { return };
        let issuers = self.slots.iter().map(|slot| Arc::clone(&slot.issuer.settings)).collect();
        let keys = self.slots.iter().map(Slot::keys).collect();
        let trust = Trust::new(issuers, keys, Arc::clone(&self.cache))
            .with_token_bytes(self.context.options.token_bytes);
        let name = |issuer: IssuerId| Box::from(trust.name(issuer));
        let shared = trust.nameless_with_one_key().map(|(one, other)| (name(one), name(other)));
        if let Some((one, other)) = shared.as_ref().filter(|_| shared != self.shared) {
            journal::nameless_with_one_key(one, other);
        }
        self.shared = shared;
        self.generation += 1;
        self.published.live.publish(Published {
            snapshot: Snapshot { policy: Arc::clone(policy), trust },
            series: Arc::clone(series),
            generation: self.generation,
            wanted: self.slots.iter().map(|slot| slot.issuer.wanted.clone()).collect(),
        });
    }

    /// Status and readiness.
    fn tell(&self) {
        let policy = self.live.as_ref().map(|Current { policy, since, .. }| PolicyStatus {
            revision: policy.revision.clone(),
            files: policy.files.clone(),
            routes: policy.routes.len(),
            forbids: policy.forbids.len(),
            warnings: Problem::named(&policy.warnings, &policy.files),
            since: *since,
        });
        let issuers = self.slots.iter().map(Slot::status).collect();
        self.published.status.store(Arc::new(Status {
            policy,
            last_reload: self.last_reload.clone(),
            issuers,
        }));
        let waited_for = self.slots.iter().filter(|slot| slot.issuer.settings.required && !slot.had_keys());
        let mut awaited: Vec<String> =
            waited_for.map(|slot| format!("keys of issuer `{}`", slot.issuer.settings.name)).collect();
        if self.live.is_none() {
            awaited.push("a policy".to_owned());
        }
        self.published.readiness.send_if_modified(|readiness| {
            let was_ready = readiness.ready;
            let is_changed = readiness.now_awaits(awaited);
            if readiness.ready && !was_ready {
                journal::ready();
            }
            is_changed
        });
    }
}
