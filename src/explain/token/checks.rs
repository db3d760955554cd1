//! The checks of the verifier in its order, and where it stopped.

use serde_json::Map;

use crate::decision::Denied;
use crate::engine::Snapshot;
use crate::explain::notes::cut;
use crate::time::UnixTime;
use crate::token::{IssuerId, Rejection};

use super::CheckNote;
use super::decoded::Decoded;
use super::words::{
    algorithm_asks, audience_asks, audience_says, issuer_asks, key_asks, member, times_asks, times_say,
    type_asks, type_says,
};

/// What the verifier checks, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Place,
    Form,
    Issuer,
    Algorithm,
    Key,
    Signature,
    Type,
    Claims,
    Audience,
    Times,
    Done,
}

/// Where the verifier stopped. Its order is fixed, so the reason tells the place.
pub(super) fn stage_of(rejection: &Rejection) -> Stage {
    match rejection.reason {
        Denied::UnknownIssuer => Stage::Issuer,
        // An `iss` of the wrong type is noticed before any issuer is known.
        Denied::InvalidClaims if rejection.issuer.is_none() => Stage::Issuer,
        Denied::InvalidClaims => Stage::Claims,
        Denied::DisallowedAlgorithm if rejection.issuer.is_none() => Stage::Form,
        Denied::DisallowedAlgorithm => Stage::Algorithm,
        Denied::KeysUnavailable | Denied::UnknownKey => Stage::Key,
        Denied::BadSignature => Stage::Signature,
        Denied::WrongType => Stage::Type,
        Denied::WrongAudience => Stage::Audience,
        Denied::Expired | Denied::NotYetValid => Stage::Times,
        Denied::TooLarge | Denied::AmbiguousToken => Stage::Place,
        Denied::MalformedToken
        | Denied::BadRequest
        | Denied::BadPath
        | Denied::MissingToken
        | Denied::GuardMismatch
        | Denied::NoRoute
        | Denied::Nobody
        | Denied::Forbidden
        | Denied::MissingScope
        | Denied::MissingRole
        | Denied::MissingGroup
        | Denied::MissingPermission
        | Denied::ClaimMismatch
        | Denied::SourceMismatch
        | Denied::HeaderMismatch
        | Denied::ConditionFalse
        | Denied::RequirementUnmet
        | Denied::PolicyUnavailable
        | Denied::Overloaded
        | Denied::InternalError => Stage::Form,
    }
}

pub(super) fn checks(
    snapshot: &Snapshot,
    token: &Decoded,
    stopped: Stage,
    issuer: Option<IssuerId>,
    now: UnixTime,
) -> Vec<CheckNote> {
    let settings = issuer.and_then(|id| snapshot.policy.issuers.get(usize::from(id.0)));
    let settings = settings.map(|settings| &**settings);
    let nothing = Map::new();
    let claims = token.claims.as_ref().unwrap_or(&nothing);
    let header = token.header.as_ref().unwrap_or(&nothing);
    let rows = [
        ("place", Stage::Place, String::new(), "one token, within `limits.token_bytes`".to_owned()),
        ("form", Stage::Form, token.form(), "header.payload.signature, strictly".to_owned()),
        ("issuer", Stage::Issuer, member(claims, "iss"), issuer_asks(snapshot, settings)),
        ("algorithm", Stage::Algorithm, member(header, "alg"), algorithm_asks(settings)),
        ("key", Stage::Key, member(header, "kid"), key_asks(snapshot, issuer)),
        ("signature", Stage::Signature, String::new(), "made with that key".to_owned()),
        ("type", Stage::Type, type_says(header, claims, settings), type_asks(settings)),
        ("claims", Stage::Claims, String::new(), "registered claims of the right types".to_owned()),
        ("audience", Stage::Audience, audience_says(claims, settings), audience_asks(settings)),
        ("times", Stage::Times, times_say(claims, now), times_asks(settings)),
    ];
    let mut notes = Vec::new();
    for (check, stage, says, asks) in rows {
        // The place is only worth a line where it is the trouble.
        if stage == Stage::Place && stopped != Stage::Place {
            continue;
        }
        let verdict = match stage.cmp(&stopped) {
            std::cmp::Ordering::Less => "yes",
            std::cmp::Ordering::Equal => "no",
            std::cmp::Ordering::Greater => "not reached",
        };
        notes.push(CheckNote { check: check.into(), says: cut(&says), asks, verdict: verdict.into() });
    }
    notes
}
