//! The requests that proxies send, as their documentation and their captured requests show them.

use super::{Stand, Told};

#[track_caller]
fn allows(told: &Told, subject: Option<&str>) {
    assert_eq!((told.status, told.header("x-user-id")), (200, subject), "{told:?}");
}

/// nginx 1.22, `auth_request`, with `deploy/nginx/nginx.conf`. HTTP/1.0 is what `proxy_pass` speaks by default.
#[test]
fn nginx() {
    let stand = Stand::of("x-original");
    let told = stand.ask(
        "GET /portcullis HTTP/1.0
         Host: portcullis
         X-Original-Method: POST
         X-Original-URL: https://crm.example.com/customers/7?page=2
         Connection: close
         User-Agent: curl/7.88.1
         Accept: */*
         Authorization: Bearer {token}",
    );
    allows(&told, Some("7"));
    let told = stand.ask(
        "GET /portcullis HTTP/1.1
         Host: portcullis
         X-Original-Method: GET
         X-Original-URL: http://crm.example.com/customers/7",
    );
    assert_eq!(told.status, 401);
    assert_eq!(told.header("www-authenticate"), Some("Bearer realm=\"api\""));
    assert_eq!(told.body, r#"{"message":"Unauthenticated"}"#);
    assert_eq!(told.header("cache-control"), Some("no-store"));
}

/// Traefik 3, `forwardAuth`: the headers that its documentation lists under "Forward-Request Headers".
#[test]
fn traefik() {
    let stand = Stand::of("x-forwarded");
    let told = stand.ask(
        "GET / HTTP/1.1
         Host: portcullis:9194
         User-Agent: curl/8.5.0
         Accept: */*
         Authorization: Bearer {token}
         X-Forwarded-For: 192.0.2.7
         X-Forwarded-Host: crm.example.com
         X-Forwarded-Method: GET
         X-Forwarded-Port: 443
         X-Forwarded-Proto: https
         X-Forwarded-Server: traefik-0
         X-Forwarded-Uri: /customers/7?page=2
         X-Real-Ip: 192.0.2.7
         Accept-Encoding: gzip",
    );
    allows(&told, Some("7"));
    // An upgrade is told as `wss`; connection and upgrade headers stay behind.
    let told = stand.ask(
        "GET / HTTP/1.1
         Host: portcullis:9194
         X-Forwarded-Host: crm.example.com
         X-Forwarded-Method: GET
         X-Forwarded-Proto: wss
         X-Forwarded-Uri: /open
         Sec-Websocket-Version: 13",
    );
    allows(&told, None);
}

/// Caddy 2, `forward_auth`: the request itself as GET, with its own `Host`.
#[test]
fn caddy() {
    let stand = Stand::of("x-forwarded");
    let told = stand.ask(
        "GET /portcullis HTTP/1.1
         Host: crm.example.com
         User-Agent: curl/7.88.1
         Accept: */*
         Authorization: Bearer {token}
         X-Forwarded-For: 127.0.0.1
         X-Forwarded-Host: crm.example.com
         X-Forwarded-Method: POST
         X-Forwarded-Proto: http
         X-Forwarded-Uri: /customers/7
         Accept-Encoding: gzip",
    );
    allows(&told, Some("7"));
}

/// Envoy's `http_service` with `path_prefix: /authz`. What is not in `allowed_headers` does not come.
#[test]
fn envoy() {
    let stand = Stand::new(&["--http-target", "request", "--http-path-prefix", "/authz"]);
    let told = stand.ask(
        "POST /authz/customers/7?page=2 HTTP/1.1
         host: crm.example.com
         content-length: 0
         authorization: Bearer {token}
         x-user_id: 1
         x-envoy-internal: true
         x-forwarded-for: 127.0.0.1",
    );
    allows(&told, Some("7"));
    let removed: Vec<_> =
        told.header("x-envoy-auth-headers-to-remove").expect("removals").split(',').collect();
    assert!(removed.contains(&"x-user_id"), "{removed:?}");
    assert!(!removed.contains(&"x-user-id"), "Envoy removes after it sets: {removed:?}");

    let told = stand.ask("GET /authz/open HTTP/1.1\nhost: crm.example.com\ncontent-length: 0");
    allows(&told, None);
    let removed = told.header("x-envoy-auth-headers-to-remove").expect("removals");
    assert!(removed.split(',').any(|name| name == "x-user-id"), "{removed}");
}

#[test]
fn a_denial_is_passed_on_as_the_policy_words_it() {
    let stand = Stand::of("x-original");
    let ask = |method: &str, path: &str, more: &str| {
        stand.ask(&format!(
            "GET / HTTP/1.1\nhost: p\nx-original-method: {method}\nx-original-url: https://crm.example.com{path}\n{more}"
        ))
    };
    let told = ask("GET", "/hidden", "");
    assert_eq!(told.status, 404);
    assert!(told.header("x-decision-id").is_some());
    assert_eq!(ask("GET", "/nowhere", "").status, 403);
    assert_eq!(ask("DELETE", "/customers/7", "authorization: Bearer {token}").status, 403);
    assert_eq!(ask("GET", "/customers/7", "authorization: Bearer {token}x").status, 401);
    assert_eq!(ask("GET", "/customers/../hidden", "").status, 400);
}
