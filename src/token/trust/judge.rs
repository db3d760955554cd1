//! Judging a token that nobody remembers, from its first byte to its last claim.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::decision::Denied;
use crate::time::UnixTime;
use crate::token::cache::Verified;
use crate::token::extract::{Found, PlaceId};
use crate::token::header;
use crate::token::identity::identify;
use crate::token::unverified::{Claimed, Malformed, Unverified};
use crate::token::{Attempt, IssuerId};

use super::{MOST_NAMELESS, Refused, Trust, rejected, verify};

impl Trust {
    /// Judges a token from its first byte to its last claim, but for its times. What is cheap comes first:
    /// shape, issuer, algorithm and key are settled before a signature is checked, and claims are read only
    /// under a signature that holds.
    pub(super) fn judge(
        &self,
        found: &Found<'_>,
        now: UnixTime,
        attempt: Attempt,
    ) -> Result<Verified, Refused> {
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
        if settings.iss.is_empty() && self.is_of_two(id, &key) {
            let detail = "another issuer without `iss` holds the key that verifies it";
            return Err(rejected(Denied::UnknownIssuer, detail, None));
        }
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
