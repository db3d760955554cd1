//! The cache of verified tokens: bounded in bytes, found by the end of a token and confirmed by the SHA-256 of
//! all of it. It changes speed, never an answer: times, places and keys are judged again at every use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use moka::sync::Cache;
use serde_json::Value;

use super::extract::PlaceId;
use super::identity::Times;
use super::settings::{Algorithm, IssuerSettings};
use super::trust::Keys;
use super::{Identity, Rejection};
use crate::time::UnixTime;

/// Longest that a refusal is remembered.
const REFUSAL_AGE: Duration = Duration::from_secs(10);

/// What a refusal takes, text and book-keeping included.
const REFUSAL_BYTES: u32 = 512;

/// `cache.*` of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Whether anything is remembered.
    pub enabled: bool,
    /// Most bytes, refusals included (these take a tenth).
    pub max_bytes: u64,
    /// Longest that a verified token is remembered.
    pub max_age: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { enabled: true, max_bytes: 64 << 20, max_age: Duration::from_mins(10) }
    }
}

/// Figures for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Verifications saved.
    pub hits: u64,
    /// Tokens not found, or no longer good.
    pub misses: u64,
    /// Verified tokens that were remembered and are not any more: pushed out, or replaced once they had expired.
    pub evictions: u64,
    /// Entries now.
    pub entries: u64,
    /// Bytes now, as estimated.
    pub bytes: u64,
}

/// The end of a token, which is its signature: no two good tokens share one, and it costs nothing to find.
/// It only finds an entry. That it is the same token, the digest says.
pub(super) type Name = [u8; 32];

/// What is remembered of a good token.
#[derive(Debug)]
pub(super) struct Verified {
    pub settings: Arc<IssuerSettings>,
    /// The key that verified it, and with what.
    pub key: [u8; 32],
    pub algorithm: Algorithm,
    pub identity: Arc<Identity>,
    pub times: Times,
    pub stored: UnixTime,
}

/// What is remembered of a bad one: good for the very same keys and place only.
#[derive(Debug)]
pub(super) struct Refusal {
    pub keys: Arc<Keys>,
    pub place: PlaceId,
    pub rejection: Rejection,
    pub stored: UnixTime,
    /// The last moment at which the same keys are usable.
    pub until: Option<UnixTime>,
}

/// Something remembered of one token.
#[derive(Debug)]
struct Entry<T> {
    digest: [u8; 32],
    known: Arc<T>,
}

/// By hand: `derive` would ask the same of `T`.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { digest: self.digest, known: Arc::clone(&self.known) }
    }
}

/// Tokens judged before.
pub struct TokenCache {
    settings: CacheSettings,
    verified: Cache<Name, Entry<Verified>>,
    refused: Cache<Name, Entry<Refusal>>,
    hits: AtomicU64,
    misses: AtomicU64,
    remembered: AtomicU64,
    /// The last figure told: counters do not go back.
    evictions: AtomicU64,
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TokenCache").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl TokenCache {
    /// An empty cache.
    #[must_use]
    pub fn new(settings: CacheSettings) -> Self {
        let for_refusals = settings.max_bytes / 10;
        let verified = Cache::builder()
            .max_capacity(settings.max_bytes - for_refusals)
            .weigher(|_, entry: &Entry<Verified>| entry.known.weight())
            .build();
        let refused = Cache::builder()
            .max_capacity(for_refusals)
            .weigher(|_, _: &Entry<Refusal>| REFUSAL_BYTES)
            .time_to_live(REFUSAL_AGE)
            .build();
        Self {
            settings,
            verified,
            refused,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            remembered: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
        }
    }

    /// Figures for metrics. What the memory has put off is done first, by whoever asks: else they would be those of
    /// some moment before.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.verified.run_pending_tasks();
        self.refused.run_pending_tasks();
        // A listener would cost every insertion more than the insertion.
        let gone = self.remembered.load(Ordering::Relaxed).saturating_sub(self.verified.entry_count());
        let evictions = self.evictions.fetch_max(gone, Ordering::Relaxed).max(gone);
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evictions,
            entries: self.verified.entry_count() + self.refused.entry_count(),
            bytes: self.verified.weighted_size() + self.refused.weighted_size(),
        }
    }

    /// What a token is found by, if anything is remembered at all.
    pub(super) fn name(&self, token: &str) -> Option<Name> {
        if !self.settings.enabled {
            return None;
        }
        let mut name = Name::default();
        let bytes = token.as_bytes();
        let end = bytes.get(bytes.len().saturating_sub(name.len())..).unwrap_or_default();
        name.iter_mut().zip(end).for_each(|(slot, byte)| *slot = *byte);
        Some(name)
    }

    pub(super) fn verified(&self, name: &Name, token: &str, now: UnixTime) -> Option<Arc<Verified>> {
        let entry = self.verified.get(name).filter(|entry| entry.digest == digest_of(token))?;
        let (known, max_age) = (entry.known, self.settings.max_age);
        let is_young = now >= known.stored && now < known.stored.plus(max_age);
        is_young.then_some(known)
    }

    pub(super) fn refusal(&self, name: &Name, token: &str, now: UnixTime) -> Option<Arc<Refusal>> {
        let entry = self.refused.get(name).filter(|entry| entry.digest == digest_of(token))?;
        let known = entry.known;
        let is_young = now >= known.stored && now < known.stored.plus(REFUSAL_AGE);
        let has_its_keys = known.until.is_none_or(|until| now <= until);
        (is_young && has_its_keys).then_some(known)
    }

    pub(super) fn count(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remember(&self, name: &Name, token: &str, known: Arc<Verified>) {
        self.verified.insert(*name, Entry { digest: digest_of(token), known });
        self.remembered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remember_refusal(&self, name: &Name, token: &str, known: Refusal) {
        self.refused.insert(*name, Entry { digest: digest_of(token), known: Arc::new(known) });
    }
}

fn digest_of(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

impl Verified {
    /// An estimate, rather too high: claims as a tree of maps take several times their text.
    fn weight(&self) -> u32 {
        let identity = &self.identity;
        let lists =
            [&identity.scopes, &identity.roles, &identity.groups, &identity.permissions, &identity.audiences];
        let listed: usize = lists.iter().flat_map(|list| list.iter()).map(|text| text.len() + 32).sum();
        let single = [&identity.subject, &identity.token_type, &identity.key_id];
        let texts: usize = single.iter().filter_map(|text| text.as_ref()).map(|text| text.len() + 16).sum();
        let claims: usize = identity.claims.iter().map(|(name, value)| name.len() + 96 + bytes(value)).sum();
        u32::try_from(listed + texts + claims + 1024).unwrap_or(u32::MAX)
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 48,
        Value::Array(items) => items.iter().map(bytes).sum::<usize>() + 48,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 96 + bytes(value)).sum::<usize>() + 48
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 48,
    }
}
