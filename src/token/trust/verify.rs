//! Whether a key of one issuer made a signature.

use crate::decision::Denied;
use crate::time::UnixTime;
use crate::token::cache::Verified;
use crate::token::keys::Key;
use crate::token::settings::{Algorithm, IssuerSettings};
use crate::token::unverified::Unverified;
use crate::token::{Attempt, IssuerId};

use super::{Refused, Trust, rejected};

/// Most keys tried for one token and issuer.
const MOST_TRIES: usize = 4;

/// Longest part of a key id that a detail repeats.
const MOST_SHOWN: usize = 64;

/// Gives the fingerprint of the key that verifies.
pub(super) fn signature(
    trust: &Trust,
    id: IssuerId,
    token: &Unverified<'_>,
    now: UnixTime,
    attempt: Attempt,
) -> Result<[u8; 32], Refused> {
    let algorithm = token.algorithm;
    let refuse = |reason, detail: &str| Err(rejected(reason, detail, Some(id)));
    let Some(settings) = trust.issuers.get(usize::from(id.0)) else {
        return refuse(Denied::UnknownIssuer, "the issuer is not there");
    };
    if !is_listed(settings, algorithm) {
        return refuse(
            Denied::DisallowedAlgorithm,
            &format!("the issuer does not allow {}", algorithm.name()),
        );
    }
    if trust.usable(id, now).all(|set| set.keys().is_empty()) {
        return refuse(Denied::KeysUnavailable, "the issuer's keys are not there, or too old");
    }
    let mut was_tried = false;
    for key in fitting(trust, id, algorithm, token.key_id.as_deref(), now) {
        if key.verifies(algorithm, token.signed, token.signature) {
            return Ok(*key.fingerprint());
        }
        was_tried = true;
    }
    match token.key_id.as_deref() {
        Some(name) => named(trust, id, settings, name, algorithm, was_tried, now, attempt),
        None if trust.usable(id, now).count() < trust.keys(id).len() => {
            refuse(Denied::KeysUnavailable, "some of the issuer's keys are not there")
        }
        None if was_tried => refuse(Denied::BadSignature, "no key of the issuer signed it"),
        None => {
            refuse(Denied::DisallowedAlgorithm, &format!("no key of the issuer is for {}", algorithm.name()))
        }
    }
}

/// Whether the key that verified a token before would be tried again.
pub(super) fn would_try(trust: &Trust, id: IssuerId, known: &Verified, now: UnixTime) -> bool {
    let mut keys = fitting(trust, id, known.algorithm, known.identity.key_id.as_deref(), now);
    keys.any(|key| *key.fingerprint() == known.key)
}

/// HMAC never without being listed: whoever can check such a signature can make one.
fn is_listed(settings: &IssuerSettings, algorithm: Algorithm) -> bool {
    match &settings.algorithms {
        Some(list) => list.contains(&algorithm),
        None => !algorithm.is_symmetric(),
    }
}

/// The keys to try, those with the very id first: a key in PEM, which fits any id, must not crowd them out.
fn fitting<'t>(
    trust: &'t Trust,
    id: IssuerId,
    algorithm: Algorithm,
    named: Option<&'t str>,
    now: UnixTime,
) -> impl Iterator<Item = &'t Key> {
    let keys = move || {
        trust
            .usable(id, now)
            .flat_map(super::super::keys::KeySet::keys)
            .filter(move |key| key.is_for(algorithm))
    };
    let by_name = keys().filter(move |key| named.is_some_and(|name| key.id() == Some(name)));
    let by_any = keys().filter(move |key| named.is_none() || key.fits_any_id());
    by_name.chain(by_any).take(MOST_TRIES)
}

/// Why a token that names a key was not signed by one of the issuer's.
#[expect(clippy::too_many_arguments, reason = "all that is known of one failure")]
fn named(
    trust: &Trust,
    id: IssuerId,
    settings: &IssuerSettings,
    name: &str,
    algorithm: Algorithm,
    was_tried: bool,
    now: UnixTime,
    attempt: Attempt,
) -> Result<[u8; 32], Refused> {
    let refuse = |reason, detail: String| Err(rejected(reason, &detail, Some(id)));
    let shown = shown(name);
    if trust.usable(id, now).flat_map(super::super::keys::KeySet::keys).any(|key| key.id() == Some(name)) {
        // The key is known: it did not make this, or is not for this algorithm.
        return if was_tried {
            refuse(Denied::BadSignature, format!("key {shown} did not sign it"))
        } else {
            refuse(Denied::DisallowedAlgorithm, format!("key {shown} is not for {}", algorithm.name()))
        };
    }
    let left_out = trust
        .usable(id, now)
        .flat_map(super::super::keys::KeySet::rejected)
        .find(|key| key.id() == Some(name));
    if let Some(key) = left_out.filter(|_| !was_tried) {
        return refuse(Denied::UnknownKey, format!("key {shown} {}", key.fault));
    }
    let mut remotes = trust.keys(id).iter().filter(|source| source.remote).peekable();
    if remotes.peek().is_none() {
        return if was_tried {
            refuse(Denied::BadSignature, "no key of the issuer signed it".to_owned())
        } else if trust.usable(id, now).flat_map(super::super::keys::KeySet::keys).any(Key::fits_any_id) {
            refuse(Denied::DisallowedAlgorithm, format!("no key of the issuer is for {}", algorithm.name()))
        } else {
            refuse(Denied::UnknownKey, format!("there is no key {shown}"))
        };
    }
    // It is known not to exist only if every source was asked just now.
    let cooldown = settings.refresh.cooldown;
    let all_asked = remotes.all(|source| {
        source
            .fetched_at
            .is_some_and(|fetched| now <= fetched.plus(cooldown) && fetched <= now.plus(cooldown))
    });
    match attempt {
        _ if all_asked => refuse(Denied::UnknownKey, format!("there is no key {shown}")),
        Attempt::First => Err(Refused::NeedsKeys(id)),
        Attempt::Final => {
            refuse(Denied::KeysUnavailable, format!("whether there is a key {shown} could not be found out"))
        }
    }
}

/// The beginning of a key id, quoted and escaped: whoever sends a token chooses it.
fn shown(name: &str) -> String {
    let start: String = name.chars().take(MOST_SHOWN).collect();
    let more = if start.len() < name.len() { "…" } else { "" };
    format!("{start:?}{more}")
}
