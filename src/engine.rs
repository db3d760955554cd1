//! One request in, one judgement out: the target is read at the door, then the policy is asked.

use std::sync::Arc;

use crate::decision::{Decision, Denial};
use crate::policy::observe::{Observer, Silent};
use crate::policy::{Judgement, Policy};
use crate::request::{Incoming, Request};
use crate::time::UnixTime;
use crate::token::trust::Trust;
use crate::token::{Attempt, NeedsKeys};

/// Policy and keys of one moment. A request is judged on one snapshot from beginning to end.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The policy.
    pub policy: Arc<Policy>,
    /// Its issuers with their keys, and the cache of verified tokens.
    pub trust: Trust,
}

/// Reads what arrived under the policy's rules; a denial says why it cannot be read one way only.
///
/// # Errors
/// `bad_request`, `bad_path` or `too_large`.
pub fn read<'a>(snapshot: &Snapshot, incoming: &'a Incoming<'a>) -> Result<Request<'a>, Denial> {
    Request::read(incoming, &snapshot.policy.reading)
}

/// Judges a request that was read.
///
/// # Errors
/// [`NeedsKeys`] on a first attempt whose token names a key not seen before.
pub fn authorize<'a>(
    snapshot: &'a Snapshot,
    request: &'a Request<'a>,
    now: UnixTime,
    attempt: Attempt,
) -> Result<Judgement<'a>, NeedsKeys> {
    authorize_observed(snapshot, request, now, attempt, &mut Silent)
}

/// The same, watched: `explain` takes notes of the very walk that decides.
///
/// # Errors
/// As [`authorize`].
pub fn authorize_observed<'a, O: Observer>(
    snapshot: &'a Snapshot,
    request: &'a Request<'a>,
    now: UnixTime,
    attempt: Attempt,
    observer: &mut O,
) -> Result<Judgement<'a>, NeedsKeys> {
    snapshot.policy.decide(&snapshot.trust, request, now, attempt, observer)
}

/// The judgement of a request that could not be read.
#[must_use]
pub fn refused(denial: Denial) -> Judgement<'static> {
    Judgement::of(Decision::Deny(denial), None)
}
