//! Finding the credential: in the places of the issuers that a rule asks for, and only one.

use std::borrow::Cow;
use std::str;

use memchr::memchr;

use crate::decision::Denied;
use crate::request::{Request, parameter_looks_like};

use super::settings::Place;

/// Number of a place among the distinct places of all issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlaceId(pub u16);

/// A credential and where it stood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'r> {
    pub token: Cow<'r, str>,
    pub place: PlaceId,
}

/// Why there is no single credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear {
    pub reason: Denied,
    pub detail: &'static str,
}

/// Nothing where a token should be: no server finds one there.
const EMPTY: Unclear = malformed("the place of the token is empty");
const BARE: Unclear = malformed("nothing follows the scheme");

const fn malformed(detail: &'static str) -> Unclear {
    Unclear { reason: Denied::MalformedToken, detail }
}

const fn ambiguous(detail: &'static str) -> Unclear {
    Unclear { reason: Denied::AmbiguousToken, detail }
}

/// Looks in these places, each given once.
pub(super) fn find<'r, 'p>(
    request: &'r Request<'_>,
    places: impl Iterator<Item = (PlaceId, &'p Place)>,
    most_bytes: usize,
) -> Result<Option<Found<'r>>, Unclear> {
    let mut found: Option<Found<'r>> = None;
    let mut unclear: Option<Unclear> = None;
    for (id, place) in places {
        let seen = visit(request, place, &mut |token| {
            if found.is_some() {
                return Err(ambiguous("more than one credential"));
            }
            found = Some(Found { token, place: id });
            Ok(())
        });
        match seen {
            Err(problem) if problem.reason == Denied::AmbiguousToken => return Err(problem),
            // The order of the places must not decide which of two problems is told.
            Err(problem) => unclear = unclear.or(Some(problem)),
            Ok(()) => {}
        }
    }
    match (&found, unclear) {
        // Somebody who looks in one of the places only would find a good credential: it must count for a rule that
        // asks whether there is one.
        (Some(_), Some(_)) => return Err(ambiguous("a credential, and something beside it that is none")),
        (None, Some(problem)) => return Err(problem),
        (Some(_) | None, None) => {}
    }
    let Some(found) = found else { return Ok(None) };
    if found.token.is_empty() {
        return Err(EMPTY);
    }
    if found.token.len() > most_bytes {
        return Err(Unclear { reason: Denied::TooLarge, detail: "the token is over `limits.token_bytes`" });
    }
    Ok(Some(found))
}

/// Whether something stands in a place, be it only something that cannot be read.
pub(super) fn is_present(request: &Request<'_>, place: &Place) -> bool {
    visit(request, place, &mut |_| Err(ambiguous("there is one"))).is_err()
}

/// Whether something stands in a place, or in one that some server would take for it.
pub(super) fn may_be_present(request: &Request<'_>, place: &Place) -> bool {
    is_present(request, place)
        || match place {
            Place::Header { name, scheme } => request.headers.alike(name).any(|value| match scheme {
                Some(scheme) => !matches!(after_scheme(value, scheme), Ok(None)),
                None => true,
            }),
            Place::Cookie(name) => request.headers.alike("cookie").any(|value| {
                let pieces = value.split(|byte| matches!(byte, b';' | b','));
                let mut names =
                    pieces.filter_map(|piece| str::from_utf8(piece.split(|byte| *byte == b'=').next()?).ok());
                names.any(|present| parameter_looks_like(present, name))
            }),
            Place::Query(name) => request.query.alike(name).next().is_some(),
        }
}

/// Whether what stands in these places is no clean token, but would be one to a server that takes off what is
/// around it: white space, quotes, escapes, a second word.
pub(super) fn is_wrapped<'p>(
    request: &Request<'_>,
    places: impl Iterator<Item = (PlaceId, &'p Place)>,
    most_bytes: usize,
) -> bool {
    match find(request, places, most_bytes) {
        Err(unclear) => unclear != EMPTY && unclear != BARE,
        Ok(None) => false,
        Ok(Some(found)) => {
            let is_clean = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            // Two dots, or what may stand for one: `%2E`, `\056`.
            let dots = found.token.bytes().filter(|byte| b".%\\".contains(byte)).count();
            dots >= 2 && !found.token.bytes().all(is_clean)
        }
    }
}

