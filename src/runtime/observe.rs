//! What is told of policy and keys while they change: logs, and figures.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::policy::Policy;
use crate::policy::diagnostic::Severity;
use crate::token::keys::KeySet;

use super::keys::{Bad, shown};
use super::status::{Problem, ReloadFailure};

/// Most problems that are logged of one reload.
const MOST_PROBLEMS: usize = 50;

pub(super) fn published(policy: &Policy) {
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

pub(super) fn not_published(failure: &ReloadFailure, live: Option<&Policy>) {
    let live = live.map_or("", |policy| &*policy.revision);
    match failure {
        ReloadFailure::Invalid(problems) => {
            error!(problems = problems.len(), live, "policy refused, the last good one stays");
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
            errors.take(MOST_PROBLEMS).for_each(problem);
        }
        ReloadFailure::Files(files) => {
            error!(problems = files.0.len(), live, "policy files cannot be read, the last good policy stays");
            for file in files.0.iter().take(MOST_PROBLEMS) {
                error!(path = %file.path, problem = %file.problem, hint = file.hint, "policy file cannot be read");
            }
        }
        ReloadFailure::Changing | ReloadFailure::Internal => {
            error!(problem = %failure, live, "policy not loaded, the last good one stays");
        }
    }
}

fn problem(problem: &Problem) {
    let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
    error!(code = problem.code, place, problem = problem.message, hint = problem.hint, "policy is invalid");
}

/// New keys, or the same once more.
pub(super) fn keys(issuer: &str, location: &str, set: &KeySet, are_new: bool, took: Option<Duration>) {
    let took_ms = took.map(|took| took.as_millis());
    if !are_new {
        debug!(issuer, location, keys = set.len(), took_ms, "keys are unchanged");
        return;
    }
    info!(issuer, location, keys = set.len(), rejected = set.rejected().len(), took_ms, "keys published");
    for key in set.rejected() {
        warn!(issuer, location, key = shown(key.key.as_bytes()), cause = %key.fault, "key left out");
    }
}

/// No keys; those before stay.
pub(super) fn no_keys(issuer: &str, location: &str, bad: &Bad, failures: u32, retry: Option<Duration>) {
    let retry_ms = retry.map(|retry| retry.as_millis());
    warn!(issuer, location, problem = bad.problem, failures, retry_ms, "keys not renewed");
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

pub(super) fn clock_was_set(by_ms: i64) {
    warn!(by_ms, "the wall clock was set");
}

pub(super) fn panicked() {}

pub(super) fn not_watched(path: &str, problem: &str) {
    warn!(path, problem, "file events cannot be had; files are looked at every `reload.interval`");
}
