//! What Envoy asks.

use std::net::IpAddr;

use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, address};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use prost::Message;

use crate::decision::{Denial, Denied};
use crate::request::{Headers, Incoming, Source};

/// Reads a `CheckRequest` from its bytes.
///
/// # Errors
/// `bad_request` where the bytes are none.
pub fn read(message: &[u8]) -> Result<CheckRequest, Denial> {
    CheckRequest::decode(message).map_err(|_| bad("the message is no CheckRequest"))
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
    refuse_second_query(http)?;
    Ok(Incoming {
        method: &http.method,
        host: &http.host,
        target: &http.path,
        headers: headers(http)?,
        source: attributes.source.as_ref().map(source).unwrap_or_default(),
    })
}

fn bad(detail: &'static str) -> Denial {
    Denial::because(Denied::BadRequest, detail)
}

/// Envoy leaves `query` and `fragment` empty: the query is in `path`. A sender that fills them must not
/// tell another story there.
fn refuse_second_query(http: &HttpRequest) -> Result<(), Denial> {
    let in_path = http.path.split_once('?').map_or("", |(_, query)| query);
    if !http.query.is_empty() && http.query != in_path {
        return Err(bad("the CheckRequest tells two queries"));
    }
    if !http.fragment.is_empty() {
        return Err(bad("the CheckRequest has a fragment"));
    }
    Ok(())
}

/// Envoy fills one of the two forms: a map with repeats joined by commas, or with `encode_raw_headers` a
/// list of raw values.
fn headers(http: &HttpRequest) -> Result<Headers<'_>, Denial> {
    let raw = http.header_map.as_ref().map(|map| map.headers.as_slice()).unwrap_or_default();
    if !raw.is_empty() && !http.headers.is_empty() {
        return Err(bad("the CheckRequest has its headers in both forms"));
    }
    if raw.is_empty() {
        return Ok(Headers::new(http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))));
    }
    Ok(Headers::new(raw.iter().map(|header| (header.key.as_str(), value(header)))))
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
