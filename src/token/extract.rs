//! Finding the credential: in the places of the issuers that a rule asks for, and only one.

use std::str;

use crate::decision::Denied;
use crate::request::Request;

use super::settings::{IssuerSettings, Place};

/// A credential and where it stood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub token: String,
    pub place: Place,
}

/// Why there is no single credential.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    pub reason: Denied,
    pub detail: &'static str,
}

/// Looks in all places of these issuers.
pub(super) fn find<'i>(
    request: &Request<'_>,
    issuers: impl Iterator<Item = &'i IssuerSettings>,
    most_bytes: usize,
) -> Result<Option<Found>, Unclear> {
    let mut places: Vec<&Place> = Vec::new();
    for place in issuers.flat_map(|issuer| &issuer.places) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let mut found: Option<Found> = None;
    for place in places {
        for token in at(request, place)? {
            if found.is_some() {
                return Err(Unclear { reason: Denied::AmbiguousToken, detail: "more than one credential" });
            }
            found = Some(Found { token, place: place.clone() });
        }
    }
    let Some(found) = found else { return Ok(None) };
    if found.token.is_empty() {
        return Err(Unclear { reason: Denied::MalformedToken, detail: "the place of the token is empty" });
    }
    if found.token.len() > most_bytes {
        return Err(Unclear { reason: Denied::TooLarge, detail: "the token is over `limits.token_bytes`" });
    }
    Ok(Some(found))
}

/// Whether something stands in a place of one of these issuers.
pub(super) fn is_present<'i>(request: &Request<'_>, issuers: impl Iterator<Item = &'i IssuerSettings>) -> bool {
    issuers.flat_map(|issuer| &issuer.places).any(|place| match at(request, place) {
        Ok(tokens) => !tokens.is_empty(),
        Err(_) => true,
    })
}

/// What stands in one place; every occurrence counts.
fn at(request: &Request<'_>, place: &Place) -> Result<Vec<String>, Unclear> {
    match place {
        Place::Header { name, scheme } => {
            let mut tokens = Vec::new();
            for value in request.headers.all(name) {
                let value = str::from_utf8(value).map_err(|_| Unclear {
                    reason: Denied::MalformedToken,
                    detail: "the header of the token is not text",
                })?;
                let token = match scheme {
                    Some(scheme) => after_scheme(value, scheme)?,
                    None => Some(value),
                };
                tokens.extend(token.map(str::to_owned));
            }
            Ok(tokens)
        }
        Place::Cookie(name) => Ok(cookies(request, name)),
        Place::Query(name) => Ok(request.query.all(name).map(|value| value.into_owned()).collect()),
    }
}

/// RFC 9110 section 11.4: the scheme without regard to case, one or more spaces, the credential. Another
/// scheme is no token; a scheme with nothing after it is a malformed one.
fn after_scheme<'v>(value: &'v str, scheme: &str) -> Result<Option<&'v str>, Unclear> {
    let Some((word, rest)) = value.split_at_checked(scheme.len()) else { return Ok(None) };
    if !word.eq_ignore_ascii_case(scheme) {
        return Ok(None);
    }
    let malformed = |detail| Err(Unclear { reason: Denied::MalformedToken, detail });
    if rest.trim().is_empty() {
        return malformed("nothing follows the scheme");
    }
    let Some(token) = rest.strip_prefix(' ').map(|rest| rest.trim_start_matches(' ')) else {
        // `Bearer` with a tab or other white space after it would be a token to some, and none to others.
        return if rest.starts_with(char::is_whitespace) { malformed("no space follows the scheme") } else { Ok(None) };
    };
    if token.contains(char::is_whitespace) {
        return malformed("white space stands in the credential");
    }
    Ok(Some(token))
}

fn cookies(request: &Request<'_>, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for value in request.headers.all("cookie") {
        // HTTP/1 repeats come joined by commas from some proxies; a compact JWS holds neither `,` nor `;`.
        let Ok(value) = str::from_utf8(value) else { continue };
        for pair in value.split([';', ',']) {
            if let Some((_, token)) = pair.split_once('=').filter(|(known, _)| known.trim() == name) {
                let token = token.trim();
                found.push(token.strip_prefix('"').and_then(|token| token.strip_suffix('"')).unwrap_or(token).to_owned());
            }
        }
    }
    found
}
