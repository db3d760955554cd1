//! From a request to whoever asks: the credential is found, known already or judged, and remembered.

use std::sync::Arc;

use crate::decision::Denied;
use crate::request::Request;
use crate::time::UnixTime;
use crate::token::cache::{Name, Refusal, Verified};
use crate::token::extract::{self, Found, PlaceId};
use crate::token::settings::Algorithm;
use crate::token::{Attempt, Caller, IssuerId, Rejection};

use super::{Authenticated, Refused, Trust, rejected, verify};

impl Trust {
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
                && !(settings.iss.is_empty() && self.is_of_two(id, &entry.key))
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
