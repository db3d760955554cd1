//! Section 3, as far as the random tokens go: where a token stands, whose it is, and what it says.

use std::collections::BTreeMap;

use aws_lc_rs::{hmac, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::target::{Sent, View, parameter_alike};

/// A key as the reference knows it.
#[derive(Debug, Clone)]
pub enum Key {
    Secret(Vec<u8>),
    Ed25519 { kid: String, public: Vec<u8> },
}

/// How an issuer's keys are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Read from a file: good at any time.
    Local,
    /// Fetched at this second.
    Fetched(i64),
    /// Never had.
    Never,
}

/// What can be said of fetched keys at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Availability {
    /// Fetched just now, or read from a file.
    Fresh,
    /// Fetched some time ago: good, but whether there is a newer key is not known.
    Old,
    /// Fetched so long ago that they are not trusted.
    Stale,
    /// Never had.
    Absent,
}

impl Held {
    /// By the defaults of `refresh`: a `cooldown` of 10 s, a `max_stale` of 24 h.
    fn at(self, now: i64) -> Availability {
        match self {
            Self::Local => Availability::Fresh,
            Self::Never => Availability::Absent,
            Self::Fetched(then) if now > then + 86_400 => Availability::Stale,
            Self::Fetched(then) if (now - then).abs() > 10 => Availability::Old,
            Self::Fetched(_) => Availability::Fresh,
        }
    }
}

/// Keys by the name of their issuer.
pub type Keys = BTreeMap<String, (Vec<Key>, Held)>;

/// Somebody whose token verified.
#[derive(Debug, Clone)]
pub struct Person {
    pub issuer: String,
    pub subject: Option<String>,
    pub scopes: Vec<String>,
    pub every_scope: bool,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub permissions: Vec<String>,
    pub audiences: Vec<String>,
    pub kind: Option<String>,
    pub claims: Value,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    Nobody,
    Unjudged,
    Known(Box<Person>),
    Refused(&'static str),
}

/// A place where a token may stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    Header(String, Option<String>),
    Cookie(String),
    Query(String),
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn spots(issuer: &Value) -> Vec<Spot> {
    let Some(places) = issuer.get("token").and_then(Value::as_array) else {
        return vec![Spot::Header("authorization".into(), Some("Bearer".into()))];
    };
    let spot = |place: &Value| match (text(place, "header"), text(place, "cookie"), text(place, "query")) {
        (Some(header), _, _) => Spot::Header(header, text(place, "scheme")),
        (_, Some(cookie), _) => Spot::Cookie(cookie),
        (_, _, query) => Spot::Query(query.expect("a place")),
    };
    places.iter().map(spot).collect()
}

/// What stands in a place: tokens, or something that is malformed there.
fn found(spot: &Spot, sent: &Sent, view: &View) -> Vec<Result<String, ()>> {
    match spot {
        Spot::Header(name, None) => sent.values(name).into_iter().map(Ok).collect(),
        Spot::Header(name, Some(scheme)) => {
            let read = |value: String| {
                let (word, rest) = value.split_once(' ').unwrap_or((&value, ""));
                if !word.eq_ignore_ascii_case(scheme) {
                    return None;
                }
                Some(if rest.trim().is_empty() { Err(()) } else { Ok(rest.trim_start().to_owned()) })
            };
            sent.values(name).into_iter().filter_map(read).collect()
        }
        Spot::Cookie(wanted) => {
            let pairs = sent.values("cookie");
            let pairs =
                pairs.iter().flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|(name, _)| name.trim() == wanted)
                .map(|(_, value)| Ok(value.trim().to_owned()))
                .collect()
        }
        Spot::Query(name) => view.parameter(name).into_iter().map(Ok).collect(),
    }
}

/// Whether something stands in a place of any issuer; `loosely`: or in one that looks like it.
pub fn something_stands(issuers: &[(String, Value)], sent: &Sent, view: &View, loosely: bool) -> bool {
    let stands = |spot: Spot| {
        let loose = match &spot {
            Spot::Header(name, None) => !sent.alike(name).is_empty(),
            Spot::Header(name, Some(scheme)) => sent.alike(name).iter().any(|value| {
                value.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case(scheme))
            }),
            Spot::Cookie(name) => sent.alike("cookie").iter().any(|value| {
                value
                    .split([';', ','])
                    .any(|pair| parameter_alike(pair.split('=').next().expect("a part"), name))
            }),
            Spot::Query(name) => !view.parameter_alike(name).is_empty(),
        };
        (loosely && loose) || !found(&spot, sent, view).is_empty()
    };
    issuers.iter().flat_map(|(_, issuer)| spots(issuer)).any(stands)
}

