//! Clients who play the proxy, and proxies that say too little.

use super::Stand;

const GOOD: [&str; 4] = [
    "x-forwarded-method: GET",
    "x-forwarded-proto: https",
    "x-forwarded-host: crm.example.com",
    "x-forwarded-uri: /open",
];

fn head(fields: &[&str]) -> String {
    format!("GET / HTTP/1.1\nhost: portcullis\n{}", fields.join("\n"))
}

#[test]
fn what_does_not_name_one_request_is_refused() {
    let stand = Stand::of("x-forwarded");
    assert_eq!(stand.ask(&head(&GOOD)).status, 200);
    for index in 0..GOOD.len() {
        let mut missing = GOOD.to_vec();
        let field = missing.remove(index);
        assert_eq!(stand.ask(&head(&missing)).status, 400, "without {field}");
        let doubled = [&GOOD[..], &[field]].concat();
        assert_eq!(stand.ask(&head(&doubled)).status, 400, "twice {field}");
        let name = field.split_once(':').expect("a field").0;
        for wrong in [format!("{field}, {field}"), format!("{name}:")] {
            let wrong = [&missing[..], &[&wrong]].concat();
            assert_eq!(stand.ask(&head(&wrong)).status, 400, "{wrong:?}");
        }
    }
}

#[test]
fn the_headers_of_another_proxy_are_a_clients_word() {
    let stand = Stand::of("x-forwarded");
    let other = ["x-original-method: GET", "x-original-url: https://crm.example.com/open"];
    assert_eq!(stand.ask(&head(&other)).status, 400);
    // It would be honoured by an upstream, and this proxy does not know that it must be removed.
    assert_eq!(stand.ask(&head(&[&GOOD[..], &other[1..]].concat())).status, 400);
    let other = ["x-forwarded-method: GET", "x-forwarded-uri: /open", "x-forwarded-host: crm.example.com"];
    assert_eq!(Stand::of("x-original").ask(&head(&other)).status, 400);
}

#[test]
fn a_look_alike_that_the_proxy_cannot_remove_is_refused_and_counted_once() {
    let mut stand = Stand::of("x-forwarded");
    for name in ["x_user_id", "x-user_id", "x.user.id", "X_USER-ID"] {
        let told = stand.ask(&head(&[&GOOD[..], &[&format!("{name}: 1")]].concat()));
        assert_eq!(told.status, 400, "{name}");
        let logged = stand.serving.decision();
        assert_eq!(logged["reason"], "bad_request", "{logged}");
    }
    let told = stand.ask(&head(&[&GOOD[..], &["x-user-id: 1"]].concat()));
    assert_eq!((told.status, told.header("x-user-id")), (200, None));
    assert_eq!(stand.serving.decision()["reason"], "allowed");
}

/// The service would find another caller than we did, and only Envoy can be told what to remove.
#[test]
fn a_token_beside_the_callers_does_not_get_past_a_proxy_that_cannot_remove_it() {
    let bearer = "authorization: Bearer {token}";
    let admin = "x-token: of.an.admin";
    // Path, headers, the answer to a proxy that is told nothing by name, and what Envoy is told to remove and to set.
    let table: [(&str, &[&str], u16, &str); 14] = [
        ("/customers/7", &[bearer], 200, ""),
        ("/customers/7", &[bearer, admin], 400, "-x-token"),
        ("/customers/7", &[bearer, "cookie: admin=of.an.admin"], 400, "-cookie"),
        ("/customers/7", &[bearer, "cookie: theme=dark; admin=of.an.admin"], 400, "theme=dark"),
        ("/customers/7", &[bearer, "cookie: theme=dark"], 200, ""),
        ("/customers/7", &["cookie: sess={token}; theme=dark"], 200, ""),
        ("/customers/7", &["cookie: sess={token}; admin=of.an.admin"], 400, "sess={token}"),
        ("/customers/7", &["cookie: sess={token}", admin], 400, "-x-token"),
        // The proxy has a line for what the policy always removes.
        ("/private", &[bearer], 200, "-authorization"),
        ("/private", &["cookie: sess={token}; theme=dark"], 200, "theme=dark"),
        ("/private", &[bearer, admin], 400, "-authorization-x-token"),
        ("/lined", &[bearer, admin], 200, "-x-token"),
        ("/lined", &[bearer, "cookie: admin=of.an.admin"], 400, "-cookie-x-token"),
        // Nobody was judged.
        ("/open", &[admin, "cookie: admin=of.an.admin"], 200, ""),
    ];
    let forwarded = |path: &str, fields: &[&str]| {
        let uri = format!("x-forwarded-uri: {path}");
        head(&[&GOOD[..3], &[&*uri], fields].concat())
    };
    let original = |path: &str, fields: &[&str]| {
        let url = format!("x-original-url: https://crm.example.com{path}");
        head(&[&["x-original-method: GET", &*url][..], fields].concat())
    };
    let mut caddy = Stand::of("x-forwarded");
    let mut nginx = Stand::of("x-original");
    let envoy = Stand::of("request");
    for (path, fields, status, wanted) in table {
        let reason = if status == 200 { "allowed" } else { "bad_request" };
        for (stand, question) in [(&mut caddy, forwarded(path, fields)), (&mut nginx, original(path, fields))]
        {
            assert_eq!(stand.ask(&question).status, status, "{path} {fields:?}");
            assert_eq!(stand.serving.decision()["reason"], reason, "{path} {fields:?}");
        }
        let told = envoy.ask(&format!("GET {path} HTTP/1.1\nhost: crm.example.com\n{}", fields.join("\n")));
        assert_eq!(told.status, 200, "{path} {fields:?}");
        let removed = told.header("x-envoy-auth-headers-to-remove").expect("removals").split(',');
        let removed = removed.filter(|name| ["authorization", "cookie", "x-token"].contains(name));
        let said: String = removed.flat_map(|name| ["-", name]).collect();
        let cookie = told.header("cookie").unwrap_or_default();
        let cookie =
            if cookie.starts_with("sess=") && !cookie.contains(';') { "sess={token}" } else { cookie };
        assert_eq!(said + cookie, wanted, "{path} {fields:?}");
    }
}

#[test]
fn no_answer_to_something_malformed_is_a_yes() {
    let stand = Stand::new(&["--http-target", "request"]);
    for head in [
        "GET /open HTTP/1.1",
        "GET /open HTTP/1.1\nhost: a\nhost: b",
        "GET http://crm.example.com/open HTTP/1.1\nhost: other.example.com",
        "GET //open HTTP/1.1\nhost: crm.example.com",
        "GET /open%2f HTTP/1.1\nhost: crm.example.com",
        "get /open HTTP/1.1\nhost: crm.example.com",
        "OPTIONS * HTTP/1.1\nhost: crm.example.com",
        "CONNECT crm.example.com:443 HTTP/1.1\nhost: crm.example.com:443",
        "GET /open HTTP/1.1\nhost: crm.example.com\nx-http-method-override: DELETE",
        "GET /open HTTP/1.1\nhost: crm.example.com\nbad header",
        "GET /open HTTP/1.1\nhost: crm.example.com\ncontent-length: 1\ncontent-length: 2",
        "GET /open HTTP/9.9\nhost: crm.example.com",
        "nonsense",
    ] {
        let told = stand.ask(head);
        assert_eq!(told.status, 400, "{head}: {told:?}");
    }
}
