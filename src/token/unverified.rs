//! A compact JWS taken apart, and the three things that have to be taken from it on trust before its
//! signature can be checked: its algorithm, its key id and its issuer.

use std::borrow::Cow;
use std::ops::ControlFlow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::decision::Denied;

use super::glance::{self, Glimpse};
use super::settings::Algorithm;

/// Longest signature in base64url: that of an RSA key of 8192 bits.
const MOST_SIGNATURE: usize = 1366;

/// A token taken apart; nothing in it is verified yet.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    /// What was signed.
    pub signed: &'t [u8],
    /// The signature.
    pub signature: Vec<u8>,
    /// The header, decoded.
    pub header: Vec<u8>,
    /// The payload, decoded.
    pub payload: Vec<u8>,
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub key_id: Option<Box<str>>,
    /// `iss`.
    pub issuer: Claimed,
}

/// Whose token it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claimed {
    /// There is no `iss`.
    Nobody,
    /// This `iss`.
    By(Box<str>),
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

impl<'t> Unverified<'t> {
    /// Takes a compact JWS apart. Encrypted tokens (five parts) and JSON serializations are refused. The work
    /// is linear in the length, and everything that needs only the header is found before the payload is
    /// looked at.
    pub fn read(token: &'t str) -> Result<Self, Malformed> {
        let (header, rest) = token.split_once('.').ok_or(malformed("it is no compact JWS: no dot"))?;
        let (payload, signature) = rest.split_once('.').ok_or(malformed("it is no compact JWS: one dot"))?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(malformed("a part is empty"));
        }
        if signature.contains('.') {
            return Err(malformed("it has more than three parts"));
        }
        if signature.len() > MOST_SIGNATURE {
            return Err(malformed("its signature is longer than any"));
        }
        let signed = token.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let header = decode(header, "the header is not base64url")?;
        let (algorithm, key_id) = algorithm_and_key(&header)?;
        let signature = decode(signature, "the signature is not base64url")?;
        let payload = decode(payload, "the payload is not base64url")?;
        let issuer = claimed(&payload)?;
        Ok(Self { signed, signature, header, payload, algorithm, key_id, issuer })
    }
}

/// RFC 7515 section 2: without padding, line breaks, white space or stray bits.
fn decode(part: &str, detail: &'static str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed(detail))
}

/// What the header says of the signature.
fn algorithm_and_key(header: &[u8]) -> Result<(Algorithm, Option<Box<str>>), Malformed> {
    let mut algorithm: Option<Glimpse<'_>> = None;
    let mut key_id: Option<Glimpse<'_>> = None;
    let mut problem = None;
    glance::members(header, |name, value| {
        problem = match name {
            b"alg" => algorithm.replace(value).map(|_| malformed("the header has `alg` twice")),
            b"kid" => key_id.replace(value).map(|_| malformed("the header has `kid` twice")),
            b"crit" => Some(CRITICAL),
            b"b64" => Some(UNENCODED),
            _ => None,
        };
        if problem.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .map_err(|_| malformed("the header is no JSON object"))?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    let name =
        algorithm.ok_or(malformed("it has no `alg`"))?.text().ok_or(malformed("`alg` is no string"))?;
    let algorithm = Algorithm::from_name(&name).ok_or(UNKNOWN_ALGORITHM)?;
    let key_id = match key_id {
        None => None,
        Some(value) => Some(value.text().map(Cow::into_owned).ok_or(malformed("`kid` is no string"))?.into()),
    };
    Ok((algorithm, key_id))
}

/// Nothing is understood that a token could call critical (RFC 7515 section 4.1.11).
pub(super) const CRITICAL: Malformed = malformed("it has a `crit` header");

/// RFC 7797 section 7: JWTs are not to use it; with any value.
pub(super) const UNENCODED: Malformed = malformed("it has a `b64` header");

/// The first `iss`. Whether there is a second one is found out once the signature holds.
fn claimed(payload: &[u8]) -> Result<Claimed, Malformed> {
    let mut issuer = Claimed::Nobody;
    glance::members(payload, |name, value| {
        if name != b"iss" {
            return ControlFlow::Continue(());
        }
        issuer = match value.text() {
            Some(text) if !text.is_empty() => Claimed::By(text.into()),
            Some(_) | None => Claimed::IllTyped,
        };
        ControlFlow::Break(())
    })
    .map_err(|_| malformed("the payload is no JSON object"))?;
    Ok(issuer)
}
