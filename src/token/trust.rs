//! Issuers with their keys of one moment, and the verifier.

mod index;
mod verify;

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::decision::Denied;
use crate::request::Request;
use crate::time::UnixTime;

use super::cache::{CacheSettings, Name, Refusal, TokenCache, Verified};
use super::extract::{self, Found, PlaceId};
use super::header;
use super::identity::identify;
use super::keys::KeySet;
use super::settings::{Algorithm, IssuerSettings, Place};
use super::unverified::{Claimed, Malformed, Unverified};
use super::{Attempt, Caller, IssuerId, Rejection};
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

    /// Two issuers of tokens without `iss` that look in one place and hold one key: nobody could tell whose
    /// token is whose, so none would be accepted.
    #[must_use]
    pub fn nameless_with_one_key(&self) -> Option<(IssuerId, IssuerId)> {
        let sets = |issuer: IssuerId| self.keys(issuer).iter().filter_map(|source| source.set.as_deref());
        let share = |one: IssuerId, other: IssuerId| {
            sets(one).any(|one| sets(other).any(|other| one.shares_a_key_with(other)))
        };
        self.index.nameless_groups().find_map(|group| {
            let mut pairs = group
                .iter()
                .enumerate()
                .flat_map(|(at, one)| group.iter().take(at).map(move |other| (*other, *one)));
            pairs.find(|(one, other)| share(*one, *other))
        })
    }

    /// Whether something stands in a place of any of these issuers.
    #[must_use]
    pub fn token_present(&self, request: &Request<'_>, look_in: &[IssuerId]) -> bool {
        self.index.places_of(look_in).any(|(_, place)| extract::is_present(request, place))
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

    /// Looks for a credential in the places of some issuers, and judges it.
    ///
    /// # Errors
    /// A credential that is bad or cannot be judged never degrades to anonymous.
    pub fn authenticate(
        &self,
        request: &Request<'_>,
        look_in: &[IssuerId],
        now: UnixTime,
        attempt: Attempt,
    ) -> Result<Authenticated<'_>, Refused> {
        let found = extract::find(request, self.index.places_of(look_in), self.token_bytes)
            .map_err(|unclear| rejected(unclear.reason, unclear.detail, None))?;
        let Some(found) = found else {
            return Ok(Authenticated {
                caller: Caller::Anonymous,
                cached: false,
                place: None,
                algorithm: None,
            });
        };
        let place = self.index.place(found.place);
        let name = self.cache.name(&found.token);
        if let Some(name) = &name
            && let Some(known) = self.known(name, &found, now)
        {
            self.cache.count(true);
            return known
                .map(|(caller, algorithm)| Authenticated {
                    caller,
                    cached: true,
                    place,
                    algorithm: Some(algorithm),
                })
                .map_err(Refused::out_of_cache);
        }
        self.cache.count(false);
        let judged = self.judge(&found, now, attempt).and_then(|verified| {
            Self::judge_times(&verified, now)?;
            Ok(Arc::new(verified))
        });
        if let Some(name) = &name {
            self.remember(name, &found, &judged, now);
        }
        let verified = judged?;
        let caller = Caller::Verified(Arc::clone(&verified.identity));
        Ok(Authenticated { caller, cached: false, place, algorithm: Some(verified.algorithm) })
    }

    /// What the cache knows, if it still holds: the very same token, settings, place, and a key that would be
    /// tried again; times are judged anew.
    fn known(
        &self,
        name: &Name,
        found: &Found<'_>,
        now: UnixTime,
    ) -> Option<Result<(Caller, Algorithm), Refused>> {
        if let Some(entry) = self.cache.verified(name, &found.token, now) {
            let id = entry.identity.issuer;
            let settings = self.issuers.get(usize::from(id.0))?;
            let still_holds = Arc::ptr_eq(settings, &entry.settings)
                && self.may_be_remembered(id, found.place)
                && verify::would_try(self, id, &entry, now);
            if !still_holds {
                return None;
            }
            let caller = Caller::Verified(Arc::clone(&entry.identity));
            return Some(Self::judge_times(&entry, now).map(|()| (caller, entry.algorithm)));
        }
        let refusal = self.cache.refusal(name, &found.token, now)?;
        let still_holds = Arc::ptr_eq(&refusal.keys, &self.keys) && refusal.place == found.place;
        still_holds.then(|| Err(Refused::Rejected(refusal.rejection.clone())))
    }

    /// Good tokens are remembered with what made them good. Bad ones shortly and apart, so that garbage cannot
    /// push out good tokens, and only if it cost a signature check to refuse them and no time mends them.
    fn remember(
        &self,
        name: &Name,
        found: &Found<'_>,
        judged: &Result<Arc<Verified>, Refused>,
        now: UnixTime,
    ) {
        match judged {
            Ok(verified) => {
                if self.may_be_remembered(verified.identity.issuer, found.place) {
                    self.cache.remember(name, &found.token, Arc::clone(verified));
                }
            }
            Err(Refused::Rejected(rejection)) if is_worth_remembering(rejection) => {
                let (keys, rejection) = (Arc::clone(&self.keys), rejection.clone());
                let until = self.keys_last_until(now);
                let refusal = Refusal { keys, place: found.place, rejection, stored: now, until };
                self.cache.remember_refusal(name, &found.token, refusal);
            }
            Err(Refused::Rejected(_) | Refused::NeedsKeys(_)) => {}
        }
    }

    fn judge_times(verified: &Verified, now: UnixTime) -> Result<(), Refused> {
        verified
            .times
            .judge(&verified.settings, now)
            .map_err(|unfit| rejected(unfit.reason, unfit.detail, Some(verified.identity.issuer)))
            .map_err(|refused| refused.of(verified.algorithm))
    }

    /// A token without `iss` is remembered only where one issuer alone could have made it.
    fn may_be_remembered(&self, issuer: IssuerId, place: PlaceId) -> bool {
        let is_named =
            self.issuers.get(usize::from(issuer.0)).is_some_and(|settings| !settings.iss.is_empty());
        self.index.stands_at(issuer, place) && (is_named || self.index.nameless_at(place).len() == 1)
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

    /// Judges a token from its first byte to its last claim, but for its times. What is cheap comes first:
    /// shape, issuer, algorithm and key are settled before a signature is checked, and claims are read only
    /// under a signature that holds.
    fn judge(&self, found: &Found<'_>, now: UnixTime, attempt: Attempt) -> Result<Verified, Refused> {
        let bad = |malformed: Malformed| rejected(malformed.reason, malformed.detail, None);
        let mut space = Vec::new();
        let token = Unverified::read(&found.token, &mut space, self.index.names()).map_err(bad)?;
        self.judge_read(&token, found, now, attempt).map_err(|refused| refused.of(token.algorithm))
    }

    fn judge_read(
        &self,
        token: &Unverified<'_>,
        found: &Found<'_>,
        now: UnixTime,
        attempt: Attempt,
    ) -> Result<Verified, Refused> {
        let candidates = self.candidates(&token.issuer, found.place)?;
        let (id, key) = self.signer(&candidates, token, now, attempt)?;
        let settings = self
            .issuers
            .get(usize::from(id.0))
            .ok_or_else(|| rejected(Denied::UnknownIssuer, "the issuer is not there", None))?;
        let (header, claims) =
            header::read(token).map_err(|bad| rejected(bad.reason, bad.detail, Some(id)))?;
        let (identity, times) = identify(settings, id, header, claims)
            .map_err(|unfit| rejected(unfit.reason, unfit.detail, Some(id)))?;
        let settings = Arc::clone(settings);
        Ok(Verified {
            settings,
            key,
            algorithm: token.algorithm,
            identity: Arc::new(identity),
            times,
            stored: now,
        })
    }

    /// The issuers that may have made a token: by `iss`, never by `kid`.
    fn candidates(
        &self,
        issuer: &Claimed<'_>,
        place: PlaceId,
    ) -> Result<SmallVec<[IssuerId; MOST_NAMELESS]>, Refused> {
        let unknown = |detail| Err(rejected(Denied::UnknownIssuer, detail, None));
        match issuer {
            Claimed::Nobody => match self.index.nameless_at(place) {
                [] => unknown("it has no `iss`, and no issuer says `issuer: none` for its place"),
                found => Ok(found.iter().take(MOST_NAMELESS).copied().collect()),
            },
            Claimed::By(iss) => match self.index.by_iss(iss) {
                None => unknown("no issuer has its `iss`"),
                Some(id) if !self.index.stands_at(id, place) => {
                    unknown("its issuer's tokens do not stand where it stood")
                }
                Some(id) => Ok(SmallVec::from_slice(&[id])),
            },
            Claimed::IllTyped => {
                Err(rejected(Denied::InvalidClaims, "`iss` is not a string, or empty", None))
            }
        }
    }

    /// The one issuer whose key verifies.
    fn signer(
        &self,
        candidates: &[IssuerId],
        token: &Unverified<'_>,
        now: UnixTime,
        attempt: Attempt,
    ) -> Result<(IssuerId, [u8; 32]), Refused> {
        let mut signer = None;
        let mut refused: Option<Refused> = None;
        for id in candidates {
            match verify::signature(self, *id, token, now, attempt) {
                Ok(_) if signer.is_some() => {
                    return Err(rejected(Denied::UnknownIssuer, "the keys of two issuers verify it", None));
                }
                Ok(key) => signer = Some((*id, key)),
                Err(other) => refused = Some(first(refused, other)),
            }
        }
        let nobody = || rejected(Denied::UnknownIssuer, "no issuer can be asked", None);
        // While one of them cannot be asked, nobody knows whether exactly one verifies; but one did, and the
        // trouble of one issuer is not to touch the tokens of another.
        signer.ok_or_else(|| refused.unwrap_or_else(nobody))
    }
}

/// Of several refusals the one to report: what could still be found out comes first.
fn first(known: Option<Refused>, other: Refused) -> Refused {
    let rank = |refused: &Refused| match refused {
        Refused::NeedsKeys(_) => (0, None),
        Refused::Rejected(rejection) => (1, Some(rejection.reason.precedence())),
    };
    match known {
        Some(known) if rank(&known) <= rank(&other) => known,
        Some(_) | None => other,
    }
}

fn rejected(reason: Denied, detail: &str, issuer: Option<IssuerId>) -> Refused {
    Refused::Rejected(Rejection { reason, detail: detail.into(), issuer, algorithm: None, cached: false })
}

/// Whether a refusal cost a signature check and will stay right for as long as the keys are the same ones.
fn is_worth_remembering(rejection: &Rejection) -> bool {
    let is_lasting = matches!(
        rejection.reason,
        Denied::BadSignature
            | Denied::MalformedToken
            | Denied::Expired
            | Denied::WrongAudience
            | Denied::WrongType
            | Denied::InvalidClaims
    );
    // What is refused before a signature is looked at has no issuer yet, or one of the other reasons.
    is_lasting && rejection.issuer.is_some()
}