/// Shows every credential that stands in one place.
fn visit<'r>(
    request: &'r Request<'_>,
    place: &Place,
    see: &mut impl FnMut(Cow<'r, str>) -> Result<(), Unclear>,
) -> Result<(), Unclear> {
    match place {
        Place::Header { name, scheme } => {
            for value in request.headers.all(name) {
                let token = match scheme {
                    Some(scheme) => after_scheme(value, scheme)?,
                    None => Some(whole(value)?),
                };
                if let Some(token) = token {
                    see(Cow::Borrowed(token))?;
                }
            }
        }
        Place::Cookie(name) => {
            for value in request.headers.all("cookie") {
                cookies(value, name, &mut |token| see(Cow::Borrowed(token)))?;
            }
        }
        Place::Query(name) => {
            for token in request.query.all(name) {
                see(token)?;
            }
        }
    }
    Ok(())
}

/// A header that holds nothing but a token. Proxies join repeated headers with a comma, and no compact JWS
/// holds one.
fn whole(value: &[u8]) -> Result<&str, Unclear> {
    if memchr(b',', value).is_some() {
        return Err(ambiguous("a comma stands in the header of the token: two may have been joined"));
    }
    str::from_utf8(value).map_err(|_| malformed("the header of the token is not text"))
}

/// RFC 9110 section 11.4: the scheme without regard to case, one or more spaces, the credential. Another
/// scheme is no token; this scheme with nothing after it is a malformed one.
fn after_scheme<'v>(value: &'v [u8], scheme: &str) -> Result<Option<&'v str>, Unclear> {
    let Some(rest) = rest_after(value, scheme) else {
        // What another reader would find must not pass for nothing: white space before the scheme, or a
        // second header that a proxy has joined on.
        if rest_after(value.trim_ascii_start(), scheme).is_some() {
            return Err(malformed("white space stands before the scheme"));
        }
        let mut joined = value.split(|byte| *byte == b',').skip(1);
        if joined.any(|part| rest_after(part.trim_ascii_start(), scheme).is_some()) {
            return Err(ambiguous("a comma stands before the scheme: two headers may have been joined"));
        }
        return Ok(None);
    };
    if rest.trim_ascii().is_empty() {
        return Err(BARE);
    }
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    if spaces == 0 {
        // `Bearer` with a tab after it would be a token to some, and none to others.
        return Err(malformed("no space follows the scheme"));
    }
    whole(rest.get(spaces..).unwrap_or_default()).map(Some)
}

/// What follows a scheme, if the value starts with that very scheme and not with a longer word.
fn rest_after<'v>(value: &'v [u8], scheme: &str) -> Option<&'v [u8]> {
    let (word, rest) = value.split_at_checked(scheme.len())?;
    let is_longer_word =
        rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte));
    (word.eq_ignore_ascii_case(scheme.as_bytes()) && !is_longer_word).then_some(rest)
}

/// RFC 6265 section 5.4, for any header that some server would read so. Quotes are part of a value there.
fn cookies<'v>(
    value: &'v [u8],
    wanted: &str,
    see: &mut impl FnMut(&'v str) -> Result<(), Unclear>,
) -> Result<(), Unclear> {
    for pair in value.split(|byte| *byte == b';') {
        for (index, piece) in pair.split(|byte| *byte == b',').enumerate() {
            let Some(equals) = piece.iter().position(|byte| *byte == b'=') else { continue };
            let name = piece.get(..equals).unwrap_or_default();
            if name.trim_ascii() != wanted.as_bytes() {
                continue;
            }
            // To some it is a second Cookie header that a proxy has joined on, to others the rest of a value.
            if index > 0 {
                return Err(ambiguous("a comma stands before the cookie of the token"));
            }
            let token = pair.get(equals + 1..).unwrap_or_default();
            see(str::from_utf8(token.trim_ascii())
                .map_err(|_| malformed("the cookie of the token is not text"))?)?;
        }
    }
    Ok(())
}
