//! Where an issuer's metadata say that its keys are: `OpenID` Connect Discovery 1.0 section 4, RFC 8414 section 3.

use http::Uri;
use serde_json::Value;

use crate::token::json;

use super::failure::{Cause, Failure, shown, shown_body};
use super::http::Fetcher;

/// The places where the metadata of an issuer may stand, in the order in which they are tried.
pub(super) fn places(issuer: &Uri) -> Vec<Uri> {
    let (Some(scheme), Some(authority)) = (issuer.scheme_str(), issuer.authority()) else {
        return Vec::new();
    };
    let path = issuer.path().trim_end_matches('/');
    let appended = format!("{path}/.well-known/openid-configuration");
    let inserted = format!("/.well-known/oauth-authorization-server{path}");
    let make =
        |path: &str| Uri::builder().scheme(scheme).authority(authority.clone()).path_and_query(path).build();
    [appended, inserted].iter().filter_map(|path| make(path).ok()).collect()
}

/// Fetches metadata; they must be of the very issuer whose tokens the keys are for (RFC 8414 section 3.3).
pub(super) async fn jwks_uri(
    fetcher: &Fetcher,
    places: &[Uri],
    wanted: &[Box<str>],
) -> Result<String, Failure> {
    let mut last = None;
    for place in places {
        match fetcher.get(place).await {
            Ok(answer) => return Ok(read(&answer.body, wanted)?),
            // It may have the other kind of metadata. What is broken now is not asked a second time.
            Err(failure) if is_elsewhere(&failure.cause) => last = last.or(Some(failure)),
            Err(failure) => return Err(failure),
        }
    }
    Err(last.unwrap_or_else(|| Cause::Url(String::new()).into()))
}

fn is_elsewhere(cause: &Cause) -> bool {
    matches!(cause, Cause::Status { status, .. } if matches!(status.as_u16(), 400 | 401 | 403 | 404 | 405 | 410))
}

fn read(body: &[u8], wanted: &[Box<str>]) -> Result<String, Cause> {
    let wrong = |problem| Cause::Metadata { problem, body: shown_body(body) };
    let metadata = json::object(body).map_err(|_| wrong("they are no JSON object"))?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str);
    let issuer = text("issuer").ok_or_else(|| wrong("they have no `issuer`"))?;
    if !wanted.iter().any(|iss| **iss == *issuer) {
        return Err(Cause::OtherIssuer { found: shown(issuer.as_bytes()), wanted: wanted.to_vec() });
    }
    text("jwks_uri").map(str::to_owned).ok_or_else(|| wrong("they have no `jwks_uri`"))
}
