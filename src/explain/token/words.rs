//! What a token says and what its issuer asks, check by check, in words.

use serde_json::{Map, Value};

use crate::engine::Snapshot;
use crate::explain::notes::cut;
use crate::time::UnixTime;
use crate::token::IssuerId;
use crate::token::claims::Claims;
use crate::token::settings::{Algorithm, Audiences, IssuerSettings, Place};

use super::clock::{self, moment, span};
use super::decoded;

/// A member as JSON, or that it is not there.
pub(super) fn member(members: &Map<String, Value>, name: &str) -> String {
    match members.get(name) {
        None => format!("no `{name}`"),
        Some(Value::String(text)) => format!("{name} {text}"),
        Some(other) => format!("{name} {other}"),
    }
}

pub(super) fn issuer_asks(snapshot: &Snapshot, settings: Option<&IssuerSettings>) -> String {
    let iss_of = |settings: &IssuerSettings| {
        if settings.iss.is_empty() { "no `iss`".to_owned() } else { settings.iss.join(" or ") }
    };
    if let Some(settings) = settings {
        return format!("{}: {}", settings.name, iss_of(settings));
    }
    let all = snapshot.policy.issuers.iter().map(|settings| iss_of(settings));
    format!("one of: {}", all.collect::<Vec<_>>().join(", "))
}

pub(super) fn algorithm_asks(settings: Option<&IssuerSettings>) -> String {
    match settings.map(|settings| &settings.algorithms) {
        Some(Some(list)) => list.iter().copied().map(Algorithm::name).collect::<Vec<_>>().join(" or "),
        Some(None) => "what the issuer's public keys are for".to_owned(),
        None => String::new(),
    }
}

pub(super) fn key_asks(snapshot: &Snapshot, issuer: Option<IssuerId>) -> String {
    let Some(issuer) = issuer else { return String::new() };
    let sets = snapshot.trust.keys(issuer).iter().filter_map(|source| source.set.as_deref());
    let ids: Vec<String> = sets
        .flat_map(|set| set.describe().map(|(id, _)| id.unwrap_or("(any id)").to_owned()).collect::<Vec<_>>())
        .collect();
    if ids.is_empty() { "the issuer's keys are not there".to_owned() } else { cut(&ids.join(", ")) }
}

pub(super) fn type_says(
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

pub(super) fn type_asks(settings: Option<&IssuerSettings>) -> String {
    let Some(settings) = settings else { return String::new() };
    let types = settings.types.iter().map(|known| known.as_deref().unwrap_or("none"));
    let mut asks = types.collect::<Vec<_>>().join(" or ");
    for (path, wanted) in &settings.read.must_equal {
        asks.push_str(&format!(", claim {path} {wanted}"));
    }
    asks
}

pub(super) fn audience_says(claims: &Map<String, Value>, settings: Option<&IssuerSettings>) -> String {
    let Some(settings) = settings else { return member(claims, "aud") };
    let known = Claims::from(claims.clone());
    let found = settings.read.audience.iter().find_map(|path| Some((path, path.find(&known)?)));
    match found {
        Some((path, Value::String(text))) => format!("{path} {text}"),
        Some((path, other)) => format!("{path} {other}"),
        None => settings.read.audience.first().map_or(String::new(), |path| format!("no `{path}`")),
    }
}

pub(super) fn audience_asks(settings: Option<&IssuerSettings>) -> String {
    match settings.map(|settings| &settings.audiences) {
        Some(Audiences::Any) => "any".to_owned(),
        Some(Audiences::OneOf(list)) => list.join(" or "),
        None => String::new(),
    }
}

pub(super) fn times_say(claims: &Map<String, Value>, now: UnixTime) -> String {
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

pub(super) fn times_asks(settings: Option<&IssuerSettings>) -> String {
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
