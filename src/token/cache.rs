//! The cache of verified tokens: bounded in bytes, found by SHA-256 of the whole token. It changes speed,
//! never an answer: times, places and keys are judged again at every use.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use moka::sync::Cache;

use super::identity::Times;
use super::settings::{IssuerSettings, Place};
use super::{Identity, Rejection};
use crate::time::UnixTime;

/// Longest that a refusal is remembered.
const REFUSAL_AGE: Duration = Duration::from_secs(10);

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
        Self { enabled: true, max_bytes: 64 << 20, max_age: Duration::from_secs(600) }
    }
}

/// Figures for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Verifications saved.
    pub hits: u64,
    /// Tokens not found, or no longer good.
    pub misses: u64,
    /// Entries pushed out or expired.
    pub evictions: u64,
    /// Entries now.
    pub entries: u64,
    /// Bytes now, as estimated.
    pub bytes: u64,
}

/// What is remembered of a good token.
#[derive(Debug)]
pub(super) struct Verified {
    pub settings: Arc<IssuerSettings>,
    /// The key that verified it.
    pub key: [u8; 32],
    pub identity: Arc<Identity>,
    pub times: Times,
    pub stored: UnixTime,
}

/// What is remembered of a bad one: good for the very same keys and place only.
#[derive(Debug)]
pub(super) struct Refusal<K> {
    pub keys: Arc<K>,
    pub place: Place,
    pub rejection: Rejection,
    pub stored: UnixTime,
}

/// Tokens judged before.
pub struct TokenCache {
    settings: CacheSettings,
    verified: Cache<[u8; 32], Arc<Verified>>,
    refused: Cache<[u8; 32], Arc<Refusal<super::trust::Keys>>>,
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: Arc<AtomicU64>,
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
        let evictions = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&evictions);
        let verified = Cache::builder()
            .max_capacity(settings.max_bytes - settings.max_bytes / 10)
            .weigher(|_, entry: &Arc<Verified>| entry.weight())
            .eviction_listener(move |_, _, _| {
                counter.fetch_add(1, Ordering::Relaxed);
            })
            .build();
        let refused = Cache::builder()
            .max_capacity(settings.max_bytes / 10)
            .weigher(|_, _: &Arc<Refusal<super::trust::Keys>>| 512)
            .time_to_live(REFUSAL_AGE)
            .build();
        Self { settings, verified, refused, hits: AtomicU64::new(0), misses: AtomicU64::new(0), evictions }
    }

    /// Figures for metrics.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
            entries: self.verified.entry_count() + self.refused.entry_count(),
            bytes: self.verified.weighted_size() + self.refused.weighted_size(),
        }
    }

    /// The name of a token, if anything is remembered at all.
    pub(super) fn name(&self, token: &str) -> Option<[u8; 32]> {
        if !self.settings.enabled {
            return None;
        }
        let mut name = [0; 32];
        name.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Some(name)
    }

    pub(super) fn verified(&self, name: &[u8; 32], now: UnixTime) -> Option<Arc<Verified>> {
        let entry = self.verified.get(name)?;
        let is_young = now >= entry.stored && now < entry.stored.plus(self.settings.max_age);
        is_young.then_some(entry)
    }

    pub(super) fn refusal(&self, name: &[u8; 32], now: UnixTime) -> Option<Arc<Refusal<super::trust::Keys>>> {
        let entry = self.refused.get(name)?;
        let is_young = now >= entry.stored && now < entry.stored.plus(REFUSAL_AGE);
        is_young.then_some(entry)
    }

    pub(super) fn count(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remember(&self, name: [u8; 32], entry: Verified) {
        self.verified.insert(name, Arc::new(entry));
    }

    pub(super) fn remember_refusal(&self, name: [u8; 32], entry: Refusal<super::trust::Keys>) {
        self.refused.insert(name, Arc::new(entry));
    }
}

impl Verified {
    /// An estimate, rather too high: claims as a tree of maps take several times their text.
    fn weight(&self) -> u32 {
        let identity = &self.identity;
        let lists = [&identity.scopes, &identity.roles, &identity.groups, &identity.permissions, &identity.audiences];
        let texts: usize = lists.iter().flat_map(|list| list.iter()).map(|text| text.len() + 32).sum();
        let claims: usize = identity.claims.iter().map(|(name, value)| name.len() + 96 + bytes(value)).sum();
        u32::try_from(texts + claims + 1024).unwrap_or(u32::MAX)
    }
}

fn bytes(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len() + 48,
        serde_json::Value::Array(items) => items.iter().map(bytes).sum::<usize>() + 48,
        serde_json::Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 96 + bytes(value)).sum::<usize>() + 48
        }
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => 48,
    }
}
