//! The requests of four proxies, and those of clients that play one.

use http::request::Parts;
use http::{Request, Response};

use super::*;
use crate::decision::{Block, Denied};
use crate::request::Incoming;
use crate::response::{Answer, Metadata};

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn at(prefix: &str) -> Target {
    Target::Request { path_prefix: prefix.into() }
}

#[track_caller]
fn reads(parts: &Parts, target: &Target, wanted: (&str, &str, &str)) {
    let Incoming { method, host, target, source, .. } = incoming(parts, target).expect("read");
    assert_eq!((method, host, target), wanted);
    assert_eq!(source.address, None);
}

#[track_caller]
fn refuses(parts: &Parts, target: &Target, because: &str) {
    let denial = incoming(parts, target).expect_err("refused");
    assert_eq!(denial.reason, Denied::BadRequest);
    let detail = denial.detail.unwrap_or_default();
    assert!(detail.contains(because), "`{detail}` lacks `{because}`");
}

const TRAEFIK: [(&str, &str); 5] = [
    ("x-forwarded-method", "POST"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "crm.example.com:8443"),
    ("x-forwarded-uri", "/customers?page=2"),
    ("host", "portcullis:9191"),
];
const NGINX: [(&str, &str); 3] = [
    ("x-original-method", "DELETE"),
    ("x-original-url", "https://crm.example.com/users/7?x=/y"),
    ("host", "portcullis:9191"),
];

#[test]
fn each_family_names_the_original_request() {
    reads(
        &parts("GET", "/whatever", &TRAEFIK),
        &Target::XForwarded,
        ("POST", "crm.example.com:8443", "/customers?page=2"),
    );
    reads(&parts("GET", "/auth", &NGINX), &Target::XOriginal, ("DELETE", "crm.example.com", "/users/7?x=/y"));
    let envoy = parts("PUT", "/authz/users/7?x=1", &[("host", "crm.example.com")]);
    reads(&envoy, &at("/authz"), ("PUT", "crm.example.com", "/users/7?x=1"));
    let http2 = parts("PUT", "http://crm.example.com/users/7", &[]);
    reads(&http2, &at(""), ("PUT", "crm.example.com", "/users/7"));
}

#[test]
fn the_other_families_are_ignored() {
    let both: Vec<_> = TRAEFIK.iter().chain(&NGINX[..2]).copied().collect();
    let both = parts("GET", "/real", &both);
    reads(&both, &Target::XForwarded, ("POST", "crm.example.com:8443", "/customers?page=2"));
    reads(&both, &Target::XOriginal, ("DELETE", "crm.example.com", "/users/7?x=/y"));
    reads(&both, &at(""), ("GET", "portcullis:9191", "/real"));
}

#[test]
fn what_is_missing_or_doubled_is_refused() {
    for missing in 0..4 {
        let mut fields = TRAEFIK.to_vec();
        let (name, value) = fields.remove(missing);
        refuses(&parts("GET", "/", &fields), &Target::XForwarded, &format!("`{name}` is missing"));
        fields.push((name, ""));
        refuses(&parts("GET", "/", &fields), &Target::XForwarded, "no text");
        fields.extend([(name, value), (name, value)]);
        refuses(&parts("GET", "/", &fields), &Target::XForwarded, "twice");
    }
    for missing in 0..2 {
        let mut fields = NGINX.to_vec();
        fields.remove(missing);
        refuses(&parts("GET", "/", &fields), &Target::XOriginal, "is missing");
    }
    refuses(&parts("GET", "/a", &[]), &at(""), "`host` is missing");
    refuses(&parts("GET", "/a", &[("host", "a"), ("host", "b")]), &at(""), "twice");
    refuses(&parts("GET", "http://a/", &[("host", "b")]), &at(""), "differ");
}

