//! A request as the policy sees it: transport-neutral, borrowed, and read one way only.
//!
//! [`Incoming`] is what arrived; [`Request::read`] turns it into a [`Request`] or refuses it. Nothing
//! is repaired: a target that two parties may read differently is turned away before any rule is
//! looked at.

mod headers;
mod host;
mod overrides;
mod path;
mod query;

use std::borrow::Cow;
use std::net::IpAddr;

pub use headers::{Headers, looks_like};
pub use overrides::Overrides;
pub use path::{FOLD_TO_ASCII, Path, Segment};
pub use query::{Query, parameter_looks_like};

use crate::decision::{Denial, Denied};

/// What arrived, before anything was judged. The door (gRPC, HTTP, a test) fills it in.
#[derive(Debug, Clone)]
pub struct Incoming<'a> {
    /// The method as sent (`attributes.request.http.method`).
    pub method: &'a str,
    /// The host as sent, with port (`attributes.request.http.host`).
    pub host: &'a str,
    /// Path and query as sent (`attributes.request.http.path`).
    pub target: &'a str,
    /// The headers, pseudo headers left out.
    pub headers: Headers<'a>,
    /// The peer.
    pub source: Source<'a>,
}

/// The peer of the proxy, as the proxy reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Source<'a> {
    /// Its address (`source.address`); an IPv4-mapped address is read as IPv4.
    pub address: Option<IpAddr>,
    /// Its mutual-TLS identity (`source.principal`); empty means none.
    pub principal: &'a str,
}

/// How strictly targets are read: the `paths` and `overrides` of a policy, and the header limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// `paths.case: insensitive`. Affects comparison only; the path keeps its spelling.
    pub case_insensitive: bool,
    /// `paths.empty_segments: merge`.
    pub merge_empty_segments: bool,
    /// Some rule says `encoded_slashes: segment`, so they cannot be refused at the door.
    pub admit_encoded_slashes: bool,
    /// Some rule says `semicolons: literal`, so they cannot be refused at the door.
    pub admit_semicolons: bool,
    /// Some rule says `scripts: literal`, so they cannot be refused at the door.
    pub admit_scripts: bool,
    /// Whether a rule names a host, so that a header with another one could mislead the application.
    pub names_hosts: bool,
    /// What becomes of headers and parameters that change the method or the target.
    pub overrides: Overrides,
    /// Most bytes of header names and values (`limits.header_bytes`).
    pub header_bytes: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            case_insensitive: false,
            merge_empty_segments: false,
            admit_encoded_slashes: false,
            admit_semicolons: false,
            admit_scripts: false,
            names_hosts: false,
            overrides: Overrides::Reject,
            header_bytes: 128 * 1024,
        }
    }
}

/// A well-formed request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Upper-case letters and hyphens.
    pub method: &'a str,
    /// Lower case, without port and trailing dot.
    pub host: Cow<'a, str>,
    /// Decoded once, split at `/`.
    pub path: Path<'a>,
    /// What stood after the first `?`.
    pub query: Query<'a>,
    /// All headers.
    pub headers: &'a Headers<'a>,
    /// The peer.
    pub source: Source<'a>,
}

impl<'a> Request<'a> {
    /// Reads what arrived, or says why it cannot be read one way only.
    ///
    /// # Errors
    /// A denial with `bad_request`, `bad_path` or `too_large`, in that order.
    pub fn read(incoming: &'a Incoming<'a>, reading: &Reading) -> Result<Self, Denial> {
        let method = read_method(incoming.method)?;
        let host =
            host::read(incoming.host).map_err(|problem| Denial::because(Denied::BadRequest, problem))?;
        if incoming.headers.has_two_authorizations() {
            return Err(Denial::because(Denied::BadRequest, "two Authorization headers"));
        }
        let (path, query) = match incoming.target.split_once('?') {
            Some((path, query)) => (path, Query::new(query)),
            None => (incoming.target, Query::new("")),
        };
        overrides::judge(incoming, method, query, reading)
            .map_err(|problem| Denial::because(Denied::BadRequest, problem))?;
        let path = Path::read(path, reading).map_err(|problem| Denial::because(Denied::BadPath, problem))?;
        // A fragment never arrives; some applications cut it off.
        if query.holds_fragment() {
            return Err(Denial::because(Denied::BadPath, "the query has a `#`"));
        }
        if incoming.headers.bytes() > reading.header_bytes {
            return Err(Denial::because(Denied::TooLarge, "headers over `limits.header_bytes`"));
        }
        Ok(Self { method, host, path, query, headers: &incoming.headers, source: incoming.source })
    }

    /// Whether the client speaks gRPC: `content-type: application/grpc`, with or without a suffix.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.headers.is_grpc()
    }
}

/// A method is `[A-Z][A-Z-]*`, compared exactly: HTTP/2 lets `delete` through. `CONNECT` has no path.
fn read_method(method: &str) -> Result<&str, Denial> {
    let well_formed = method.starts_with(|first: char| first.is_ascii_uppercase())
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !well_formed {
        return Err(Denial::because(Denied::BadRequest, "the method is not upper-case letters"));
    }
    if method == "CONNECT" {
        return Err(Denial::because(Denied::BadRequest, "CONNECT has no path to judge"));
    }
    Ok(method)
}

#[cfg(test)]
mod tests;
