//! What the proxy is told.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::decision::{Denial, Denied};
use crate::request::{Headers, Overrides};
use crate::response::{Answer, Field};

use super::Target;

/// Envoy removes the headers named here (a list with commas).
const HEADERS_TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// Whether this transport can say all of an answer. A proxy that takes headers from us overwrites or removes
/// the ones its configuration lists; it knows no look-alikes, and nothing over HTTP removes a parameter.
///
/// # Errors
/// `bad_request`, to be answered instead: what we cannot keep from the upstream does not get there.
pub fn expressible(answer: &Answer<'_>, headers: &Headers<'_>, target: &Target) -> Result<(), Denial> {
    let Answer::Allow { remove, remove_query, .. } = answer else { return Ok(()) };
    if !remove_query.is_empty() {
        return Err(Denial::because(
            Denied::BadRequest,
            "a query parameter would have to be removed, which cannot be said over HTTP",
        ));
    }
    let is_out_of_reach = |name: &str| {
        let folded = name.to_ascii_lowercase();
        let is_unusual = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
        (folded.contains(is_unusual) || Overrides::HEADERS.contains(&folded.as_str()))
            && remove.iter().any(|name| *name == folded)
    };
    // Envoy is told by name what to remove.
    let removes_by_name = matches!(target, Target::Request { .. });
    if !removes_by_name && headers.iter().any(|(name, _)| is_out_of_reach(name)) {
        return Err(Denial::because(
            Denied::BadRequest,
            "a header would have to be removed that the proxy does not know of",
        ));
    }
    Ok(())
}

/// The response to the proxy: 200 with the headers for the upstream, or the denial itself.
#[must_use]
pub fn response(answer: &Answer<'_>, target: &Target) -> Response<String> {
    match answer {
        Answer::Allow { set, remove, .. } => {
            let mut response = Response::new(String::new());
            let mut remove: Vec<&str> = remove.iter().map(AsRef::as_ref).collect();
            remove.extend(fill(response.headers_mut(), set));
            let names_removals = matches!(target, Target::Request { .. });
            if names_removals && let Ok(list) = HeaderValue::from_str(&remove.join(",")) {
                response.headers_mut().insert(HEADERS_TO_REMOVE, list);
            }
            response
        }
        Answer::Deny { block, status, headers, body, .. } => {
            let status = StatusCode::from_u16(*status)
                .ok()
                .filter(|status| (300..=599).contains(&status.as_u16()))
                .or_else(|| StatusCode::from_u16(block.default_status()).ok())
                .unwrap_or(StatusCode::FORBIDDEN);
            let mut response = Response::new(body.as_ref().to_owned());
            *response.status_mut() = status;
            let _left_out = fill(response.headers_mut(), headers);
            response
        }
    }
}

/// What is no header is left out and given back: a line break is refused by the type.
fn fill<'f>(headers: &mut HeaderMap, fields: &'f [Field<'_>]) -> Vec<&'f str> {
    let mut left_out = Vec::new();
    for (name, value) in fields {
        match (HeaderName::try_from(name.as_ref()), HeaderValue::try_from(value.as_ref())) {
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            (Ok(_) | Err(_), _) => left_out.push(name.as_ref()),
        }
    }
    left_out
}
