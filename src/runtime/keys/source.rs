//! One source of an issuer: when it is asked next, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tokio::time::Instant;

use crate::runtime::Pace;
use crate::time::UnixTime;
use crate::token::keys::KeySet;
use crate::token::settings::{KeySource, Refresh};

use super::failure::Failure;
use super::fetch::{Fetched, Remote};
use super::local::{LocalError, Reading, sha256};
use super::schedule;

/// Clocks are read one after the other: what is a moment too early by one is due by the other.
const SLACK: Duration = Duration::from_millis(5);

/// What came of one attempt.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Report {
    pub result: Result<Good, Bad>,
    /// How long it took; `None` for a source that is read.
    pub took: Option<Duration>,
    /// How long until the next; `None` for a source that is read.
    pub next: Option<Duration>,
}

/// Keys.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Good {
    pub set: Arc<KeySet>,
    /// SHA-256 of what they were made from.
    pub digest: [u8; 32],
    /// When the fetch began; `None` for a source that is read.
    pub fetched_at: Option<UnixTime>,
}

/// No keys. Those before stay.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Bad {
    pub problem: String,
    /// The word for metrics.
    pub label: &'static str,
}

/// A source as its issuer's task sees it.
#[derive(Debug)]
pub(super) struct Source {
    pub written: KeySource,
    pub is_busy: bool,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// It stands in the policy or in the environment: it was read when the policy was.
    Fixed,
    File(Watched),
    Remote(Fetching),
}

/// A file with keys.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Whether it changed while it was being read.
    pub again: bool,
    last: Option<Result<[u8; 32], LocalError>>,
}

/// A source that is fetched.
#[derive(Debug)]
pub(super) struct Fetching {
    pub remote: Remote,
    pub due: Instant,
    started: Option<(Instant, UnixTime)>,
    failures: u32,
    /// Where metadata said that the keys are.
    jwks_uri: Option<Uri>,
    /// Whether a request waits for it.
    is_hurried: bool,
}

impl Source {
    pub fn new(source: &KeySource, now: Instant) -> Self {
        let kind = match (Remote::of(source), source) {
            (Some(remote), _) => Kind::Remote(Fetching::new(remote, now)),
            (None, KeySource::JwksFile(_) | KeySource::PemFile(_) | KeySource::SecretFile { .. }) => {
                Kind::File(Watched::default())
            }
            (None, _) => Kind::Fixed,
        };
        Self { written: source.clone(), is_busy: false, kind }
    }

    pub fn remote(&mut self) -> Option<&mut Fetching> {
        match &mut self.kind {
            Kind::Remote(fetching) => Some(fetching),
            Kind::Fixed | Kind::File(_) => None,
        }
    }
}

impl Watched {
    /// What to report of a look at the file: nothing where nothing changed.
    pub fn looked(&mut self, looked: Result<Reading, LocalError>) -> Option<Report> {
        let brief = looked.as_ref().map(|reading| reading.digest).map_err(Clone::clone);
        if self.last.as_ref() == Some(&brief) {
            return None;
        }
        self.last = Some(brief);
        Some(Report::of_reading(looked))
    }
}

impl Report {
    /// Of a source that was read.
    pub fn of_reading(looked: Result<Reading, LocalError>) -> Self {
        let result = match looked {
            Ok(Reading { set, digest }) => Ok(Good { set, digest, fetched_at: None }),
            Err(error) => Err(Bad { problem: error.to_string(), label: "unreadable" }),
        };
        Self { result, took: None, next: None }
    }
}

impl Fetching {
    fn new(remote: Remote, now: Instant) -> Self {
        Self { remote, due: now, started: None, failures: 0, jwks_uri: None, is_hurried: false }
    }

    /// A request has a key id that nobody knows. While fetches fail, the back-off rules; after a good one, the
    /// cooldown.
    pub fn hurry(&mut self, refresh: &Refresh, now: Instant) {
        let is_due = self.started.is_none_or(|(started, _)| started + refresh.cooldown <= now + SLACK);
        if is_due && self.failures == 0 {
            self.due = now;
            self.is_hurried = true;
        }
    }

    /// The wall clock was set: what is known of ages is wrong. A source that fails is asked soon anyway.
    pub fn clock_was_set(&mut self, now: Instant) {
        if self.failures == 0 {
            self.due = self.due.min(now + Duration::from_secs(1).mul_f64(schedule::luck()));
        }
    }

    /// A fetch begins; gives the place of the keys if metadata need not be asked again.
    pub fn begin(&mut self, now: Instant, wall: UnixTime) -> Option<Uri> {
        self.started = Some((now, wall));
        let is_hurried = std::mem::take(&mut self.is_hurried);
        self.jwks_uri.clone().filter(|_| is_hurried)
    }

    /// A fetch is over.
    pub fn end(&mut self, fetched: Result<Fetched, Failure>, interval: Duration, pace: &Pace) -> Report {
        let now = Instant::now();
        let (started, wall) = self.started.map_or((now, None), |(started, wall)| (started, Some(wall)));
        let luck = schedule::luck();
        let (result, next) = match fetched {
            Ok(fetched) => {
                self.failures = 0;
                self.jwks_uri = fetched.jwks_uri;
                let good = Good { set: fetched.set, digest: sha256(&fetched.body), fetched_at: wall };
                (Ok(good), schedule::after_success(interval, fetched.fresh, pace, luck))
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                self.jwks_uri = None;
                let bad = Bad { problem: failure.cause.to_string(), label: failure.cause.label() };
                (Err(bad), schedule::after_failure(self.failures, failure.retry_after, pace, luck))
            }
        };
        self.due = now + next;
        Report { result, took: Some(now.saturating_duration_since(started)), next: Some(next) }
    }
}
