//! A token, check by check: what it says, what its issuer asks, and where the verifier stopped.

mod clock;
mod decoded;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cases::Request as Written;
use crate::decision::Denied;
use crate::engine::Snapshot;
use crate::policy::guard::GuardName;
use crate::request::Request;
use crate::time::UnixTime;
use crate::token::claims::Claims;
use crate::token::settings::{Algorithm, Audiences, IssuerSettings, Place};
use crate::token::trust::Refused;
use crate::token::{Attempt, Caller, Identity, IssuerId, Rejection};

use super::notes::cut;
use clock::{moment, span};
use decoded::Decoded;

pub use clock::moment as moment_text;

/// What became of the caller's token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
    /// The signature was not checked: whoever asked had no keys, and the token was taken for good.
    pub signature_assumed: bool,
}

/// One check of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckNote {
    /// `form`, `issuer`, `algorithm`, `key`, `signature`, `type`, `claims`, `audience`, `times`.
    pub check: &'static str,
    /// What the token says.
    pub says: String,
    /// What is asked of it.
    pub asks: String,
    /// `yes`, `no`, or `not reached`.
    pub verdict: &'static str,
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectedNote {
    /// The reason's word.
    pub reason: &'static str,
    /// A sentence.
    pub detail: String,
}

/// A verified caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// What the verifier checks, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
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

/// What a policy set makes of a token, wherever one would send it.
#[must_use]
pub fn inspect(snapshot: &Snapshot, token: &str, now: UnixTime) -> TokenNote {
    let place = usual_place(snapshot, token);
    let mut written =
        Written { method: "GET".into(), host: "inspect".into(), target: "/".into(), ..Written::default() };
    written.carry(token, &place);
    let incoming = written.incoming();
    let everyone = snapshot.policy.guards.issuers_of(&[GuardName::Any]);
    match crate::engine::read(snapshot, &incoming) {
        Ok(request) => note(snapshot, &request, &everyone, now),
        Err(denial) => TokenNote {
            rejected: Some(RejectedNote {
                reason: denial.reason.label(),
                detail: denial.detail.as_deref().unwrap_or_default().to_owned(),
            }),
            ..TokenNote::default()
        },
    }
}

/// The first place of the issuer that a token claims to be of; the Authorization header of a stranger's.
#[must_use]
pub fn usual_place(snapshot: &Snapshot, token: &str) -> Place {
    let iss = Decoded::of(token)
        .claims
        .and_then(|claims| claims.get("iss").and_then(Value::as_str).map(str::to_owned));
    let is_it = |issuer: &&std::sync::Arc<IssuerSettings>| match &iss {
        Some(iss) => issuer.iss.iter().any(|known| **known == **iss),
        None => issuer.iss.is_empty(),
    };
    let issuer = snapshot.policy.issuers.iter().find(is_it);
    let authorization = || Place::Header { name: "authorization".into(), scheme: Some("Bearer".into()) };
    issuer.and_then(|issuer| issuer.places.first().cloned()).unwrap_or_else(authorization)
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
    RejectedNote { reason: rejection.reason.label(), detail: rejection.detail.to_string() }
}

/// Where the verifier stopped. Its order is fixed, so the reason tells the place.
fn stage_of(rejection: &Rejection) -> Stage {
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

fn checks(
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
        notes.push(CheckNote { check, says: cut(&says), asks, verdict });
    }
    notes
}

/// A member as JSON, or that it is not there.
fn member(members: &Map<String, Value>, name: &str) -> String {
    match members.get(name) {
        None => format!("no `{name}`"),
        Some(Value::String(text)) => format!("{name} {text}"),
        Some(other) => format!("{name} {other}"),
    }
}

fn issuer_asks(snapshot: &Snapshot, settings: Option<&IssuerSettings>) -> String {
    let iss_of = |settings: &IssuerSettings| {
        if settings.iss.is_empty() { "no `iss`".to_owned() } else { settings.iss.join(" or ") }
    };
    if let Some(settings) = settings {
        return format!("{}: {}", settings.name, iss_of(settings));
    }
    let all = snapshot.policy.issuers.iter().map(|settings| iss_of(settings));
    format!("one of: {}", all.collect::<Vec<_>>().join(", "))
}

