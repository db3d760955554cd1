//! A policy with as many routes as one likes, of the shapes that an API has, and requests of which it is known
//! where they belong.

#![allow(dead_code, unreachable_pub, reason = "each user needs another part of it")]
#![allow(missing_docs, clippy::must_use_candidate, reason = "for tests")]

use std::fmt::Write;

/// Routes in each group.
pub const GROUP: usize = 10;

/// Method, host and path for each route of a group, and the same as a request.
const SHAPES: [(&str, &str, &str); GROUP] = [
    ("GET", "{svc}/items", "{svc}/items"),
    ("POST", "{svc}/items", "{svc}/items"),
    ("GET", "{svc}/items/{id}", "{svc}/items/41"),
    ("PUT", "{svc}/items/{id}", "{svc}/items/41"),
    ("DELETE", "{svc}/items/{id}", "{svc}/items/41"),
    ("GET", "{svc}/items/{id}/parts/{part}", "{svc}/items/41/parts/b7"),
    ("POST", "{svc}/items/{id}:archive", "{svc}/items/41:archive"),
    ("GET", "{svc}/healthz", "{svc}/healthz"),
    ("GET", "{svc}/reports/{year}/*", "{svc}/reports/2026/q3.pdf"),
    ("GET", "{svc}/static/**", "{svc}/static/css/site.css"),
];

/// A set with so many routes, a multiple of ten.
pub fn policy(routes: usize) -> String {
    let mut text = "version: 1
issuers:
  crm:
    issuer: https://auth.example.com
    audiences: [crm]
    keys: { jwks_url: https://auth.example.com/jwks.json }
routes:
"
    .to_owned();
    for number in 0..routes {
        let (method, path, _) = SHAPES[number % GROUP];
        let path = path.replace("{svc}", &service(number / GROUP));
        let asks = match number % GROUP {
            7 | 9 => "allow: anyone",
            1 | 3 => "require: { scopes: [write-crm] }",
            4 => "require: { roles: [admin], scopes: [write-crm] }",
            _ => "require: { scopes: [read-crm] }",
        };
        let _ = writeln!(text, "  - {{ name: r{number}, match: \"{method} {path}\", {asks} }}");
    }
    text
}

/// Half of the services are told apart by their host, half by their path.
fn service(group: usize) -> String {
    if group.is_multiple_of(2) {
        format!("/v1/service-{group}")
    } else {
        format!("s{group}.example.com/v1/service")
    }
}

/// Method, host and path of a request that belongs to one route of [`policy`].
pub fn request(number: usize) -> (&'static str, String, String) {
    let (method, _, path) = SHAPES[number % GROUP];
    let place = path.replace("{svc}", &service(number / GROUP));
    let (host, path) = place.split_at(place.find('/').unwrap_or(0));
    let host = if host.is_empty() { "api.example.com" } else { host };
    (method, host.to_owned(), path.to_owned())
}