/// Whether some server would find a token in what stands in a place of any issuer and is none to us: behind a tab,
/// in quotes, before a second word, with its dots written otherwise.
pub fn could_be_unwrapped(issuers: &[(String, Value)], sent: &Sent, view: &View) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter);
    let is_odd = |text: &str| {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        text.split(['.', '%', '\\']).count() > 2 && !text.chars().all(plain)
    };
    let of_spot = |spot: Spot| match &spot {
        Spot::Header(name, Some(scheme)) => sent.values(name).iter().any(|value| {
            let value_after = value.trim_start();
            let end = value_after.find(|letter| !is_word(letter)).unwrap_or(value_after.len());
            let (word, rest) = value_after.split_at(end);
            let is_ours = word.eq_ignore_ascii_case(scheme) && !rest.trim().is_empty();
            let is_as_it_should_be = value_after == value && rest.starts_with(' ');
            is_ours && (!is_as_it_should_be || is_odd(rest.trim_start_matches(' ')))
        }),
        _ => found(&spot, sent, view).iter().flatten().any(|text| is_odd(text)),
    };
    issuers.iter().flat_map(|(_, issuer)| spots(issuer)).any(of_spot)
}

/// Looks for a token in the places of some issuers, and judges it.
pub fn listen(
    issuers: &[(String, Value)],
    look_in: &[String],
    keys: &Keys,
    sent: &Sent,
    view: &View,
    now: i64,
) -> Caller {
    let mut places: Vec<Spot> = issuers
        .iter()
        .filter(|(name, _)| look_in.contains(name))
        .flat_map(|(_, issuer)| spots(issuer))
        .collect();
    places.sort();
    places.dedup();
    let credentials: Vec<(Spot, Result<String, ()>)> = places
        .into_iter()
        .flat_map(|spot| found(&spot, sent, view).into_iter().map(move |one| (spot.clone(), one)))
        .collect();
    match credentials.as_slice() {
        [] => Caller::Nobody,
        several if several.iter().filter(|(_, one)| one.is_ok()).count() > 1 => {
            Caller::Refused("ambiguous_token")
        }
        several if several.iter().any(|(_, one)| one.is_err()) => {
            let beside_a_token = several.iter().any(|(_, one)| one.is_ok());
            Caller::Refused(if beside_a_token { "ambiguous_token" } else { "malformed_token" })
        }
        [(spot, Ok(token))] => judge(issuers, keys, spot, token, now),
        _ => Caller::Refused("ambiguous_token"),
    }
}

fn judge(issuers: &[(String, Value)], keys: &Keys, spot: &Spot, token: &str, now: i64) -> Caller {
    match verified(issuers, keys, spot, token, now) {
        Ok(person) => Caller::Known(Box::new(person)),
        Err("keys_unavailable") => Caller::Unjudged,
        Err(reason) => Caller::Refused(reason),
    }
}

fn verified(
    issuers: &[(String, Value)],
    keys: &Keys,
    spot: &Spot,
    token: &str,
    now: i64,
) -> Result<Person, &'static str> {
    if token.len() > 16 * 1024 {
        return Err("too_large");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, mark] = parts.as_slice() else { return Err("malformed_token") };
    let json = |part: &str| -> Option<Map<String, Value>> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let (Some(head), Some(claims)) = (json(header), json(payload)) else { return Err("malformed_token") };
    let mark = URL_SAFE_NO_PAD.decode(mark).map_err(|_| "malformed_token")?;
    let iss = claims.get("iss").and_then(Value::as_str);
    let is_his = |(_, issuer): &&(String, Value)| match (&issuer["issuer"], iss) {
        (Value::String(known), None) => known == "none",
        (Value::String(known), Some(iss)) => known == iss,
        (Value::Array(several), Some(iss)) => several.iter().any(|known| known == iss),
        _ => false,
    };
    let stands_here = |(_, issuer): &&(String, Value)| spots(issuer).contains(spot);
    let (name, issuer) = issuers.iter().filter(stands_here).find(is_his).ok_or("unknown_issuer")?;
    let algorithm = head.get("alg").and_then(Value::as_str).unwrap_or_default();
    let listed = issuer["algorithms"].as_array().expect("algorithms");
    if !listed.iter().any(|one| one == algorithm) {
        return Err("disallowed_algorithm");
    }
    signed(
        &keys[name],
        algorithm,
        head.get("kid").and_then(Value::as_str),
        &format!("{header}.{payload}"),
        &mark,
        now,
    )?;
    person(name, issuer, &head, claims, now)
}

fn signed(
    (keys, held): &(Vec<Key>, Held),
    algorithm: &str,
    kid: Option<&str>,
    text: &str,
    mark: &[u8],
    now: i64,
) -> Result<(), &'static str> {
    let availability = held.at(now);
    if matches!(availability, Availability::Stale | Availability::Absent) {
        return Err("keys_unavailable");
    }
    let is_named = |key: &Key| match key {
        Key::Secret(_) => true,
        Key::Ed25519 { kid: known, .. } => kid.is_none_or(|kid| kid == known),
    };
    if !keys.iter().any(is_named) {
        return Err(if availability == Availability::Fresh { "unknown_key" } else { "keys_unavailable" });
    }
    let verifies = |key: &Key| match key {
        Key::Secret(secret) => {
            let kind = match algorithm {
                "HS256" => hmac::HMAC_SHA256,
                "HS384" => hmac::HMAC_SHA384,
                _ => return false,
            };
            hmac::verify(&hmac::Key::new(kind, secret), text.as_bytes(), mark).is_ok()
        }
        Key::Ed25519 { public, .. } => {
            algorithm == "EdDSA"
                && signature::UnparsedPublicKey::new(&signature::ED25519, public)
                    .verify(text.as_bytes(), mark)
                    .is_ok()
        }
    };
    if keys.iter().filter(|key| is_named(key)).any(verifies) { Ok(()) } else { Err("bad_signature") }
}

