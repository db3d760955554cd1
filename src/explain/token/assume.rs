//! Signatures that nobody here can check are taken for good, and that is said. For people at a command line;
//! a server never does it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::cases::sign_text;
use crate::engine::Snapshot;
use crate::time::UnixTime;
use crate::token::IssuerId;
use crate::token::keys::KeySet;
use crate::token::trust::{SourceKeys, Trust};

use super::decoded::Decoded;
use super::{TokenNote, is_of};

/// The token signed with the secret of this question, if none of the issuers it may be of has keys here.
pub(in crate::explain) fn carries_what_nobody_here_can_check(
    snapshot: &Snapshot,
    token: &str,
    secret: &[u8; 32],
) -> Option<String> {
    let decoded = Decoded::of(token);
    let issuers = snapshot.policy.issuers.iter().enumerate();
    let mut candidates = issuers.filter(|(_, settings)| is_of(settings, &decoded)).peekable();
    candidates.peek()?;
    let has_keys = |index: usize| {
        let id = IssuerId(u16::try_from(index).unwrap_or(u16::MAX));
        snapshot.trust.keys(id).iter().any(|source| source.set.is_some())
    };
    if candidates.any(|(index, _)| has_keys(index)) {
        return None;
    }
    let (signed, _) = token.rsplit_once('.')?;
    Some(sign_text(signed, secret))
}

/// Keys that also verify what was signed with the secret.
pub(in crate::explain) fn with_fixture(snapshot: &Snapshot, secret: [u8; 32], now: UnixTime) -> Trust {
    let made = Arc::new(KeySet::fixture(secret));
    let keys = (0..snapshot.policy.issuers.len()).map(|index| {
        let own = snapshot.trust.keys(IssuerId(u16::try_from(index).unwrap_or(u16::MAX)));
        let mut keys = vec![SourceKeys { set: Some(Arc::clone(&made)), fetched_at: Some(now), remote: true }];
        keys.extend(own.iter().filter(|source| source.set.is_some()).cloned());
        keys
    });
    snapshot.trust.with_keys(keys.collect())
}

/// Says that the key and the signature were not checked.
pub(in crate::explain) fn assume(note: &mut TokenNote) {
    note.signature_assumed = note.place.is_some();
    for check in &mut note.checks {
        if matches!(check.check.as_ref(), "key" | "signature") && check.verdict == "yes" {
            check.verdict = Cow::Borrowed("not checked");
            "its issuer's keys are not here".clone_into(&mut check.asks);
        }
    }
}
