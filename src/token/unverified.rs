//! A compact JWS taken apart, and the three things that have to be taken from it on trust before its
//! signature can be checked: its algorithm, its key id and its issuer.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::decision::Denied;

use super::glance::{self, Glimpse, Name};
use super::settings::Algorithm;

/// Longest signature in base64url: that of an RSA key of 8192 bits.
const MOST_SIGNATURE: usize = 1366;

/// Longest header in base64url. A chain of four certificates fits in.
const MOST_HEADER: usize = 8192;

/// A token taken apart; nothing in it is verified yet.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    /// What was signed.
    pub signed: &'t [u8],
    /// The signature.
    pub signature: &'t [u8],
    /// The header, decoded.
    pub header: &'t [u8],
    /// The payload, decoded.
    pub payload: &'t [u8],
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub key_id: Option<Cow<'t, str>>,
    /// `iss`.
    pub issuer: Claimed<'t>,
}

/// Whose token it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claimed<'t> {
    /// There is no `iss`.
    Nobody,
    /// This `iss`.
    By(Cow<'t, str>),
    /// An `iss` that is empty or no string.
    IllTyped,
}

/// Why a token cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    pub reason: Denied,
    pub detail: &'static str,
}

pub(super) const fn malformed(detail: &'static str) -> Malformed {
    Malformed { reason: Denied::MalformedToken, detail }
}

/// Its algorithm is not one that is known; `none` in any spelling is not.
pub(super) const UNKNOWN_ALGORITHM: Malformed =
    Malformed { reason: Denied::DisallowedAlgorithm, detail: "its algorithm is not one that is known" };

/// The names that are looked for before a signature is checked.
#[derive(Debug)]
pub(super) struct Names {
    algorithm: Name,
    key_id: Name,
    critical: Name,
    unencoded: Name,
    issuer: Name,
}

impl Names {
    pub fn new() -> Self {
        Self {
            algorithm: Name::new("\"alg\""),
            key_id: Name::new("\"kid\""),
            critical: Name::new("\"crit\""),
            unencoded: Name::new("\"b64\""),
            issuer: Name::new("\"iss\""),
        }
    }
}

impl<'t> Unverified<'t> {
    /// Takes a compact JWS apart. Encrypted tokens (five parts) and JSON serializations are refused. The work
    /// is linear in the length, and everything that needs only the header is found before the payload is
    /// looked at.
    ///
    /// `space` is where the parts are decoded to.
    pub fn read(token: &'t str, space: &'t mut Vec<u8>, names: &Names) -> Result<Self, Malformed> {
        let bytes = token.as_bytes();
        let mut dots = memchr::memchr_iter(b'.', bytes);
        let first = dots.next().ok_or(malformed("it is no compact JWS: no dot"))?;
        let second = dots.next().ok_or(malformed("it is no compact JWS: one dot"))?;
        if dots.next().is_some() {
            return Err(malformed("it has more than three parts"));
        }
        let (Some(header), Some(payload), Some(signature), Some(signed)) =
            (bytes.get(..first), bytes.get(first + 1..second), bytes.get(second + 1..), bytes.get(..second))
        else {
            return Err(malformed("it cannot be taken apart"));
        };
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(malformed("a part is empty"));
        }
        if signature.len() > MOST_SIGNATURE {
            return Err(malformed("its signature is longer than any"));
        }
        if header.len() > MOST_HEADER {
            return Err(malformed("its header is over 8 KiB"));
        }
        space.resize(bytes.len() / 4 * 3 + 3, 0);
        let (header, space) = decode(header, space, "the header is not base64url")?;
        let (algorithm, key_id) = algorithm_and_key(header, names)?;
        let (signature, space) = decode(signature, space, "the signature is not base64url")?;
        let (payload, _) = decode(payload, space, "the payload is not base64url")?;
        let issuer = claimed(payload, names)?;
        Ok(Self { signed, signature, header, payload, algorithm, key_id, issuer })
    }
}

/// RFC 7515 section 2: without padding, line breaks, white space or stray bits. Gives what was decoded, and
/// the space that is left.
fn decode<'t>(
    part: &[u8],
    space: &'t mut [u8],
    detail: &'static str,
) -> Result<(&'t [u8], &'t mut [u8]), Malformed> {
    let length = URL_SAFE_NO_PAD.decode_slice(part, space).map_err(|_| malformed(detail))?;
    let (decoded, left) = space.split_at_mut_checked(length).ok_or(malformed(detail))?;
    Ok((decoded, left))
}

/// What the header says of the signature.
fn algorithm_and_key<'t>(
    header: &'t [u8],
    names: &Names,
) -> Result<(Algorithm, Option<Cow<'t, str>>), Malformed> {
    if !glance::is_object(header) {
        return Err(malformed("the header is no JSON object"));
    }
    if names.critical.values(header).next().is_some() {
        return Err(CRITICAL);
    }
    if names.unencoded.values(header).next().is_some() {
        return Err(UNENCODED);
    }
    let algorithm = only(names.algorithm.values(header), "the header has `alg` twice")?;
    let key_id = only(names.key_id.values(header), "the header has `kid` twice")?;
    let name =
        algorithm.ok_or(malformed("it has no `alg`"))?.text().ok_or(malformed("`alg` is no string"))?;
    let algorithm = Algorithm::from_name(&name).ok_or(UNKNOWN_ALGORITHM)?;
    let key_id = match key_id {
        None => None,
        Some(value) => Some(value.text().ok_or(malformed("`kid` is no string"))?),
    };
    Ok((algorithm, key_id))
}

/// Nothing is understood that a token could call critical (RFC 7515 section 4.1.11).
pub(super) const CRITICAL: Malformed = malformed("it has a `crit` header");

/// RFC 7797 section 7: JWTs are not to use it; with any value.
pub(super) const UNENCODED: Malformed = malformed("it has a `b64` header");

/// RFC 7516 section 9: `enc` says that a token is encrypted. What has three parts is not.
pub(super) const ENCRYPTED: Malformed = malformed("it has an `enc` header");

fn only<'b>(
    mut found: impl Iterator<Item = Glimpse<'b>>,
    twice: &'static str,
) -> Result<Option<Glimpse<'b>>, Malformed> {
    let first = found.next();
    if first.is_some() && found.next().is_some() { Err(malformed(twice)) } else { Ok(first) }
}

/// The first `iss`. Whether there is a second one is found out once the signature holds.
fn claimed<'t>(payload: &'t [u8], names: &Names) -> Result<Claimed<'t>, Malformed> {
    if !glance::is_object(payload) {
        return Err(malformed("the payload is no JSON object"));
    }
    let first = names.issuer.values(payload).next();
    Ok(first.map_or(Claimed::Nobody, |value| match value.text() {
        Some(text) if !text.is_empty() => Claimed::By(text),
        Some(_) | None => Claimed::IllTyped,
    }))
}