fn person(
    name: &str,
    issuer: &Value,
    head: &Map<String, Value>,
    claims: Map<String, Value>,
    now: i64,
) -> Result<Person, &'static str> {
    let leeway = issuer.get("leeway").map_or(30, |leeway| seconds(leeway.as_str().expect("a duration")));
    let time =
        |claim: &str| claims.get(claim).map(|value| value.as_i64().ok_or("invalid_claims")).transpose();
    let expires = time("exp")?;
    if expires.is_none() && issuer.get("require_expiry") != Some(&Value::Bool(false)) {
        return Err("invalid_claims");
    }
    let (starts, issued) = (time("nbf")?, time("iat")?);
    let age = issuer.get("max_age").map(|age| seconds(age.as_str().expect("a duration")));
    if age.is_some() && issued.is_none() {
        return Err("invalid_claims");
    }
    let audiences = match claims.get("aud") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            several.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
        }
        Some(_) => return Err("invalid_claims"),
    };
    if let Some(wanted) = issuer["audiences"].as_array()
        && !wanted.iter().any(|one| audiences.iter().any(|audience| one == audience))
    {
        return Err("wrong_audience");
    }
    let kind = head.get("typ").and_then(Value::as_str).map(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind.strip_prefix("application/").map(str::to_owned).unwrap_or(kind)
    });
    if !kind_allowed(issuer.get("types"), kind.as_deref())
        .unwrap_or_else(|| matches!(kind.as_deref(), None | Some("jwt" | "at+jwt")))
    {
        return Err("wrong_type");
    }
    let subject = match claims.get("sub") {
        None => None,
        Some(Value::String(subject)) => Some(subject.clone()),
        Some(Value::Number(number)) if number.is_i64() => Some(number.to_string()),
        Some(_) => return Err("invalid_claims"),
    };
    // What is wrong whatever the time is told before what a clock could mend.
    if expires.is_some_and(|expires| now >= expires + leeway) {
        return Err("expired");
    }
    if starts.is_some_and(|start| now < start - leeway) {
        return Err("not_yet_valid");
    }
    if let (Some(age), Some(issued)) = (age, issued) {
        if now < issued - leeway {
            return Err("not_yet_valid");
        }
        if now >= issued + age + leeway {
            return Err("expired");
        }
    }
    let list = |path: &str, split: bool| -> Vec<String> {
        match claims.get(path) {
            Some(Value::String(text)) if split => text.split(' ').map(str::to_owned).collect(),
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            Some(Value::Object(members)) => {
                let counts = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
                members.iter().filter(|(_, value)| counts(value)).map(|(name, _)| name.clone()).collect()
            }
            _ => Vec::new(),
        }
    };
    let read = |key: &str, default: &str| {
        issuer
            .get("read")
            .and_then(|read| read.get(key))
            .and_then(Value::as_str)
            .unwrap_or(default)
            .to_owned()
    };
    let scopes = list(&read("scopes", "scope"), true);
    let wildcard = issuer.get("scope_wildcard").and_then(Value::as_str);
    Ok(Person {
        issuer: name.to_owned(),
        subject,
        every_scope: wildcard.is_some_and(|wildcard| scopes.iter().any(|scope| scope == wildcard)),
        scopes,
        roles: list(&read("roles", "roles"), false),
        groups: list("groups", false),
        permissions: list("permissions", false),
        audiences,
        kind,
        claims: Value::Object(claims),
    })
}

/// Whether a list of media types has this one; `None` where there is no list.
pub fn kind_allowed(types: Option<&Value>, kind: Option<&str>) -> Option<bool> {
    let types = types?.as_array()?;
    let is_it = |one: &Value| match (one.as_str().unwrap_or_default(), kind) {
        ("absent", kind) => kind.is_none(),
        (name, Some(kind)) => {
            let name = name.to_ascii_lowercase();
            name.strip_prefix("application/").unwrap_or(&name) == kind
        }
        (_, None) => false,
    };
    Some(types.iter().any(is_it))
}

fn seconds(duration: &str) -> i64 {
    let digits = duration.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: i64 = digits.parse().expect("a number");
    match duration.strip_prefix(digits).unwrap_or_default() {
        "s" => number,
        "m" => number * 60,
        "h" => number * 3600,
        other => panic!("unit {other}"),
    }
}
