//! A token, check by check: what it says, what its issuer asks, and where the verifier stopped.

mod assume;
mod checks;
mod clock;
mod decoded;
mod guards;
mod words;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cases::Request as Written;
use crate::engine::Snapshot;
use crate::policy::guard::GuardName;
use crate::request::Request;
use crate::time::UnixTime;
use crate::token::settings::{IssuerSettings, Place};
use crate::token::trust::Refused;
use crate::token::{Attempt, Caller, Identity, IssuerId, Rejection};

use checks::{Stage, checks, stage_of};
use clock::moment;
use decoded::Decoded;

pub(super) use assume::{assume, carries_what_nobody_here_can_check, with_fixture};
pub use clock::moment as moment_text;
pub use guards::GuardNote;
pub use words::place_words;

/// What became of the caller's token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenNote {
    /// Places where one was looked for; empty where no rule asks for a caller.
    pub looked_in: Vec<String>,
    /// Where it stood.
    pub place: Option<String>,
    /// Every check, in the order of the verifier.
    pub checks: Vec<CheckNote>,
    /// Why it was refused.
    pub rejected: Option<RejectedNote>,
    /// Whom it names.
    pub caller: Option<CallerNote>,
    /// Guards that the policy declares, and whether it belongs to them.
    pub guards: Vec<GuardNote>,
    /// The signature was not checked: whoever asked had no keys, and the token was taken for good.
    pub signature_assumed: bool,
}

/// What a token holds, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The header.
    pub header: Option<Map<String, Value>>,
    /// The claims.
    pub claims: Option<Map<String, Value>>,
}

/// One check of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckNote {
    /// `form`, `issuer`, `algorithm`, `key`, `signature`, `type`, `claims`, `audience`, `times`.
    pub check: Cow<'static, str>,
    /// What the token says.
    pub says: String,
    /// What is asked of it.
    pub asks: String,
    /// `yes`, `no`, `not reached`, or `not checked`: whoever asked has no keys, and the token was taken for good.
    pub verdict: Cow<'static, str>,
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedNote {
    /// The reason's word.
    pub reason: Cow<'static, str>,
    /// A sentence.
    pub detail: String,
}

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerNote {
    /// The issuer's name in the policy.
    pub issuer: String,
    /// The subject.
    pub subject: Option<String>,
    /// Every guard that the token belongs to.
    pub guards: Vec<String>,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Whether one of them stands for all.
    pub all_scopes: bool,
    /// Roles.
    pub roles: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Permissions.
    pub permissions: Vec<String>,
    /// The key that verified it.
    pub key_id: Option<String>,
    /// When it ends, leeway included.
    pub expires: Option<String>,
}

/// What a policy set makes of a token, wherever one would send it. Where the issuer's keys are not in the
/// snapshot, `secret` (drawn for this question alone) stands in for them, and the note says so.
#[must_use]
pub fn inspect(snapshot: &Snapshot, token: &str, secret: [u8; 32], now: UnixTime) -> TokenNote {
    let place = usual_place(snapshot, token);
    let mut written =
        Written { method: "GET".into(), host: "inspect".into(), target: "/".into(), ..Written::default() };
    let mut snapshot = Snapshot { policy: snapshot.policy.clone(), trust: snapshot.trust.forgetful() };
    let assumed = carries_what_nobody_here_can_check(&snapshot, token, &secret);
    if assumed.is_some() {
        snapshot.trust = with_fixture(&snapshot, secret, now);
    }
    written.carry(assumed.as_deref().unwrap_or(token), &place);
    let incoming = written.incoming();
    let everyone = snapshot.policy.guards.issuers_of(&[GuardName::Any]);
    let mut note = match crate::engine::read(&snapshot, &incoming) {
        Ok(request) => note(&snapshot, &request, &everyone, now),
        Err(denial) => TokenNote {
            rejected: Some(RejectedNote {
                reason: denial.reason.label().into(),
                detail: denial.detail.as_deref().unwrap_or_default().to_owned(),
            }),
            ..TokenNote::default()
        },
    };
    if assumed.is_some() {
        assume(&mut note);
    }
    note
}

