//! What Envoy asks.

use std::net::IpAddr;

use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::Peer;
use prost::Message;

use crate::decision::{Denial, Denied};
use crate::request::{Headers, Incoming, Source};

use super::scan::{Scanned, scan};

/// Reads a message and hands on what a decision needs of it, or why it cannot be read.
pub fn with_incoming<R>(message: &[u8], judge: impl FnOnce(Result<&Incoming<'_>, &Denial>) -> R) -> R {
    if let Some(scanned) = scan(message) {
        return judge(assemble(scanned).as_ref());
    }
    match CheckRequest::decode(message) {
        Ok(check) => judge(incoming(&check).as_ref()),
        Err(_) => judge(Err(&bad("the message is no CheckRequest"))),
    }
}

/// Borrows what a decision needs from a `CheckRequest`.
///
/// # Errors
/// `bad_request` where there is no HTTP request (Istio's TCP variant) or it is told in two ways.
pub fn incoming(check: &CheckRequest) -> Result<Incoming<'_>, Denial> {
    let attributes = check.attributes.as_ref().ok_or_else(|| bad("the CheckRequest is empty"))?;
    let http = attributes
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
        .ok_or_else(|| bad("the CheckRequest has no HTTP part"))?;
    let raw = http.header_map.iter().flat_map(|map| &map.headers);
    assemble(Scanned {
        method: &http.method,
        host: &http.host,
        path: &http.path,
        query: &http.query,
        fragment: &http.fragment,
        map: http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        raw: raw.map(|header| (header.key.as_str(), value(header))).collect(),
        source: attributes.source.as_ref().map(source).unwrap_or_default(),
    })
}

/// Envoy leaves `query` and `fragment` empty: the query is in `path`. A sender that fills them must not tell
/// another story there. And it fills one of the two forms of headers: a map with repeats joined by commas, or
/// with `encode_raw_headers` a list of raw values.
fn assemble(scanned: Scanned<'_>) -> Result<Incoming<'_>, Denial> {
    let Scanned { method, host, path, query, fragment, map, raw, source } = scanned;
    let in_path = path.split_once('?').map_or("", |(_, query)| query);
    if !query.is_empty() && query != in_path {
        return Err(bad("the CheckRequest tells two queries"));
    }
    if !fragment.is_empty() {
        return Err(bad("the CheckRequest has a fragment"));
    }
    if !raw.is_empty() && !map.is_empty() {
        return Err(bad("the CheckRequest has its headers in both forms"));
    }
    let headers = Headers::new(if raw.is_empty() { map } else { raw });
    Ok(Incoming { method, host, target: path, headers, source })
}

fn bad(detail: &'static str) -> Denial {
    Denial::because(Denied::BadRequest, detail)
}

fn value(header: &HeaderValue) -> &[u8] {
    if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value }
}

fn source(peer: &Peer) -> Source<'_> {
    let address = peer.address.as_ref().and_then(|address| address.address.as_ref());
    let ip = match address {
        // A name, a zone or anything else that is no plain address stays unknown, and unknown opens nothing.
        Some(address::Address::SocketAddress(socket)) => socket.address.parse::<IpAddr>().ok(),
        Some(address::Address::Pipe(_) | address::Address::EnvoyInternalAddress(_)) | None => None,
    };
    Source { address: ip.map(|ip| ip.to_canonical()), principal: &peer.principal }
}
