//! Issuers with their keys of one moment, and the verifier.

mod authenticate;
mod index;
mod judge;
mod verify;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::decision::Denied;
use crate::request::Request;
use crate::time::UnixTime;

use super::cache::{CacheSettings, TokenCache};
use super::extract;
use super::keys::KeySet;
use super::settings::{Algorithm, IssuerSettings, Place};
use super::{Caller, IssuerId, Rejection};
use index::Index;

/// Most issuers whose keys a token without `iss` is tried with. A policy with more at one place is refused.
pub const MOST_NAMELESS: usize = 8;

/// All issuers of a policy with their keys of one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust {
    issuers: Arc<[Arc<IssuerSettings>]>,
    index: Arc<Index>,
    keys: Arc<Keys>,
    cache: Arc<TokenCache>,
    token_bytes: usize,
}

/// Keys per issuer, per source in the order written.
#[derive(Debug)]
pub struct Keys(Vec<Vec<SourceKeys>>);

/// Keys of one source.
#[derive(Debug, Clone)]
pub struct SourceKeys {
    /// The keys; `None` until they have been read or fetched once.
    pub set: Option<Arc<KeySet>>,
    /// Last good fetch; `None` for a source that is not fetched.
    pub fetched_at: Option<UnixTime>,
    /// Whether it is fetched.
    pub remote: bool,
}

/// A request whose credential was judged, or had none.
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticated<'t> {
    /// Who asks.
    pub caller: Caller,
    /// Whether the token was known already.
    pub cached: bool,
    /// Where the credential stood.
    pub place: Option<&'t Place>,
    /// The token's algorithm.
    pub algorithm: Option<Algorithm>,
}

/// Why nobody was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The credential is bad, or cannot be judged (`keys_unavailable`).
    Rejected(Rejection),
    /// A key id not seen before: fetch once, then ask again.
    NeedsKeys(IssuerId),
}

impl Refused {
    fn of(self, algorithm: Algorithm) -> Self {
        match self {
            Self::Rejected(rejection) => {
                Self::Rejected(Rejection { algorithm: Some(algorithm), ..rejection })
            }
            Self::NeedsKeys(_) => self,
        }
    }

    fn out_of_cache(self) -> Self {
        match self {
            Self::Rejected(rejection) => Self::Rejected(Rejection { cached: true, ..rejection }),
            Self::NeedsKeys(_) => self,
        }
    }
}

/// A credential as it stands in a request, and its place.
pub type Credential<'r, 't> = (Cow<'r, str>, Option<&'t Place>);

impl Trust {
    /// Puts issuers and their keys together, index by index.
    #[must_use]
    pub fn new(
        issuers: Vec<Arc<IssuerSettings>>,
        keys: Vec<Vec<SourceKeys>>,
        cache: Arc<TokenCache>,
    ) -> Self {
        let index = Arc::new(Index::new(&issuers));
        Self { issuers: issuers.into(), index, keys: Arc::new(Keys(keys)), cache, token_bytes: 16 * 1024 }
    }

    /// The same issuers with other keys.
    #[must_use]
    pub fn with_keys(&self, keys: Vec<Vec<SourceKeys>>) -> Self {
        Self { keys: Arc::new(Keys(keys)), ..self.clone() }
    }

    /// The same with another limit on the length of a token (`limits.token_bytes`).
    #[must_use]
    pub fn with_token_bytes(self, token_bytes: usize) -> Self {
        Self { token_bytes, ..self }
    }

    /// The issuers.
    #[must_use]
    pub fn issuers(&self) -> &[Arc<IssuerSettings>] {
        &self.issuers
    }

    /// An issuer's name in the policy.
    #[must_use]
    pub fn name(&self, issuer: IssuerId) -> &str {
        self.issuers.get(usize::from(issuer.0)).map_or("", |settings| &settings.name)
    }

