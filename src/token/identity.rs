//! From verified claims to an identity: times, audience, and where an issuer keeps what.

use std::collections::HashSet;

use serde_json::Value;
use smallvec::SmallVec;

use crate::decision::Denied;
use crate::time::UnixTime;

use super::claims::{ClaimPath, Claims};
use super::header::Header;
use super::settings::{Audiences, IssuerSettings};
use super::{Identity, IssuerId};

/// Why claims are not good enough.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    pub reason: Denied,
    pub detail: &'static str,
}

const fn unfit(reason: Denied, detail: &'static str) -> Unfit {
    Unfit { reason, detail }
}

/// The times of a token, kept beside an identity so that they are judged again at every use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued: Option<UnixTime>,
}

impl Times {
    fn read(claims: &Claims, issuer: &IssuerSettings) -> Result<Self, Unfit> {
        let time = |name: &str, detail| match claims.get(name) {
            None => Ok(None),
            Some(value) => moment(value).map(Some).ok_or(unfit(Denied::InvalidClaims, detail)),
        };
        let times = Self {
            expires: time("exp", "`exp` is no time")?,
            not_before: time("nbf", "`nbf` is no time")?,
            issued: time("iat", "`iat` is no time")?,
        };
        if times.expires.is_none() && issuer.require_expiry {
            return Err(unfit(Denied::InvalidClaims, "it has no `exp`"));
        }
        if times.issued.is_none() && issuer.max_age.is_some() {
            return Err(unfit(Denied::InvalidClaims, "it has no `iat`, and `max_age` asks for one"));
        }
        Ok(times)
    }

    /// Judges the times. A token is good before `exp` plus leeway, and from `nbf` minus leeway on.
    pub fn judge(self, issuer: &IssuerSettings, now: UnixTime) -> Result<(), Unfit> {
        if self.expires.is_some_and(|expires| now >= expires.plus(issuer.leeway)) {
            return Err(unfit(Denied::Expired, "it is past `exp`"));
        }
        if self.not_before.is_some_and(|not_before| now < not_before.minus(issuer.leeway)) {
            return Err(unfit(Denied::NotYetValid, "it is before `nbf`"));
        }
        let Some((issued, max_age)) = self.issued.zip(issuer.max_age) else { return Ok(()) };
        if now < issued.minus(issuer.leeway) {
            return Err(unfit(Denied::NotYetValid, "it was issued in the future"));
        }
        if now >= issued.plus(max_age).plus(issuer.leeway) {
            return Err(unfit(Denied::Expired, "it is older than `max_age`"));
        }
        Ok(())
    }

    /// Not to be used at or after this moment.
    fn end(self, issuer: &IssuerSettings) -> Option<UnixTime> {
        let by_age =
            self.issued.zip(issuer.max_age).map(|(issued, age)| issued.plus(age).plus(issuer.leeway));
        let by_expiry = self.expires.map(|expires| expires.plus(issuer.leeway));
        [by_age, by_expiry].into_iter().flatten().min()
    }
}

/// Seconds since the epoch, with or without a fraction (RFC 7519 section 2, `NumericDate`).
fn moment(value: &Value) -> Option<UnixTime> {
    let Value::Number(number) = value else { return None };
    if let Some(seconds) = number.as_i64() {
        return Some(UnixTime::from_seconds(seconds))
            .filter(|_| (0..=UnixTime::LAST.seconds()).contains(&seconds));
    }
    let seconds = number.as_f64().filter(|seconds| (0.0..=253_402_300_799.0).contains(seconds))?;
    // Through the decimal form: exact for every value in range, without a cast.
    format!("{:.0}", (seconds * 1000.0).floor()).parse().ok().map(UnixTime::from_millis)
}

/// Judges verified claims and reads the identity. Times are read, and judged at every use.
pub(super) fn identify(
    issuer: &IssuerSettings,
    id: IssuerId,
    header: Header,
    claims: Claims,
) -> Result<(Identity, Times), Unfit> {
    if !issuer.types.contains(&header.token_type) {
        return Err(unfit(Denied::WrongType, "its `typ` is not an allowed one"));
    }
    let times = Times::read(&claims, issuer)?;
    for (path, wanted) in &issuer.read.must_equal {
        if path.find(&claims).and_then(Value::as_str) != Some(wanted) {
            return Err(unfit(Denied::WrongType, "a claim says that it is another kind of token"));
        }
    }
    let audiences = audiences(issuer, &claims)?;
    let subject = subject(&issuer.read.subject, &claims)?;
    let scopes = union(
        &issuer.read.scopes,
        &claims,
        Split::AtSpaces,
        "its scopes are neither text nor a list of texts",
    )?;
    let all_scopes = issuer.scope_wildcard.as_ref().is_some_and(|wildcard| scopes.contains(wildcard));
    let whole = |paths, detail| union(paths, &claims, Split::Never, detail);
    let identity = Identity {
        issuer: id,
        subject,
        all_scopes,
        scopes,
        roles: whole(&issuer.read.roles, "its roles are neither text nor a list of texts")?,
        groups: whole(&issuer.read.groups, "its groups are neither text nor a list of texts")?,
        permissions: whole(&issuer.read.permissions, "its permissions are neither text nor a list of texts")?,
        audiences,
        token_type: header.token_type,
        key_id: header.key_id,
        expires: times.end(issuer),
        claims,
    };
    Ok((identity, times))
}

