//! Header and claims of a token whose signature holds, read strictly (RFC 7515 section 4, RFC 7519
//! section 4).

use serde_json::Value;

use super::claims::Claims;
use super::json::{self, Flaw, Member};
use super::settings::Algorithm;
use super::unverified::{
    CRITICAL, Claimed, ENCRYPTED, Malformed, UNENCODED, UNKNOWN_ALGORITHM, Unverified, malformed,
};

/// The header's members that matter beyond the signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// `kid`.
    pub key_id: Option<Box<str>>,
    /// `typ` as a media type: lower case, without `application/`.
    pub token_type: Option<Box<str>>,
}

/// Reads both, and holds them against what chose the key: two readers of the same bytes must agree.
pub(super) fn read(token: &Unverified<'_>) -> Result<(Header, Claims), Malformed> {
    let members = json::members(token.header).map_err(|flaw| {
        malformed(match flaw {
            Flaw::Twice => "the header has a member twice",
            Flaw::TooDeep => "the header is nested too deeply",
            Flaw::NoObject => "the header is no JSON object",
        })
    })?;
    let member = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    if member("crit").is_some() {
        return Err(CRITICAL);
    }
    if member("b64").is_some() {
        return Err(UNENCODED);
    }
    if member("enc").is_some() {
        return Err(ENCRYPTED);
    }
    let text = |name: &str, detail| match member(name) {
        None => Ok(None),
        Some(Member::Text(text)) => Ok(Some(&**text)),
        Some(Member::Other) => Err(malformed(detail)),
    };
    let algorithm = text("alg", "`alg` is no string")?.ok_or(malformed("it has no `alg`"))?;
    let key_id = text("kid", "`kid` is no string")?;
    if Algorithm::from_name(algorithm).ok_or(UNKNOWN_ALGORITHM)? != token.algorithm
        || key_id != token.key_id.as_deref()
    {
        return Err(malformed("the header can be read in two ways"));
    }
    let token_type = text("typ", "`typ` is no string")?.map(media_type);
    let claims = claims(token)?;
    Ok((Header { key_id: key_id.map(Into::into), token_type }, claims))
}

fn claims(token: &Unverified<'_>) -> Result<Claims, Malformed> {
    let claims = json::claims(token.payload).map_err(|flaw| {
        malformed(match flaw {
            Flaw::Twice => "the payload has a member twice",
            Flaw::TooDeep => "the payload is nested too deeply",
            Flaw::NoObject => "the payload is no JSON object",
        })
    })?;
    let agrees = match (&token.issuer, claims.get("iss")) {
        (Claimed::Nobody, None) => true,
        (Claimed::By(first), Some(Value::String(strict))) => **first == **strict,
        (Claimed::Nobody | Claimed::By(_) | Claimed::IllTyped, _) => false,
    };
    if agrees { Ok(claims) } else { Err(malformed("`iss` can be read in two ways")) }
}

/// RFC 7515 section 4.1.9: compared without regard to case, `application/` left out.
pub(super) fn media_type(text: &str) -> Box<str> {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("application/").unwrap_or(&lower).into()
}

#[cfg(test)]
mod tests;