    /// Keys of an issuer, per source.
    #[must_use]
    pub fn keys(&self, issuer: IssuerId) -> &[SourceKeys] {
        self.keys.0.get(usize::from(issuer.0)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The cache of verified tokens.
    #[must_use]
    pub fn cache(&self) -> &Arc<TokenCache> {
        &self.cache
    }

    /// Two issuers of tokens without `iss` that hold one key, wherever they look: nobody could tell whose token is
    /// whose, so none is accepted.
    #[must_use]
    pub fn nameless_with_one_key(&self) -> Option<(IssuerId, IssuerId)> {
        let mut owners: HashMap<&[u8; 32], IssuerId> = HashMap::new();
        for issuer in self.index.nameless() {
            for origin in self.sets(*issuer).flat_map(KeySet::origins) {
                let owner = *owners.entry(origin).or_insert(*issuer);
                if owner != *issuer {
                    return Some((owner, *issuer));
                }
            }
        }
        None
    }

    /// Whether the key with this fingerprint, of an issuer of tokens without `iss`, is also another such issuer's:
    /// then whoever holds a token of it could choose whose it is, by where he puts it.
    fn is_of_two(&self, issuer: IssuerId, key: &[u8; 32]) -> bool {
        if self.index.nameless().len() < 2 {
            return false;
        }
        let keys = || self.sets(issuer).flat_map(KeySet::keys);
        let others = || self.index.nameless().iter().filter(|other| **other != issuer);
        keys().filter(|known| known.fingerprint() == key).any(|known| {
            let mut origins = others().flat_map(|other| self.sets(*other)).flat_map(KeySet::origins);
            origins.any(|origin| origin == known.origin())
        })
    }

    /// Key sets of an issuer, however old.
    fn sets(&self, issuer: IssuerId) -> impl Iterator<Item = &KeySet> {
        self.keys(issuer).iter().filter_map(|source| source.set.as_deref())
    }

    /// Whether something stands in a place of any of these issuers.
    #[must_use]
    pub fn token_present(&self, request: &Request<'_>, look_in: &[IssuerId]) -> bool {
        self.index.places_of(look_in).any(|(_, place)| extract::is_present(request, place))
    }

    /// The same, where a place that some server would take for one of these counts too.
    #[must_use]
    pub fn token_may_be_present(&self, request: &Request<'_>, look_in: &[IssuerId]) -> bool {
        self.index.places_of(look_in).any(|(_, place)| extract::may_be_present(request, place))
    }

    /// Whether a token stands there that some servers would take out of what is around it, though we do not.
    #[must_use]
    pub fn token_is_wrapped(&self, request: &Request<'_>, look_in: &[IssuerId]) -> bool {
        extract::is_wrapped(request, self.index.places_of(look_in), self.token_bytes)
    }

    /// The credential in the places of some issuers, as it stands there: for explanations.
    ///
    /// # Errors
    /// Why there is no single one.
    pub fn credential<'r>(
        &self,
        request: &'r Request<'_>,
        look_in: &[IssuerId],
    ) -> Result<Option<Credential<'r, '_>>, Rejection> {
        match extract::find(request, self.index.places_of(look_in), self.token_bytes) {
            Ok(found) => Ok(found.map(|found| (found.token, self.index.place(found.place)))),
            Err(unclear) => Err(Rejection {
                reason: unclear.reason,
                detail: unclear.detail.into(),
                issuer: None,
                algorithm: None,
                cached: false,
            }),
        }
    }

    /// The same with a memory of its own that remembers nothing: explanations leave no trace.
    #[must_use]
    pub fn forgetful(&self) -> Self {
        let settings = CacheSettings { enabled: false, ..CacheSettings::default() };
        Self { cache: Arc::new(TokenCache::new(settings)), ..self.clone() }
    }

    /// Key sets of an issuer that are there and not too old.
    fn usable(&self, issuer: IssuerId, now: UnixTime) -> impl Iterator<Item = &KeySet> {
        let max_stale = self.issuers.get(usize::from(issuer.0)).map(|settings| settings.refresh.max_stale);
        self.keys(issuer).iter().filter_map(move |source| {
            let is_fresh = match (source.fetched_at, max_stale) {
                (Some(fetched), Some(max_stale)) => now <= fetched.plus(max_stale),
                (None, _) => !source.remote,
                (Some(_), None) => false,
            };
            source.set.as_deref().filter(|_| is_fresh)
        })
    }

    /// Until when no key set that is usable now becomes too old.
    fn keys_last_until(&self, now: UnixTime) -> Option<UnixTime> {
        let all = self.issuers.iter().zip(&self.keys.0);
        let ends = all.flat_map(|(settings, sources)| {
            let fetched = sources.iter().filter_map(|source| source.fetched_at);
            fetched.map(|fetched| fetched.plus(settings.refresh.max_stale))
        });
        ends.filter(|end| now <= *end).min()
    }
}

fn rejected(reason: Denied, detail: &str, issuer: Option<IssuerId>) -> Refused {
    Refused::Rejected(Rejection { reason, detail: detail.into(), issuer, algorithm: None, cached: false })
}