/// RFC 7519 section 4.1.3: a string or a list of strings; one of them must be ours.
fn audiences(issuer: &IssuerSettings, claims: &Claims) -> Result<Box<[Box<str>]>, Unfit> {
    let wrong = unfit(Denied::InvalidClaims, "its audience is neither a string nor a list of strings");
    let found: Box<[Box<str>]> = match first(&issuer.read.audience, claims) {
        None => Box::default(),
        Some(Value::String(audience)) => Box::from([audience.as_str().into()]),
        Some(Value::Array(items)) => {
            let texts: Option<Vec<Box<str>>> =
                items.iter().map(|item| item.as_str().map(Into::into)).collect();
            texts.ok_or(wrong)?.into()
        }
        Some(_) => return Err(wrong),
    };
    if let Audiences::OneOf(ours) = &issuer.audiences
        && !ours.iter().any(|audience| found.contains(audience))
    {
        return Err(unfit(Denied::WrongAudience, "it is for somebody else"));
    }
    Ok(found)
}

/// A string, or an integer as tymon/jwt-auth writes it. An empty one is none (Passport's client tokens).
fn subject(paths: &[ClaimPath], claims: &Claims) -> Result<Option<Box<str>>, Unfit> {
    match first(paths, claims) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty()).map(Into::into)),
        Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string().into())),
        Some(_) => Err(unfit(Denied::InvalidClaims, "its subject is neither a string nor an integer")),
    }
}

/// What stands at the first of these paths that is there; null is not there.
fn first<'c>(paths: &[ClaimPath], claims: &'c Claims) -> Option<&'c Value> {
    paths.iter().filter_map(|path| path.find(claims)).find(|value| !value.is_null())
}

/// Whether a text is one element or several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    /// Scopes: RFC 6749 section 3.3.
    AtSpaces,
    /// A role with a space in its name is one role.
    Never,
}

/// What stands at all of these paths. Of an object the members whose value is not false or null count
/// (ZITADEL's roles). What is of any other type could not be told from nothing, so such a token is refused:
/// a `not` over it must not open.
fn union(
    paths: &[ClaimPath],
    claims: &Claims,
    split: Split,
    ill_typed: &'static str,
) -> Result<Box<[Box<str>]>, Unfit> {
    let mut found: SmallVec<[&str; 16]> = SmallVec::new();
    let mut add = |text| {
        if !str::is_empty(text) {
            found.push(text);
        }
    };
    for path in paths {
        let value = path.follow(claims).map_err(|_| unfit(Denied::InvalidClaims, ill_typed))?;
        let Some(value) = value else { continue };
        match value {
            Value::Null => {}
            Value::String(text) if split == Split::AtSpaces => text.split(' ').for_each(&mut add),
            Value::String(text) => add(text),
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::String(text) => add(text),
                        Value::Null
                        | Value::Bool(_)
                        | Value::Number(_)
                        | Value::Array(_)
                        | Value::Object(_) => return Err(unfit(Denied::InvalidClaims, ill_typed)),
                    }
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    if !matches!(value, Value::Null | Value::Bool(false)) {
                        add(name);
                    }
                }
            }
            Value::Bool(_) | Value::Number(_) => {
                return Err(unfit(Denied::InvalidClaims, ill_typed));
            }
        }
    }
    let mut seen: HashSet<&str> = HashSet::new();
    let mut is_first = |index: usize, text| match found.len() {
        0..=FEW => found.iter().take(index).all(|before| *before != text),
        _ => seen.insert(text),
    };
    let firsts = found.iter().enumerate().filter(|(index, text)| is_first(*index, **text));
    Ok(firsts.map(|(_, text)| (*text).into()).collect())
}

/// So many are compared with each other; more would take a time that grows with their square.
const FEW: usize = 16;
