//! One issuer in the live snapshot: its keys, its task, and what is told of it.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::runtime::journal::{Journal, Origin};
use crate::runtime::keys::{Context, Issuer, Report, Stored, Wanted, shown};
use crate::runtime::policies::AtHand;
use crate::runtime::status::{IssuerStatus, KeyStatus, RejectedStatus, SourceStatus};
use crate::time::UnixTime;
use crate::token::settings::{IssuerSettings, KeySource};
use crate::token::trust::SourceKeys;

/// An issuer with its keys.
#[derive(Debug)]
pub(super) struct Slot {
    pub issuer: Arc<Issuer>,
    sources: Vec<Source>,
    /// Keeps the keys; dropped, the task ends.
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Source {
    keys: SourceKeys,
    digest: Option<[u8; 32]>,
    status: SourceStatus,
}

impl Slot {
    /// A new issuer. Its fetched sources begin with what others have from the same place, else with what an
    /// earlier process left.
    pub fn new(
        slot: u64,
        settings: &Arc<IssuerSettings>,
        at_hand: Vec<AtHand>,
        others: &[&Self],
        context: &Arc<Context>,
    ) -> Self {
        let now = context.options.clock.now();
        let same = |source: &KeySource| {
            others.iter().find_map(|other| {
                let position = other.issuer.settings.sources.iter().position(|known| known == source)?;
                other.sources.get(position)
            })
        };
        let begin = |(source, at_hand): (&KeySource, AtHand)| match at_hand {
            AtHand::Read(reading) => {
                let mut begun = Source::new(source, None);
                begun.take(&settings.name, Report::of_reading(reading), now, &context.journal);
                begun
            }
            AtHand::Stored(stored) => match same(source) {
                Some(known) => {
                    Source { keys: known.keys.clone(), digest: known.digest, status: known.status.clone() }
                }
                None => Source::new(source, stored),
            },
        };
        let sources = settings.sources.iter().zip(at_hand).map(begin).collect();
        let issuer = Arc::new(Issuer {
            slot,
            settings: Arc::clone(settings),
            wanted: Wanted::new(),
            context: Arc::clone(context),
            #[cfg(test)]
            panics: std::sync::atomic::AtomicU32::new(0),
        });
        let task = issuer.start();
        let slot = Self { issuer, sources, _task: task };
        slot.count();
        slot
    }

    /// What was read together with a new policy goes live with it. Of trouble the task tells.
    pub fn read_again(&mut self, at_hand: Vec<AtHand>, now: UnixTime) {
        for (source, at_hand) in at_hand.into_iter().enumerate() {
            match at_hand {
                AtHand::Read(reading @ Ok(_)) => {
                    self.take(source, Report::of_reading(reading), now);
                }
                AtHand::Read(Err(_)) | AtHand::Stored(_) => {}
            }
        }
    }

    /// Takes what a source brought; says whether that changes the snapshot.
    pub fn take(&mut self, source: usize, report: Report, now: UnixTime) -> bool {
        let (issuer, journal) = (&self.issuer.settings.name, &self.issuer.context.journal);
        let Some(source) = self.sources.get_mut(source) else { return false };
        let is_changed = source.take(issuer, report, now, journal);
        if is_changed {
            self.count();
        }
        is_changed
    }

    /// How many keys there are, and how old the oldest are.
    fn count(&self) {
        let metrics = self.issuer.context.journal.metrics();
        let sets = self.sources.iter().filter_map(|source| source.keys.set.as_ref());
        metrics.keys(&self.issuer.settings.name, sets.map(|set| set.len()).sum());
        if let Some(oldest) = self.sources.iter().filter_map(|source| source.status.last_good).min() {
            metrics.keys_last_success(&self.issuer.settings.name, oldest);
        }
    }

    pub fn keys(&self) -> Vec<SourceKeys> {
        self.sources.iter().map(|source| source.keys.clone()).collect()
    }

    /// Whether every source has had keys once: nothing takes them away again.
    pub fn had_keys(&self) -> bool {
        self.sources.iter().all(|source| source.keys.set.is_some())
    }

    pub fn status(&self) -> IssuerStatus {
        IssuerStatus {
            name: self.issuer.settings.name.clone(),
            required: self.issuer.settings.required,
            had_keys: self.had_keys(),
            sources: self.sources.iter().map(|source| source.status.clone()).collect(),
        }
    }
}

impl Source {
    fn new(source: &KeySource, stored: Option<Stored>) -> Self {
        let (kind, location, remote) = described(source);
        let status = SourceStatus { kind, location, ..SourceStatus::default() };
        let keys = SourceKeys { set: None, fetched_at: None, remote };
        let mut begun = Self { keys, digest: None, status };
        if let Some(Stored { set, fetched_at }) = stored {
            begun.keys = SourceKeys { set: Some(set), fetched_at: Some(fetched_at), remote };
            begun.status.last_good = Some(fetched_at);
            begun.describe();
        }
        begun
    }

    fn take(&mut self, issuer: &str, report: Report, now: UnixTime, journal: &Journal) -> bool {
        self.status.took = report.took.or(self.status.took);
        self.status.next = report.next.map(|next| now.plus(next));
        let location = self.status.location.clone();
        let origin = Origin { issuer, location: &location };
        let good = match report.result {
            Ok(good) => good,
            Err(bad) => {
                self.status.failures = self.status.failures.saturating_add(1);
                journal.no_keys(origin, &bad, self.status.failures, report.took, report.next);
                self.status.last_error = Some(bad.problem.into());
                return false;
            }
        };
        self.status.failures = 0;
        self.status.last_error = None;
        self.status.last_good = Some(good.fetched_at.unwrap_or(now));
        let are_new = self.digest != Some(good.digest);
        let is_changed = are_new || self.keys.fetched_at != good.fetched_at;
        journal.keys(origin, &good.set, are_new, report.took);
        self.keys.fetched_at = good.fetched_at;
        if are_new {
            self.keys.set = Some(good.set);
            self.digest = Some(good.digest);
            self.describe();
        }
        is_changed
    }

    fn describe(&mut self) {
        let Some(set) = &self.keys.set else { return };
        let key = |(id, algorithms): (Option<&str>, Vec<&'static str>)| KeyStatus {
            id: id.map(Into::into),
            algorithms,
        };
        self.status.keys = set.describe().map(key).collect();
        let rejected = set.rejected().iter().map(|key| RejectedStatus {
            key: shown(key.key.as_bytes()).into(),
            cause: key.fault.to_string().into(),
        });
        self.status.rejected = rejected.collect();
    }
}

/// The key of the policy, what stands behind it, and whether it is fetched.
fn described(source: &KeySource) -> (&'static str, Box<str>, bool) {
    match source {
        KeySource::JwksUrl { url, .. } => ("jwks_url", url.clone(), true),
        KeySource::Discovery { url, .. } => ("discovery", url.clone().unwrap_or_default(), true),
        KeySource::JwksFile(path) => ("jwks_file", path.clone(), false),
        KeySource::Jwks(_) => ("jwks", Box::default(), false),
        KeySource::PemFile(path) => ("pem_file", path.clone(), false),
        KeySource::Pem(_) => ("pem", Box::default(), false),
        KeySource::SecretFile { path, .. } => ("secret_file", path.clone(), false),
        KeySource::SecretEnv { variable, .. } => ("secret_env", variable.clone(), false),
    }
}
