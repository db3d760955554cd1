//! What is told of policy and keys while they change: logs, and figures.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::policy::Policy;
use crate::policy::diagnostic::Severity;
use crate::telemetry::{Metrics, Reload};
use crate::time::UnixTime;
use crate::token::keys::KeySet;

use super::keys::{Bad, shown};
use super::status::{Problem, ReloadFailure};

/// Most problems that are logged of one reload.
const MOST_PROBLEMS: usize = 50;

/// Tells people, and counts.
#[derive(Debug, Clone)]
pub(super) struct Journal(Metrics);

/// Whose keys, and where from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub issuer: &'a str,
    pub location: &'a str,
}

impl Journal {
    pub fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0
    }

    pub fn published(&self, policy: &Policy, now: UnixTime) {
        self.0.policy_reload(Reload::Taken, now);
        info!(
            revision = %policy.revision,
            files = policy.files.len(),
            issuers = policy.issuers.len(),
            routes = policy.routes.len(),
            forbids = policy.forbids.len(),
            warnings = policy.warnings.len(),
            "policy published"
        );
    }

    pub fn not_published(&self, failure: &ReloadFailure, live: Option<&Policy>, now: UnixTime) {
        self.0.policy_reload(Reload::Refused, now);
        let live = live.map_or("", |policy| &*policy.revision);
        match failure {
            ReloadFailure::Invalid(problems) => {
                error!(problems = problems.len(), live, "policy refused, the last good one stays");
                let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
                errors.take(MOST_PROBLEMS).for_each(problem);
            }
            ReloadFailure::Files(files) => {
                error!(
                    problems = files.0.len(),
                    live, "policy files cannot be read, the last good policy stays"
                );
                for file in files.0.iter().take(MOST_PROBLEMS) {
                    error!(path = %file.path, problem = %file.problem, hint = file.hint, "policy file cannot be read");
                }
            }
            ReloadFailure::Changing | ReloadFailure::Internal => {
                error!(problem = %failure, live, "policy not loaded, the last good one stays");
            }
        }
    }

    /// New keys of a source, or the same once more. `took`: how long a fetch did.
    pub fn keys(&self, origin: Origin<'_>, set: &KeySet, are_new: bool, took: Option<Duration>) {
        let Origin { issuer, location } = origin;
        if let Some(took) = took {
            self.0.key_fetch(issuer, "ok", took);
        }
        let took_ms = took.map(|took| took.as_millis());
        if !are_new {
            debug!(issuer, location, keys = set.len(), took_ms, "keys are unchanged");
            return;
        }
        info!(issuer, location, keys = set.len(), rejected = set.rejected().len(), took_ms, "keys published");
        for key in set.rejected() {
            self.0.keys_rejected(issuer, key.fault);
            warn!(issuer, location, key = shown(key.key.as_bytes()), cause = %key.fault, "key left out");
        }
    }

    /// No keys of a source; those before stay. `took`: how long a fetch did; `retry`: when the next one is.
    pub fn no_keys(
        &self,
        origin: Origin<'_>,
        bad: &Bad,
        failures: u32,
        took: Option<Duration>,
        retry: Option<Duration>,
    ) {
        let Origin { issuer, location } = origin;
        if let Some(took) = took {
            self.0.key_fetch(issuer, bad.label, took);
        }
        let retry_ms = retry.map(|retry| retry.as_millis());
        warn!(issuer, location, problem = bad.problem, failures, retry_ms, "keys not renewed");
    }

    pub fn clock_was_set(&self, by_ms: i64) {
        self.0.clock_jump();
        warn!(by_ms, "the wall clock was set");
    }

    pub fn panicked(&self, task: &str) {
        self.0.count_panic();
        error!(task, "a task panicked and goes on");
    }
}

fn problem(problem: &Problem) {
    let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
    error!(code = problem.code, place, problem = problem.message, hint = problem.hint, "policy is invalid");
}

/// Two issuers of tokens without `iss` hold one key.
pub(super) fn nameless_with_one_key(one: &str, other: &str) {
    error!(
        issuer = one,
        other, "two issuers without `iss` hold the same key: tokens signed with it are refused"
    );
}

pub(super) fn ready() {
    info!("ready");
}

pub(super) fn not_watched(path: &str, problem: &std::io::Error) {
    warn!(path, %problem, "file events cannot be had; files are looked at every `reload.interval`");
}
