//! A compact JWS taken apart: three parts, and a header that says nothing we do not understand.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::decision::Denied;

use super::json;
use super::settings::Algorithm;

/// A token taken apart; nothing in it is verified yet.
#[derive(Debug)]
pub(super) struct Parts<'t> {
    /// What was signed.
    pub signed: &'t [u8],
    /// The signature.
    pub signature: Vec<u8>,
    /// The header's members that matter.
    pub header: Header,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// The header (RFC 7515 section 4.1).
#[derive(Debug)]
pub(super) struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub key_id: Option<Box<str>>,
    /// `typ` as a media type: lower case, without `application/`.
    pub token_type: Option<Box<str>>,
}

/// Why a token cannot be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub reason: Denied,
    pub detail: &'static str,
}

const fn malformed(detail: &'static str) -> Malformed {
    Malformed { reason: Denied::MalformedToken, detail }
}

impl<'t> Parts<'t> {
    /// Takes a compact JWS apart. Encrypted tokens (five parts) and JSON serializations are refused.
    pub fn read(token: &'t str) -> Result<Self, Malformed> {
        let (header, rest) = token.split_once('.').ok_or(malformed("it is no compact JWS: no dot"))?;
        let (payload, signature) = rest.split_once('.').ok_or(malformed("it is no compact JWS: one dot"))?;
        if signature.contains('.') {
            return Err(malformed("it has more than three parts"));
        }
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(malformed("a part is empty"));
        }
        let signed = token.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let header = read_header(&decode(header, "the header is not base64url")?)?;
        let claims = json::object(&decode(payload, "the payload is not base64url")?).map_err(|_| Malformed {
            reason: Denied::MalformedToken,
            detail: "the payload is no JSON object, has a member twice, or is nested too deeply",
        })?;
        let signature = decode(signature, "the signature is not base64url")?;
        Ok(Self { signed, signature, header, claims })
    }
}

/// RFC 7515 section 2: without padding, line breaks, white space or stray bits.
fn decode(part: &str, detail: &'static str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed(detail))
}

fn read_header(bytes: &[u8]) -> Result<Header, Malformed> {
    let header = json::object(bytes).map_err(|_| malformed("the header is no JSON object, or has a member twice"))?;
    // Nothing is understood that a token could call critical (RFC 7515 section 4.1.11, RFC 7797).
    if header.contains_key("crit") {
        return Err(malformed("it has a `crit` header"));
    }
    if header.contains_key("b64") {
        return Err(malformed("it has a `b64` header"));
    }
    let text = |name: &str, detail| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(malformed(detail)),
    };
    let name = text("alg", "`alg` is no string")?.ok_or(malformed("it has no `alg`"))?;
    let algorithm = Algorithm::from_name(name)
        .ok_or(Malformed { reason: Denied::DisallowedAlgorithm, detail: "its algorithm is not one that is known" })?;
    Ok(Header {
        algorithm,
        key_id: text("kid", "`kid` is no string")?.map(Into::into),
        token_type: text("typ", "`typ` is no string")?.map(media_type),
    })
}

fn media_type(text: &str) -> Box<str> {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("application/").unwrap_or(&lower).into()
}
