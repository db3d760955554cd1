//! Whether a key of one issuer made a signature.

use crate::decision::Denied;
use crate::time::UnixTime;
use crate::token::header::Parts;
use crate::token::keys::Key;
use crate::token::settings::IssuerSettings;
use crate::token::{Attempt, IssuerId};

use super::{Refused, Trust, rejected};

/// Most keys tried for a token that names none.
const MOST_TRIES: usize = 4;

/// Gives the fingerprint of the key that verifies.
pub(super) fn signature(
    trust: &Trust,
    id: IssuerId,
    parts: &Parts<'_>,
    now: UnixTime,
    attempt: Attempt,
) -> Result<[u8; 32], Refused> {
    let algorithm = parts.header.algorithm;
    let refuse = |reason, detail: &str| Err(rejected(reason, detail, Some(id)));
    let Some(settings) = trust.issuers.get(usize::from(id.0)) else {
        return refuse(Denied::UnknownIssuer, "the issuer is not there");
    };
    let is_listed = match &settings.algorithms {
        Some(list) => list.contains(&algorithm),
        None => !algorithm.is_symmetric(),
    };
    if !is_listed {
        return refuse(Denied::DisallowedAlgorithm, &format!("the issuer does not allow {}", algorithm.name()));
    }
    let keys: Vec<&Key> = trust.usable(id, now).flat_map(|set| set.keys()).collect();
    let some_are_missing = trust.usable(id, now).count() < trust.keys(id).len();
    if keys.is_empty() {
        return refuse(Denied::KeysUnavailable, "the issuer's keys are not there, or too old");
    }
    let named = parts.header.key_id.as_deref();
    let has_id = |key: &&&Key| named.is_none_or(|name| key.id() == Some(name));
    let fits = |key: &&&Key| has_id(key) || key.fits_any_id();
    let tries: Vec<&&Key> = keys.iter().filter(fits).filter(|key| key.is_for(algorithm)).take(MOST_TRIES).collect();
    if let Some(key) = tries.iter().find(|key| key.verifies(algorithm, parts.signed, &parts.signature)) {
        return Ok(*key.fingerprint());
    }
    match named {
        // The key named is known: it did not make this, or is not for this algorithm.
        Some(name) if keys.iter().any(|key| key.id() == Some(name)) => {
            if tries.is_empty() {
                return refuse(Denied::DisallowedAlgorithm, &format!("key {name:?} is not for {}", algorithm.name()));
            }
            refuse(Denied::BadSignature, &format!("key {name:?} did not sign it"))
        }
        Some(name) if trust.keys(id).iter().any(|source| source.remote) => {
            unknown_key(trust, id, settings, name, now, attempt)
        }
        _ if some_are_missing => refuse(Denied::KeysUnavailable, "some of the issuer's keys are not there"),
        _ if !tries.is_empty() => refuse(Denied::BadSignature, "no key of the issuer signed it"),
        Some(name) if keys.iter().all(|key| !key.fits_any_id()) => {
            refuse(Denied::UnknownKey, &format!("there is no key {name:?}"))
        }
        _ => refuse(Denied::DisallowedAlgorithm, &format!("no key of the issuer is for {}", algorithm.name())),
    }
}

/// A key id that no source has: known not to exist only if every source was asked just now.
fn unknown_key(
    trust: &Trust,
    id: IssuerId,
    settings: &IssuerSettings,
    name: &str,
    now: UnixTime,
    attempt: Attempt,
) -> Result<[u8; 32], Refused> {
    let cooldown = settings.refresh.cooldown;
    let mut remotes = trust.keys(id).iter().filter(|source| source.remote);
    let all_asked = remotes.all(|source| {
        source.fetched_at.is_some_and(|fetched| now <= fetched.plus(cooldown) && fetched <= now.plus(cooldown))
    });
    if all_asked {
        let rejected_for = trust
            .usable(id, now)
            .flat_map(|set| set.rejected())
            .find(|key| *key.key == *name)
            .map_or_else(|| format!("there is no key {name:?}"), |key| format!("key {name:?} is left out: {}", key.cause));
        return Err(rejected(Denied::UnknownKey, &rejected_for, Some(id)));
    }
    match attempt {
        Attempt::First => Err(Refused::NeedsKeys(id)),
        Attempt::Final => {
            Err(rejected(Denied::KeysUnavailable, &format!("whether there is a key {name:?} could not be found out"), Some(id)))
        }
    }
}