#[test]
fn what_is_malformed_is_refused() {
    for url in ["/users", "ftp://a/", "//a/b", "https://a", "https://a?x=/", "HTTPS://a/b"] {
        let fields = [("x-original-method", "GET"), ("x-original-url", url)];
        refuses(&parts("GET", "/", &fields), &Target::XOriginal, "X-Original-URL");
    }
    let mut fields = TRAEFIK;
    fields[1].1 = "gopher";
    refuses(&parts("GET", "/", &fields), &Target::XForwarded, "protocol");
    for uri in ["/other/users", "/authzusers", "/authz", "/"] {
        refuses(&parts("GET", uri, &[("host", "a")]), &at("/authz"), "path_prefix");
    }
}

#[test]
fn the_proxy_s_own_headers_are_not_the_client_s() {
    let mut fields = NGINX.to_vec();
    fields.push(("x-forwarded-for", "192.0.2.1"));
    let parts = parts("GET", "/", &fields);
    let read = incoming(&parts, &Target::XOriginal).expect("read");
    assert!(!read.headers.has("x-original-url") && !read.headers.has("x-original-method"));
    assert!(read.headers.has("x-forwarded-for"));
    // Elsewhere it is a client's word, and stays for the policy's `overrides` to judge.
    let read = incoming(&parts, &at("")).expect("read");
    assert!(read.headers.has("x-original-url"));
}

fn allow<'a>(remove: &[&'a str], remove_query: &[&'a str]) -> Answer<'a> {
    Answer::Allow {
        set: vec![("x-user-id".into(), "7".into()), ("x-broken".into(), "a\r\nb".into())],
        remove: remove.iter().map(|name| (*name).into()).collect(),
        remove_query: remove_query.iter().map(|name| (*name).into()).collect(),
        dropped: Vec::new(),
        metadata: Metadata::default(),
    }
}

fn header<'r>(response: &'r Response<String>, name: &str) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

#[test]
fn an_allow_is_200_with_the_headers_for_the_upstream() {
    for target in [Target::XForwarded, Target::XOriginal, at("/authz")] {
        let response = response(&allow(&["x-role", "x_role"], &[]), &target);
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-user-id"), Some("7"));
        assert_eq!(header(&response, "x-broken"), None);
        let removals = header(&response, "x-envoy-auth-headers-to-remove");
        assert_eq!(removals, (target == at("/authz")).then_some("x-role,x_role,x-broken"));
    }
}

#[test]
fn a_denial_is_itself_and_never_200() {
    for (status, sent) in [(401, 401), (404, 404), (302, 302), (200, 403), (0, 403), (99, 403), (700, 403)] {
        let answer = Answer::Deny {
            block: Block::Forbidden,
            status,
            headers: vec![("cache-control".into(), "no-store".into())],
            body: "no".into(),
            metadata: Metadata::default(),
        };
        assert!(expressible(&answer, &crate::request::Headers::default(), &Target::XForwarded).is_ok());
        let response = response(&answer, &Target::XForwarded);
        assert_eq!(response.status(), sent);
        assert_eq!((header(&response, "cache-control"), response.body().as_str()), (Some("no-store"), "no"));
    }
}

#[test]
fn what_the_proxy_cannot_remove_is_refused() {
    let sent = |name: &'static str| crate::request::Headers::new([(name, &b"1"[..])]);
    let removal = allow(&["x-user-id", "x_user_id", "x!user-id", "x-original-url", "x-debug"], &[]);
    for (name, known) in [
        ("x-user-id", true),
        ("x-debug", true),
        ("other_header", true),
        ("x_user_id", false),
        ("x!user-id", false),
        ("X-Original-URL", false),
    ] {
        for target in [Target::XForwarded, Target::XOriginal] {
            assert_eq!(expressible(&removal, &sent(name), &target).is_ok(), known, "{name}");
        }
        assert!(expressible(&removal, &sent(name), &at("")).is_ok(), "{name}");
    }
    for target in [Target::XForwarded, Target::XOriginal, at("")] {
        let denial = expressible(&allow(&[], &["access_token"]), &sent("a"), &target).expect_err("refused");
        assert_eq!(denial.reason, Denied::BadRequest);
    }
}