/// Header and claims of a token as they stand there, where they can be read. Nothing about them was checked.
#[must_use]
pub fn contents(token: &str) -> Contents {
    let decoded = Decoded::of(token);
    Contents { header: decoded.header, claims: decoded.claims }
}

/// Whether a token says to be of an issuer: by its `iss`, or by having none.
fn is_of(issuer: &IssuerSettings, token: &Decoded) -> bool {
    let iss = token.claims.as_ref().and_then(|claims| claims.get("iss"));
    match iss.map(Value::as_str) {
        None => issuer.iss.is_empty(),
        Some(iss) => iss.is_some_and(|iss| issuer.iss.iter().any(|known| **known == *iss)),
    }
}

/// The first place of the issuer that a token claims to be of; the Authorization header of a stranger's.
#[must_use]
pub fn usual_place(snapshot: &Snapshot, token: &str) -> Place {
    let decoded = Decoded::of(token);
    let issuer = snapshot.policy.issuers.iter().find(|issuer| is_of(issuer, &decoded));
    issuer.and_then(|issuer| issuer.places.first().cloned()).unwrap_or_else(Place::usual)
}

/// Notes on the token of a request, looked for where the rules did.
pub(super) fn note(
    snapshot: &Snapshot,
    request: &Request<'_>,
    look_in: &[IssuerId],
    now: UnixTime,
) -> TokenNote {
    let mut note = TokenNote { looked_in: places(snapshot, look_in), ..TokenNote::default() };
    if look_in.is_empty() {
        return note;
    }
    let credential = match snapshot.trust.credential(request, look_in) {
        Ok(None) => return note,
        Ok(Some((token, place))) => {
            note.place = place.map(place_words);
            Decoded::of(&token)
        }
        Err(rejection) => {
            note.checks = checks(snapshot, &Decoded::default(), Stage::Place, None, now);
            note.rejected = Some(rejected(&rejection));
            return note;
        }
    };
    match snapshot.trust.authenticate(request, look_in, now, Attempt::Final) {
        Ok(authenticated) => {
            if let Caller::Verified(identity) = authenticated.caller {
                note.checks = checks(snapshot, &credential, Stage::Done, Some(identity.issuer), now);
                note.guards = guards::notes(snapshot, &identity);
                note.caller = Some(caller(snapshot, &identity));
            }
        }
        Err(Refused::Rejected(rejection)) => {
            let stage = stage_of(&rejection);
            note.checks = checks(snapshot, &credential, stage, rejection.issuer, now);
            note.rejected = Some(rejected(&rejection));
        }
        // A final attempt never asks for keys.
        Err(Refused::NeedsKeys(issuer)) => {
            note.checks = checks(snapshot, &credential, Stage::Key, Some(issuer), now);
        }
    }
    note
}

fn rejected(rejection: &Rejection) -> RejectedNote {
    RejectedNote { reason: rejection.reason.label().into(), detail: rejection.detail.to_string() }
}

fn places(snapshot: &Snapshot, look_in: &[IssuerId]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let settings = look_in.iter().filter_map(|id| snapshot.policy.issuers.get(usize::from(id.0)));
    for words in settings.flat_map(|settings| settings.places.iter().map(place_words)) {
        if !found.contains(&words) {
            found.push(words);
        }
    }
    found
}

fn caller(snapshot: &Snapshot, identity: &Identity) -> CallerNote {
    let guards = &snapshot.policy.guards;
    let texts = |list: &[Box<str>]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    CallerNote {
        issuer: guards.issuer_name(identity.issuer).to_owned(),
        subject: identity.subject.as_deref().map(str::to_owned),
        guards: guards.all_of(identity).into_iter().map(str::to_owned).collect(),
        scopes: texts(&identity.scopes),
        all_scopes: identity.all_scopes,
        roles: texts(&identity.roles),
        groups: texts(&identity.groups),
        permissions: texts(&identity.permissions),
        key_id: identity.key_id.as_deref().map(str::to_owned),
        expires: identity.expires.map(moment),
    }
}
