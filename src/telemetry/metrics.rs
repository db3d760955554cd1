//! Everything that is counted. One value, no globals: each test has its own.

mod families;
mod family;
mod plan;
mod possible;
mod series;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::decision::Decision;
use crate::policy::{Judgement, Policy};
use crate::time::UnixTime;
use crate::token::cache::CacheStats;
use crate::token::keys::KeyFault;

use families::Families;
pub use series::PolicySeries;

/// All metrics of a process. Clones count into the same.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

/// What came of reading a policy or certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// It is live.
    Taken,
    /// It cannot be used, and what was live stays.
    Refused,
}

impl Reload {
    const ALL: [Self; 2] = [Self::Taken, Self::Refused];

    const fn label(self) -> &'static str {
        match self {
            Self::Taken => "success",
            Self::Refused => "failure",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Families::new()))
    }

    /// The text that Prometheus reads, with the figures of the cache that is in use.
    #[must_use]
    pub fn render(&self, cache: Option<CacheStats>) -> String {
        self.0.render(cache.unwrap_or_default())
    }

    /// The series of a policy, at zero or where they were. Those of the policy before that this one cannot
    /// have are gone from then on; call it once for each policy that is published.
    #[must_use]
    pub fn series(&self, policy: &Policy) -> PolicySeries {
        PolicySeries::new(&self.0, policy)
    }

    /// Counts a decision that no policy took part in.
    pub fn record_without_policy(&self, judgement: &Judgement<'_>, duration: Duration) {
        if let Decision::Deny(denial) = &judgement.decision {
            self.0.without_policy(denial.reason).add(1);
        }
        self.0.observe(judgement.decision.outcome(), duration);
    }

    /// A request was answered, this long after it was received.
    pub fn request_answered(&self, duration: Duration) {
        self.0.request_duration.observe(duration.as_secs_f64());
    }

    /// How many requests are being worked on.
    pub fn set_in_flight(&self, requests: usize) {
        self.0.in_flight.set(whole(requests));
    }

    /// A defect of ours was caught.
    pub fn count_panic(&self) {
        self.0.panics.inc();
    }

    /// Keys of an issuer were fetched, or were not: `ok`, or what went wrong.
    pub fn key_fetch(&self, issuer: &str, result: &'static str, took: Duration) {
        self.0.key_fetches.count([issuer, result]).add(1);
        self.0.key_fetch_duration.with_label_values(&[issuer]).observe(took.as_secs_f64());
    }

    /// How many keys of an issuer are in use.
    pub fn keys(&self, issuer: &str, count: usize) {
        self.0.keys.with_label_values(&[issuer]).set(whole(count));
    }

    /// When keys of an issuer were had last.
    pub fn keys_last_success(&self, issuer: &str, at: UnixTime) {
        self.0.keys_last_success.with_label_values(&[issuer]).set(seconds(at));
    }

    /// A key of an issuer was left out.
    pub fn keys_rejected(&self, issuer: &str, cause: KeyFault) {
        self.0.keys_rejected.count([issuer, cause.label()]).add(1);
    }

    /// A policy was read, now.
    pub fn policy_reload(&self, reload: Reload, now: UnixTime) {
        self.0.policy_reloads.with_label_values(&[reload.label()]).inc();
        self.0.policy_last_reload_successful.set(i64::from(reload == Reload::Taken));
        if reload == Reload::Taken {
            self.0.policy_last_reload_success.set(seconds(now));
        }
    }

    /// The wall clock jumped.
    pub fn clock_jump(&self) {
        self.0.clock_jumps.inc();
    }

    /// Certificates were read.
    pub fn tls_reload(&self, reload: Reload) {
        self.0.tls_reloads.with_label_values(&[reload.label()]).inc();
    }

    /// A line of a log was dropped: its reader is too slow, or it cannot be written.
    pub fn log_dropped(&self) {
        self.0.log_dropped.inc();
    }

    /// Spans were dropped: too many wait, or the collector does not take them.
    pub fn spans_dropped(&self, count: usize) {
        self.0.spans_dropped.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Seconds since the epoch, with three places.
fn seconds(at: UnixTime) -> f64 {
    Duration::from_millis(u64::try_from(at.millis()).unwrap_or_default()).as_secs_f64()
}

#[cfg(test)]
mod tests;