fn algorithm_asks(settings: Option<&IssuerSettings>) -> String {
    match settings.map(|settings| &settings.algorithms) {
        Some(Some(list)) => list.iter().copied().map(Algorithm::name).collect::<Vec<_>>().join(" or "),
        Some(None) => "what the issuer's public keys are for".to_owned(),
        None => String::new(),
    }
}

fn key_asks(snapshot: &Snapshot, issuer: Option<IssuerId>) -> String {
    let Some(issuer) = issuer else { return String::new() };
    let sets = snapshot.trust.keys(issuer).iter().filter_map(|source| source.set.as_deref());
    let ids: Vec<String> = sets
        .flat_map(|set| set.describe().map(|(id, _)| id.unwrap_or("(any id)").to_owned()).collect::<Vec<_>>())
        .collect();
    if ids.is_empty() { "the issuer's keys are not there".to_owned() } else { cut(&ids.join(", ")) }
}

fn type_says(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    settings: Option<&IssuerSettings>,
) -> String {
    let mut says = member(header, "typ");
    let known = Claims::from(claims.clone());
    for (path, _) in settings.iter().flat_map(|settings| &settings.read.must_equal) {
        let found = path.find(&known).map_or("none".to_owned(), ToString::to_string);
        says.push_str(&format!(", claim {path} {found}"));
    }
    says
}

fn type_asks(settings: Option<&IssuerSettings>) -> String {
    let Some(settings) = settings else { return String::new() };
    let types = settings.types.iter().map(|known| known.as_deref().unwrap_or("none"));
    let mut asks = types.collect::<Vec<_>>().join(" or ");
    for (path, wanted) in &settings.read.must_equal {
        asks.push_str(&format!(", claim {path} {wanted}"));
    }
    asks
}

fn audience_says(claims: &Map<String, Value>, settings: Option<&IssuerSettings>) -> String {
    let Some(settings) = settings else { return member(claims, "aud") };
    let known = Claims::from(claims.clone());
    let found = settings.read.audience.iter().find_map(|path| Some((path, path.find(&known)?)));
    match found {
        Some((path, Value::String(text))) => format!("{path} {text}"),
        Some((path, other)) => format!("{path} {other}"),
        None => settings.read.audience.first().map_or(String::new(), |path| format!("no `{path}`")),
    }
}

fn audience_asks(settings: Option<&IssuerSettings>) -> String {
    match settings.map(|settings| &settings.audiences) {
        Some(Audiences::Any) => "any".to_owned(),
        Some(Audiences::OneOf(list)) => list.join(" or "),
        None => String::new(),
    }
}

fn times_say(claims: &Map<String, Value>, now: UnixTime) -> String {
    let mut says = Vec::new();
    for name in ["exp", "nbf", "iat"] {
        let seconds = claims.get(name).and_then(|value| value.as_i64().or_else(|| decoded::whole(value)));
        match (seconds, claims.get(name)) {
            (Some(seconds), _) => {
                let at = UnixTime::from_seconds(seconds);
                says.push(format!("{name} {} ({})", moment(at), span(at, now)));
            }
            (None, Some(other)) => says.push(format!("{name} {other}")),
            (None, None) if name == "exp" => says.push("no `exp`".to_owned()),
            (None, None) => {}
        }
    }
    says.join(", ")
}

fn times_asks(settings: Option<&IssuerSettings>) -> String {
    let Some(settings) = settings else { return String::new() };
    let mut asks = format!("leeway {}", clock::words(settings.leeway));
    if let Some(age) = settings.max_age {
        asks.push_str(&format!(", no older than {}", clock::words(age)));
    }
    if !settings.require_expiry {
        asks.push_str(", `exp` may be missing");
    }
    asks
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

/// A place in words.
#[must_use]
pub fn place_words(place: &Place) -> String {
    match place {
        Place::Header { name, scheme: Some(scheme) } => format!("header {name} ({scheme})"),
        Place::Header { name, scheme: None } => format!("header {name}"),
        Place::Cookie(name) => format!("cookie {name}"),
        Place::Query(name) => format!("query {name}"),
    }
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
