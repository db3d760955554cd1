//! Listening for the caller: at most once for the enforcing rules, and only where one of them asks.

use std::sync::Arc;

use crate::decision::{Block, Denied};
use crate::policy::guard::GuardName;
use crate::policy::observe::Observer;
use crate::policy::requirement::Known;
use crate::policy::route::TokenCondition;
use crate::policy::tri::Tri;
use crate::policy::{Captures, Forbid, Judgement, Policy, Route};
use crate::token::settings::{Algorithm, Place};
use crate::token::trust::{Authenticated, Refused};
use crate::token::{Attempt, Caller, Identity, IssuerId, NeedsKeys, Rejection, Verification};

use super::Walk;

/// What became of the credential.
#[derive(Debug, Default)]
pub(super) enum Credential<'a> {
    /// Nobody looked, or nothing was there.
    #[default]
    Absent,
    /// It verified.
    Verified { identity: Arc<Identity>, cached: bool, place: Option<&'a Place>, algorithm: Option<Algorithm> },
    /// It is bad.
    Rejected(Rejection),
    /// It could not be judged.
    Unjudged(Rejection),
}

/// What has been heard so far, so that nothing is verified twice.
#[derive(Debug, Default)]
pub(super) struct Heard<'a> {
    everywhere: Option<Credential<'a>>,
}

impl<'a> Heard<'a> {
    /// The ways in which a forbid rule applies: something in it matches, and the token is as it says there.
    pub(super) fn ways<O: Observer>(
        &mut self,
        walk: &Walk<'a, '_, O>,
        forbid: &'a Forbid,
        attempt: Attempt,
    ) -> Result<Vec<Captures<'a>>, NeedsKeys> {
        let mut ways = Vec::new();
        for (condition, captures) in forbid.condition.matching(walk.request) {
            if self.satisfies(walk, condition, attempt)? {
                ways.push(captures);
            }
        }
        Ok(ways)
    }

    fn satisfies<O: Observer>(
        &mut self,
        walk: &Walk<'a, '_, O>,
        condition: TokenCondition,
        attempt: Attempt,
    ) -> Result<bool, NeedsKeys> {
        let everyone = || walk.policy.guards.issuers_of(&[GuardName::Any]);
        match condition {
            TokenCondition::Whatever => Ok(true),
            TokenCondition::Present => Ok(walk.trust.token_may_be_present(walk.request, &everyone())),
            TokenCondition::Absent => Ok(!walk.trust.token_present(walk.request, &everyone())),
            TokenCondition::Valid => {
                if self.everywhere.is_none() {
                    self.everywhere = Some(authenticate(walk, &everyone(), attempt)?);
                }
                // One that cannot be judged counts as valid: the fence must not fall with the keys, nor with
                // a second token beside the first, nor with quotes that the service takes off.
                Ok(match &self.everywhere {
                    Some(Credential::Verified { .. } | Credential::Unjudged(_)) => true,
                    Some(Credential::Rejected(rejection)) => {
                        rejection.reason.block() == Block::BadRequest
                            || walk.trust.token_is_wrapped(walk.request, &everyone())
                    }
                    Some(Credential::Absent) | None => false,
                })
            }
        }
    }

    /// Looks for a token in the places of these issuers.
    pub(super) fn listen<O: Observer>(
        self,
        walk: &Walk<'a, '_, O>,
        look_in: &[IssuerId],
        attempt: Attempt,
    ) -> Result<Credential<'a>, NeedsKeys> {
        if look_in.is_empty() {
            return Ok(Credential::Absent);
        }
        if look_in.len() == walk.policy.issuers.len()
            && let Some(credential) = self.everywhere
        {
            return Ok(credential);
        }
        authenticate(walk, look_in, attempt)
    }
}

/// Asks the verifier once.
pub(super) fn authenticate<'a, O: Observer>(
    walk: &Walk<'a, '_, O>,
    look_in: &[IssuerId],
    attempt: Attempt,
) -> Result<Credential<'a>, NeedsKeys> {
    match walk.trust.authenticate(walk.request, look_in, walk.now, attempt) {
        Ok(Authenticated { caller: Caller::Anonymous, .. }) => Ok(Credential::Absent),
        Ok(Authenticated { caller: Caller::Verified(identity), cached, place, algorithm }) => {
            Ok(Credential::Verified { identity, cached, place, algorithm })
        }
        Err(Refused::Rejected(rejection)) if rejection.reason == Denied::KeysUnavailable => {
            Ok(Credential::Unjudged(rejection))
        }
        Err(Refused::Rejected(rejection)) => Ok(Credential::Rejected(rejection)),
        Err(Refused::NeedsKeys(issuer)) => Err(NeedsKeys(issuer)),
    }
}

impl<'a> Credential<'a> {
    pub(super) fn known(&self) -> Known<'_> {
        match self {
            Self::Absent => Known::Absent,
            Self::Verified { identity, .. } => Known::Verified(identity),
            // A rejected token has ended the request before anything is asked of its bearer.
            Self::Rejected(_) | Self::Unjudged(_) => Known::Unjudged,
        }
    }

    pub(super) fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Absent | Self::Verified { .. } | Self::Unjudged(_) => None,
        }
    }

    /// What was made of the token, unless it was known already.
    pub(super) fn verification(&self) -> Option<Verification> {
        match self {
            Self::Verified { identity, cached: false, algorithm, .. } => {
                Some(Verification { issuer: Some(identity.issuer), algorithm: *algorithm, refused: None })
            }
            Self::Rejected(rejection) | Self::Unjudged(rejection) if !rejection.cached => {
                Some(Verification {
                    issuer: rejection.issuer,
                    algorithm: rejection.algorithm,
                    refused: Some(rejection.reason),
                })
            }
            Self::Absent | Self::Verified { .. } | Self::Rejected(_) | Self::Unjudged(_) => None,
        }
    }

    /// Writes the caller, and the guard to report, into a judgement.
    pub(super) fn report(self, policy: &'a Policy, route: Option<&Route>, judgement: &mut Judgement<'a>) {
        if let Self::Verified { identity, cached, place, .. } = self {
            judgement.guard = guard_to_report(policy, route, &identity);
            judgement.caller = Some(identity);
            judgement.cached = cached;
            judgement.credential = place;
        }
    }
}

/// The first, as written, of the guards named by the route (else the default) that the token belongs to;
/// the issuer's name if none is named.
fn guard_to_report<'a>(policy: &'a Policy, route: Option<&Route>, identity: &Identity) -> &'a str {
    let of_route = route.map_or(&[][..], |route| &route.guards);
    let is_named = |name: &GuardName| matches!(name, GuardName::One(_));
    let named = if of_route.iter().any(is_named) { of_route } else { &policy.default_guards };
    let mut asked = named.iter().filter_map(|name| match name {
        GuardName::One(id) => policy.guards.get(*id),
        GuardName::Any => None,
    });
    if !named.iter().any(is_named) {
        return policy.guards.issuer_name(identity.issuer);
    }
    asked.find(|guard| guard.holds(identity) == Tri::Yes).map_or("", |guard| &guard.name)
}
