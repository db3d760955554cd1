//! Which request is asked about.

use http::HeaderMap;
use http::request::Parts;

use crate::decision::{Denial, Denied};
use crate::request::{Headers, Incoming, Source};
use crate::settings::Target;

const X_FORWARDED: [&str; 4] =
    ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri"];
const X_ORIGINAL: [&str; 2] = ["x-original-method", "x-original-url"];

/// Borrows what a decision needs.
///
/// Nobody reports the client's address here: the peer of the connection is the proxy, so the address stays
/// unknown and the policy has to name a header (`client_address`).
///
/// # Errors
/// `bad_request` where what names the request is missing, doubled or malformed.
pub fn incoming<'a>(parts: &'a Parts, target: &Target) -> Result<Incoming<'a>, Denial> {
    let (method, host, path_and_query, own): (_, _, _, &[&str]) = match target {
        Target::XForwarded => {
            let [method, proto, host, uri] = all(&parts.headers, X_FORWARDED)?;
            // Traefik says `ws` of a WebSocket upgrade.
            if !["http", "https", "ws", "wss"].contains(&proto) {
                return Err(bad("X-Forwarded-Proto names no protocol of the web"));
            }
            (method, host, uri, &X_FORWARDED)
        }
        Target::XOriginal => {
            let [method, url] = all(&parts.headers, X_ORIGINAL)?;
            let (host, path_and_query) = split_url(url)?;
            (method, host, path_and_query, &X_ORIGINAL)
        }
        Target::Request { path_prefix } => {
            (parts.method.as_str(), host(parts)?, after_prefix(parts, path_prefix)?, &[])
        }
    };
    let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    // The proxy's own headers are no headers of the original request, and its `Host` is ours or told already.
    let headers = Headers::new(fields.filter(|(name, _)| *name != "host" && !own.contains(name)));
    Ok(Incoming { method, host, target: path_and_query, headers, source: Source::default() })
}

fn bad(detail: &'static str) -> Denial {
    Denial::because(Denied::BadRequest, detail)
}

/// Each header exactly once.
fn all<'a, const COUNT: usize>(
    headers: &'a HeaderMap,
    names: [&'static str; COUNT],
) -> Result<[&'a str; COUNT], Denial> {
    let mut values = [""; COUNT];
    for (value, name) in values.iter_mut().zip(names) {
        *value = once(headers, name)?;
    }
    Ok(values)
}

fn once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Denial> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value.as_bytes())
            .ok()
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Denial::because(Denied::BadRequest, format!("`{name}` is no text"))),
        (None, _) => Err(Denial::because(Denied::BadRequest, format!("`{name}` is missing"))),
        (Some(_), Some(_)) => Err(Denial::because(Denied::BadRequest, format!("`{name}` is there twice"))),
    }
}

fn split_url(url: &str) -> Result<(&str, &str), Denial> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(|| bad("X-Original-URL is no absolute URL"))?;
    rest.find(['/', '?', '#'])
        .and_then(|end| rest.split_at_checked(end))
        .filter(|(_, path_and_query)| path_and_query.starts_with('/'))
        .ok_or_else(|| bad("X-Original-URL has no path"))
}

/// HTTP/2 has the host in the target, HTTP/1.1 in a header; two must say the same.
fn host(parts: &Parts) -> Result<&str, Denial> {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match (authority, parts.headers.contains_key("host")) {
        (Some(authority), false) => Ok(authority),
        (Some(authority), true) if once(&parts.headers, "host")? == authority => Ok(authority),
        (Some(_), true) => Err(bad("the target and the Host header differ")),
        (None, _) => once(&parts.headers, "host"),
    }
}

fn after_prefix<'a>(parts: &'a Parts, prefix: &str) -> Result<&'a str, Denial> {
    let path_and_query = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    path_and_query
        .strip_prefix(prefix)
        .filter(|rest| rest.starts_with('/'))
        .ok_or_else(|| bad("the path does not start with `http.path_prefix`"))
}
