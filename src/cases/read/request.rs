//! The request of a case.

use std::net::IpAddr;

use crate::cases::Request;
use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::Text;
use crate::policy::yaml::{Kind, Node};

use super::{Fields, json, text};

/// `GET https://crm.example.com/customers`, `GET /customers`, or a map.
pub(super) fn read(node: &Node, problems: &mut Diagnostics) -> Option<Request> {
    if let Some(line) = text(node) {
        return self::line(line).or_else(|| {
            problems
                .error(codes::TEST_SHAPE, node.at, format!("`{line}` is no request"))
                .hint("a method and a target: `GET /customers`, `GET https://crm.example.com/customers`");
            None
        });
    }
    let mut keys = Fields::of(node, problems)?;
    let mut request = Request {
        method: keys.text("method", problems).unwrap_or_else(|| "GET".into()),
        host: host(&mut keys, problems).unwrap_or_default(),
        target: keys.text("path", problems).unwrap_or_else(|| "/".into()),
        ..Request::default()
    };
    let query = keys.entries("query", problems);
    if !query.is_empty() {
        request.target = with_query(&request.target, &query).into();
    }
    for (name, value) in keys.entries("headers", problems) {
        for value in scalars(value) {
            request.headers.push((name.value.to_ascii_lowercase().into(), value.into_bytes().into()));
        }
    }
    if let Some(source) = keys.take("source") {
        read_source(source, &mut request, problems);
    }
    if keys.take("grpc").is_some_and(|node| matches!(node.kind, Kind::Bool(true))) {
        request.headers.push(("content-type".into(), b"application/grpc".as_slice().into()));
        request.method = "POST".into();
    }
    keys.finish(&["method", "host", "path", "query", "headers", "source", "grpc"], problems);
    Some(request)
}

/// A host as a client names it: no URL. One that is not good for a server is for a test to say.
pub(super) fn host(keys: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<Box<str>> {
    let named = keys.named("host", problems)?;
    if let Some((_, rest)) = named.value.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        problems
            .error(codes::TEST_SHAPE, named.at, format!("`{}` is a URL, not a host", named.value))
            .hint(format!("the host alone: `host: {host}`"));
    }
    Some(named.value)
}

/// Reads `METHOD TARGET`; `None` where a text is none.
pub(in crate::cases) fn line(line: &str) -> Option<Request> {
    let (method, target) = line.trim().split_once(' ')?;
    one_line(method, target.trim_start())
}

/// A request of a method and a target: a path, or a URL.
#[must_use]
pub fn one_line(method: &str, target: &str) -> Option<Request> {
    let (host, target) = match target.split_once("://") {
        Some((_, rest)) => match rest.find(['/', '?']) {
            Some(slash) => rest.split_at_checked(slash)?,
            None => (rest, "/"),
        },
        None => ("", target),
    };
    let request =
        Request { method: method.into(), host: host.into(), target: target.into(), ..Request::default() };
    (!target.is_empty()).then_some(request)
}

fn with_query(path: &str, query: &[(Text, &Node)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = query.iter().flat_map(|(name, node)| {
        scalars(node).into_iter().map(move |value| format!("{}={}", encode(&name.value), encode(&value)))
    });
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{}", pairs.collect::<Vec<_>>().join("&"))
}

/// One value, or each of a list.
fn scalars(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Sequence(items) => items.iter().flat_map(scalars).collect(),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Mapping(_) => vec![text(node).map_or_else(|| json(node).to_string(), str::to_owned)],
    }
}

fn read_source(node: &Node, request: &mut Request, problems: &mut Diagnostics) {
    let Some(mut keys) = Fields::of(node, problems) else { return };
    if let Some(address) = keys.text("address", problems) {
        request.address = address.parse::<IpAddr>().ok();
        if request.address.is_none() {
            problems
                .error(codes::TEST_SHAPE, node.at, format!("`{address}` is no IP address"))
                .hint("for example `10.0.0.7`");
        }
    }
    request.principal = keys.text("principal", problems).unwrap_or_default();
    keys.finish(&["address", "principal"], problems);
}
