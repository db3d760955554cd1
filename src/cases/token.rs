//! Tokens made from claims: compact JWTs that go the whole way through the verifier.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::policy::Policy;
use crate::policy::guard::{Guard, GuardName};
use crate::policy::units;
use crate::time::UnixTime;
use crate::token::claims::ClaimPath;
use crate::token::settings::{Audiences, IssuerSettings, Place};

/// A token before it is signed: what a guard and its issuer ask is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The header's members.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// The first place of its issuer.
    pub place: Option<Place>,
}

/// Fills in what a guard and its issuer ask.
///
/// # Errors
/// Says which guard is unknown.
pub fn fill(policy: &Policy, guard: &str, now: UnixTime) -> Result<Shape, String> {
    let id = policy.guards.find(guard).ok_or_else(|| format!("there is no guard or issuer `{guard}`"))?;
    let guard = policy.guards.get(id).ok_or_else(|| format!("there is no guard `{guard}`"))?;
    let issuer = policy.guards.issuers_of(&[GuardName::One(id)]);
    let issuer = issuer.first().and_then(|issuer| policy.issuers.get(usize::from(issuer.0)));
    let issuer = issuer.ok_or_else(|| format!("guard `{}` has no issuer", guard.name))?;
    Ok(Shape {
        header: fill_header(issuer, guard),
        claims: fill_claims(issuer, guard, now),
        place: issuer.places.first().cloned(),
    })
}

impl Shape {
    /// Puts written members over the filled-in ones; null removes one, and times may be relative: `-5m`.
    pub fn overlay(&mut self, claims: &Map<String, Value>, header: &Map<String, Value>, now: UnixTime) {
        overlay(&mut self.claims, claims, now);
        overlay(&mut self.header, header, now);
    }

    /// Sets a claim by its path.
    pub fn set(&mut self, path: &ClaimPath, value: Value) {
        put(&mut self.claims, path, value);
    }

    /// Header and claims as they are signed: two parts of a compact JWS, joined by a dot.
    #[must_use]
    pub fn to_be_signed(&self) -> String {
        let encode =
            |part: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string());
        format!("{}.{}", encode(&self.header), encode(&self.claims))
    }
}

/// Signs with the secret of a run, whatever algorithm the header names.
#[must_use]
pub fn sign(shape: &Shape, secret: &[u8; 32]) -> String {
    sign_text(&shape.to_be_signed(), secret)
}

/// Signs two parts of a compact JWS, as they are.
#[must_use]
pub fn sign_text(signed: &str, secret: &[u8; 32]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn fill_header(issuer: &IssuerSettings, guard: &Guard) -> Map<String, Value> {
    let algorithm =
        issuer.algorithms.as_ref().and_then(|list| list.first()).map_or("RS256", |first| first.name());
    let mut header = Map::new();
    header.insert("alg".to_owned(), algorithm.into());
    let types = guard.types.as_ref().unwrap_or(&issuer.types);
    if !types.contains(&None)
        && let Some(first) = types.iter().flatten().next()
    {
        header.insert("typ".to_owned(), first.as_ref().into());
    }
    header
}

fn fill_claims(issuer: &IssuerSettings, guard: &Guard, now: UnixTime) -> Map<String, Value> {
    let mut claims = Map::new();
    if let Some(iss) = issuer.iss.first() {
        claims.insert("iss".to_owned(), iss.as_ref().into());
    }
    claims.insert("iat".to_owned(), now.seconds().into());
    claims.insert("exp".to_owned(), (now.seconds() + 3600).into());
    let of_guard = guard.audiences.as_ref().and_then(|audiences| audiences.first());
    let of_issuer = match &issuer.audiences {
        Audiences::Any => None,
        Audiences::OneOf(audiences) => audiences.first(),
    };
    if let (Some(path), Some(_)) = (issuer.read.audience.first(), of_guard.or(of_issuer)) {
        let mut audiences: Vec<Value> = Vec::new();
        // A guard's audience that is the issuer's, too, is enough: a second would make it another's as well.
        let is_enough = of_guard.is_some_and(|audience| is_of_issuer(issuer, audience));
        for audience in of_issuer.filter(|_| !is_enough).into_iter().chain(of_guard) {
            let audience = Value::from(audience.as_ref());
            if !audiences.contains(&audience) {
                audiences.push(audience);
            }
        }
        let value = if audiences.len() == 1 { audiences.remove(0) } else { Value::Array(audiences) };
        put(&mut claims, path, value);
    }
    for (path, text) in &issuer.read.must_equal {
        put(&mut claims, path, text.as_ref().into());
    }
    for (path, matcher) in &guard.claims {
        if let Some(example) = matcher.example() {
            put(&mut claims, path, example);
        }
    }
    claims
}

fn is_of_issuer(issuer: &IssuerSettings, audience: &str) -> bool {
    match &issuer.audiences {
        Audiences::Any => true,
        Audiences::OneOf(audiences) => audiences.iter().any(|one| **one == *audience),
    }
}

fn put(claims: &mut Map<String, Value>, path: &ClaimPath, value: Value) {
    let Some((last, way)) = path.segments().split_last() else { return };
    let mut inner = claims;
    for segment in way {
        let next = inner.entry(segment.to_string()).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(object) = next else { return };
        inner = object;
    }
    inner.insert(last.to_string(), value);
}

/// Written members win; null removes; `exp`, `nbf`, `iat` and `auth_time` may be relative: `-5m`.
fn overlay(filled: &mut Map<String, Value>, written: &Map<String, Value>, now: UnixTime) {
    for (name, value) in written {
        match value {
            Value::Null => {
                filled.remove(name);
            }
            Value::String(text) if is_time(name) => {
                let moment = relative(text, now).map_or_else(|| value.clone(), Value::from);
                filled.insert(name.clone(), moment);
            }
            Value::Object(inner) => {
                // A nested claim that the guard filled in stays beside what is written.
                match filled.get_mut(name) {
                    Some(Value::Object(outer)) => overlay(outer, inner, now),
                    _ => {
                        filled.insert(name.clone(), value.clone());
                    }
                }
            }
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                filled.insert(name.clone(), other.clone());
            }
        }
    }
}

fn is_time(name: &str) -> bool {
    matches!(name, "exp" | "nbf" | "iat" | "auth_time")
}

fn relative(text: &str, now: UnixTime) -> Option<i64> {
    let moment = match text.strip_prefix('-') {
        Some(duration) => now.minus(units::duration(duration)?),
        None => now.plus(units::duration(text.strip_prefix('+').unwrap_or(text))?),
    };
    Some(moment.seconds())
}
