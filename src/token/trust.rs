//! Issuers with their keys of one moment, and the verifier.

mod verify;

use std::sync::Arc;

use crate::decision::Denied;
use crate::request::Request;
use crate::time::UnixTime;

use super::cache::{Refusal, TokenCache, Verified};
use super::extract::{self, Found};
use super::header::Parts;
use super::identity::identify;
use super::keys::KeySet;
use super::settings::{IssuerSettings, Place};
use super::{Attempt, Caller, IssuerId, Rejection};

/// Most issuers whose keys a token without `iss` is tried with.
const MOST_CANDIDATES: usize = 8;

/// All issuers of a policy with their keys of one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust {
    issuers: Arc<[Arc<IssuerSettings>]>,
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
pub struct Authenticated {
    /// Who asks.
    pub caller: Caller,
    /// Whether the token was known already.
    pub cached: bool,
    /// Where the credential stood.
    pub place: Option<Place>,
}

/// Why nobody was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The credential is bad, or cannot be judged (`keys_unavailable`).
    Rejected(Rejection),
    /// A key id not seen before: fetch once, then ask again.
    NeedsKeys(IssuerId),
}

impl Trust {
    /// Puts issuers and their keys together, index by index.
    #[must_use]
    pub fn new(issuers: Vec<Arc<IssuerSettings>>, keys: Vec<Vec<SourceKeys>>, cache: Arc<TokenCache>) -> Self {
        Self { issuers: issuers.into(), keys: Arc::new(Keys(keys)), cache, token_bytes: 16 * 1024 }
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

    /// Whether something stands in a place of any of these issuers.
    #[must_use]
    pub fn token_present(&self, request: &Request<'_>, look_in: &[IssuerId]) -> bool {
        extract::is_present(request, self.some(look_in))
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
    ) -> Result<Authenticated, Refused> {
        let found = extract::find(request, self.some(look_in), self.token_bytes)
            .map_err(|unclear| rejected(unclear.reason, unclear.detail, None))?;
        let Some(found) = found else {
            return Ok(Authenticated { caller: Caller::Anonymous, cached: false, place: None });
        };
        let name = self.cache.name(&found.token);
        if let Some(known) = name.and_then(|name| self.known(&name, &found, now)) {
            return known;
        }
        if name.is_some() {
            self.cache.count(false);
        }
        match self.judge(&found, now, attempt) {
            Ok(verified) => {
                let identity = Arc::clone(&verified.identity);
                if let Some(name) = name.filter(|_| self.may_be_remembered(&verified.settings, &found.place)) {
                    self.cache.remember(name, verified);
                }
                Ok(Authenticated { caller: Caller::Verified(identity), cached: false, place: Some(found.place) })
            }
            Err(refused) => {
                if let (Some(name), Refused::Rejected(rejection)) = (name, &refused)
                    && rejection.reason == Denied::BadSignature
                {
                    let keys = Arc::clone(&self.keys);
                    let (place, rejection) = (found.place, rejection.clone());
                    self.cache.remember_refusal(name, Refusal { keys, place, rejection, stored: now });
                }
                Err(refused)
            }
        }
    }

    fn some<'s>(&'s self, ids: &'s [IssuerId]) -> impl Iterator<Item = &'s IssuerSettings> {
        ids.iter().filter_map(|id| self.issuers.get(usize::from(id.0))).map(AsRef::as_ref)
    }

    /// What the cache knows, if it still holds: same settings, same place, a key that is still there and
    /// fresh, and times judged anew.
    fn known(&self, name: &[u8; 32], found: &Found, now: UnixTime) -> Option<Result<Authenticated, Refused>> {
        if let Some(refusal) = self.cache.refusal(name, now) {
            let still_holds = Arc::ptr_eq(&refusal.keys, &self.keys) && refusal.place == found.place;
            if still_holds {
                self.cache.count(true);
                return Some(Err(Refused::Rejected(refusal.rejection.clone())));
            }
        }
        let entry = self.cache.verified(name, now)?;
        let id = entry.identity.issuer;
        let settings = self.issuers.get(usize::from(id.0))?;
        let still_holds = Arc::ptr_eq(settings, &entry.settings)
            && self.may_be_remembered(settings, &found.place)
            && self.has_key(id, &entry.key, now);
        if !still_holds {
            return None;
        }
        self.cache.count(true);
        if let Err(unfit) = entry.times.judge(settings, now) {
            return Some(Err(rejected(unfit.reason, unfit.detail, Some(id))));
        }
        let caller = Caller::Verified(Arc::clone(&entry.identity));
        Some(Ok(Authenticated { caller, cached: true, place: Some(found.place.clone()) }))
    }

    /// A token without `iss` is remembered only where one issuer alone could have made it.
    fn may_be_remembered(&self, settings: &IssuerSettings, place: &Place) -> bool {
        settings.places.contains(place) && (!settings.iss.is_empty() || self.without_iss(place).count() == 1)
    }

    fn has_key(&self, issuer: IssuerId, fingerprint: &[u8; 32], now: UnixTime) -> bool {
        self.usable(issuer, now).flat_map(|set| set.keys()).any(|key| key.fingerprint() == fingerprint)
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

    /// Issuers of tokens without `iss` that look in this place.
    fn without_iss<'s>(&'s self, place: &'s Place) -> impl Iterator<Item = IssuerId> + 's {
        let is_one = |(_, settings): &(usize, &Arc<IssuerSettings>)| settings.iss.is_empty() && settings.places.contains(place);
        let all = self.issuers.iter().enumerate().filter(is_one);
        all.map(|(index, _)| IssuerId(u16::try_from(index).unwrap_or(u16::MAX)))
    }

    /// Judges a token from its first byte to its last claim.
    fn judge(&self, found: &Found, now: UnixTime, attempt: Attempt) -> Result<Verified, Refused> {
        let parts = Parts::read(&found.token)
            .map_err(|malformed| rejected(malformed.reason, malformed.detail, None))?;
        let candidates = self.candidates(&parts, &found.place)?;
        let (id, key) = self.signer(&candidates, &parts, now, attempt)?;
        let settings = self.issuers.get(usize::from(id.0)).ok_or_else(|| {
            rejected(Denied::UnknownIssuer, "the issuer is not there", None)
        })?;
        let (identity, times) = identify(settings, id, &parts.header, parts.claims, now)
            .map_err(|unfit| rejected(unfit.reason, unfit.detail, Some(id)))?;
        Ok(Verified { settings: Arc::clone(settings), key, identity: Arc::new(identity), times, stored: now })
    }

    /// The issuers that may have made a token: by `iss`, never by `kid`.
    fn candidates(&self, parts: &Parts<'_>, place: &Place) -> Result<Vec<IssuerId>, Refused> {
        let unknown = |detail| Err(rejected(Denied::UnknownIssuer, detail, None));
        match parts.claims.get("iss") {
            None => {
                let found: Vec<IssuerId> = self.without_iss(place).collect();
                if found.is_empty() { unknown("it has no `iss`, and no issuer says `issuer: none` for its place") } else { Ok(found) }
            }
            Some(serde_json::Value::String(iss)) if !iss.is_empty() => {
                let position = self.issuers.iter().position(|settings| settings.iss.iter().any(|known| **known == **iss));
                let Some((index, settings)) = position.and_then(|index| Some((index, self.issuers.get(index)?))) else {
                    return unknown("no issuer has its `iss`");
                };
                if !settings.places.contains(place) {
                    return unknown("its issuer's tokens do not stand where it stood");
                }
                Ok(vec![IssuerId(u16::try_from(index).unwrap_or(u16::MAX))])
            }
            Some(_) => Err(rejected(Denied::InvalidClaims, "`iss` is not a string, or empty", None)),
        }
    }

    /// The one issuer whose key verifies.
    fn signer(
        &self,
        candidates: &[IssuerId],
        parts: &Parts<'_>,
        now: UnixTime,
        attempt: Attempt,
    ) -> Result<(IssuerId, [u8; 32]), Refused> {
        let mut signer = None;
        let mut refused: Option<Refused> = None;
        for id in candidates.iter().take(MOST_CANDIDATES) {
            match verify::signature(self, *id, parts, now, attempt) {
                Ok(_) if signer.is_some() => {
                    return Err(rejected(Denied::UnknownIssuer, "the keys of two issuers verify it", None));
                }
                Ok(key) => signer = Some((*id, key)),
                Err(other) => refused = Some(first(refused, other)),
            }
        }
        let nobody = || rejected(Denied::UnknownIssuer, "no issuer can be asked", None);
        // While one of them cannot be asked, nobody knows whether exactly one verifies; but one did.
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
    Refused::Rejected(Rejection { reason, detail: detail.into(), issuer })
}
