//! The pages of the real program: who sees what, and that nobody can keep a probe out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::keys::mock::{Answer, Mock};
use crate::metrics::until;
use crate::stand::{ISSUER, Stand, ask, get, request};

const RULES: &str = r#"
defaults: { guard: auth }
routes:
  - { name: open, match: /open, allow: anyone, token: ignored }
  - { name: orders, match: "GET /orders/{id}", allow: authenticated }
  - { name: books, match: /books, mode: shadow, allow: nobody }
forbid:
  - { name: private, match: /private/** }
"#;

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_metrics_listener_shows_metrics_and_probes_only() {
    let stand = Stand::new(RULES, &[]);
    for page in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(get(stand.metrics, page).status, 200, "{page}");
        assert_eq!(get(stand.admin, page).status, 200, "{page}");
    }
    for page in ["/version", "/policy", "/keys", "/decisions"] {
        assert_eq!(get(stand.metrics, page).status, 404, "{page}");
        let told = get(stand.admin, page);
        assert_eq!((told.status, told.header("content-type")), (200, Some("application/json")), "{page}");
        assert_eq!(told.header("cache-control"), Some("no-store"));
        json_of(&told.body);
    }
    for page in ["/", "/metrics/", "/../metrics", "/readyz/verbose", "/METRICS"] {
        assert_eq!(get(stand.admin, page).status, 404, "{page}");
    }
}

#[test]
fn the_policy_page_names_revision_files_and_rules_with_their_places() {
    let stand = Stand::new(RULES, &[]);
    let policy = json_of(&get(stand.admin, "/policy").body);
    let names = |of: &str| -> Vec<Value> {
        policy[of].as_array().expect("a list").iter().map(|rule| rule["name"].clone()).collect()
    };
    assert_eq!(names("routes"), ["books", "open", "orders"]);
    assert_eq!(names("forbid"), ["private"]);
    assert_eq!(policy["routes"][0]["shadow"], true);
    assert_eq!(policy["routes"][1]["line"], 6);
    assert_eq!(policy["revision"].as_str().map(str::len), Some(16));
    let shown = stand.scrape();
    assert!(shown.contains(&format!("portcullis_policy_info{{revision={}}} 1", policy["revision"])));
    assert_eq!(policy["last_reload"]["failure"], Value::Null);
}

#[test]
fn a_refused_policy_is_seen_on_every_page_that_speaks_of_it() {
    let stand = Stand::new(RULES, &["--reload-interval", "100ms"]);
    let live = json_of(&get(stand.admin, "/policy").body)["revision"].clone();
    stand.rewrite("rutes: []\n");
    let failure = || json_of(&get(stand.admin, "/policy").body)["last_reload"]["failure"].clone();
    until(|| !failure().is_null());
    let problem = failure()["problems"][0].clone();
    assert_eq!((&problem["code"], &problem["line"]), (&json!("P0102"), &json!(3)), "{problem}");
    assert_eq!(json_of(&get(stand.admin, "/policy").body)["revision"], live, "the last good one stays");
    let verbose = get(stand.admin, "/readyz?verbose");
    assert_eq!(verbose.status, 200, "who was ready stays so");
    assert!(verbose.body.contains("was refused: ") && verbose.body.contains("P0102"), "{}", verbose.body);
    let public = get(stand.metrics, "/readyz?verbose").body;
    assert!(public.contains("was refused") && !public.contains("P0102"), "{public}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_is_said_when_the_keys_are_there_and_no_longer_at_the_end() {
    let mock = Mock::start(Answer::status("503 Service Unavailable")).await;
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("keys.yaml");
    let issuer = format!(
        "late: {{ issuer: https://late.example, audiences: [crm], keys: {{ jwks_url: \"{}\", insecure_http: true }} }}",
        mock.url("/")
    );
    std::fs::write(&keys, format!("version: 1\nissuers: {{ {issuer} }}\n")).expect("an issuer");
    let path = keys.to_str().expect("text");
    let mut stand = Stand::new(RULES, &["--policies", path, "--shutdown-delay", "60s"]);
    assert_eq!((get(stand.metrics, "/livez").status, get(stand.metrics, "/readyz").status), (200, 503));
    let verbose = get(stand.metrics, "/readyz?verbose").body;
    assert!(verbose.contains("[-] keys of issuer `late`") && verbose.ends_with("not ready\n"), "{verbose}");
    let source = || {
        let page = json_of(&get(stand.admin, "/keys").body);
        let late = page["issuers"].as_array().expect("issuers").iter().find(|one| one["name"] == "late");
        late.expect("the issuer")["sources"][0].clone()
    };
    until(|| source()["failures"].as_u64() >= Some(1));
    assert!(source()["last_error"].is_string(), "{}", source());
    let signer = crate::keys::signer::Signer::new("late-1");
    mock.answer(Answer::json(json!({ "keys": [signer.jwk()] }).to_string()));
    until(|| get(stand.metrics, "/readyz").status == 200);
    let page = json_of(&get(stand.admin, "/keys").body).to_string();
    assert!(page.contains(r#""id":"late-1""#) && page.contains("EdDSA"), "{page}");
    stand.serving.send(Signal::TERM);
    stand.serving.until("shutting down");
    until(|| get(stand.metrics, "/readyz").status == 503);
    let told = get(stand.metrics, "/readyz?verbose");
    assert!(told.body.contains("[-] shutting down"), "{}", told.body);
    assert_eq!(get(stand.metrics, "/livez").status, 200);
    let answer = stand.check(request("GET", "/open", &[])).await;
    assert!(answer.status.is_some(), "decisions go on");
}

#[test]
fn nothing_can_be_changed_and_no_foreign_page_can_read() {
    let stand = Stand::new(RULES, &[]);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let told =
            ask(stand.admin, &format!("{method} /policy HTTP/1.1\nhost: localhost\ncontent-length: 0"));
        assert_eq!((told.status, told.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    // DNS rebinding: the browser is led here under the name of the page that it shows.
    for host in ["evil.example", "evil.example:9193", "127.0.0.1.evil.example", ""] {
        let told = ask(stand.admin, &format!("GET /decisions HTTP/1.1\nhost: {host}"));
        assert_eq!(told.status, 421, "{host}");
        assert!(told.header("access-control-allow-origin").is_none());
    }
    for host in ["localhost", "127.0.0.1:1", "portcullis", "portcullis.shop.svc.cluster.local"] {
        assert_eq!(ask(stand.admin, &format!("GET /decisions HTTP/1.1\nhost: {host}")).status, 200, "{host}");
    }
    // Prometheus may know us by any name.
    assert_eq!(ask(stand.metrics, "GET /metrics HTTP/1.1\nhost: node-1.example.com").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_explained_to_operators_alone() {
    let stand = Stand::new(RULES, &[]);
    let token = stand.signer.token(ISSUER);
    let post = |address, kind: &str, body: &str| {
        let length = body.len();
        ask(
            address,
            &format!(
                "POST /explain HTTP/1.1\nhost: localhost\ncontent-type: {kind}\ncontent-length: {length}\n\n{body}"
            ),
        )
    };
    let question = |token: &str| {
        json!({ "method": "GET", "url": "https://crm.example/orders/1", "token": token }).to_string()
    };
    let allowed = post(stand.admin, "application/json", &question(&token));
    assert_eq!((allowed.status, &json_of(&allowed.body)["decision"]["outcome"]), (200, &json!("allow")));
    let denied = post(stand.admin, "application/json; charset=utf-8", &question("nonsense"));
    assert_eq!(json_of(&denied.body)["decision"]["reason"], "malformed_token");
    let bad = post(stand.admin, "application/json", "{}");
    assert_eq!(bad.status, 400);
    assert!(json_of(&bad.body)["hint"].is_string(), "{}", bad.body);
    assert_eq!(post(stand.admin, "text/plain", &question(&token)).status, 415);
    assert_eq!(post(stand.metrics, "application/json", &question(&token)).status, 405);
    assert_eq!(get(stand.admin, "/explain").status, 405);
    let verified = r#"portcullis_token_verifications_total{issuer="auth",algorithm="EdDSA",result="ok"}"#;
    assert!(stand.value(verified).is_none_or(|count| count == 0.0), "a question is no decision");
}

#[test]
fn whoever_holds_connections_keeps_no_probe_out() {
    let stand = Stand::new(RULES, &[]);
    let mut held: Vec<TcpStream> = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(stand.metrics).expect("connected");
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n").expect("half of a head");
        held.push(stream);
        if held.len().is_multiple_of(50) {
            assert_eq!(get(stand.metrics, "/livez").status, 200, "{} are held", held.len());
        }
    }
    // The oldest ones are gone: memory is bounded.
    let mut oldest = held.remove(0);
    oldest.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
    let mut answer = Vec::new();
    let _reset = oldest.read_to_end(&mut answer);
    assert!(answer.is_empty(), "it was closed without an answer");
}

#[test]
fn a_head_without_end_is_refused() {
    let stand = Stand::new(RULES, &[]);
    let long = "x".repeat(64 * 1024);
    let told = ask(stand.metrics, &format!("GET /livez HTTP/1.1\nhost: x\nx-long: {long}"));
    assert_eq!(told.status, 431);
    assert_eq!(get(stand.metrics, "/livez").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_decisions_are_shown_newest_first() {
    let mut stand = Stand::new(RULES, &["--log-decisions", "all"]);
    let token = format!("Bearer {}", stand.signer.token(ISSUER));
    stand.check(request("GET", "/private/1", &[])).await;
    stand.check(request("GET", "/orders/2", &[("authorization", &token)])).await;
    let logged = [stand.serving.decision(), stand.serving.decision()];
    let page = json_of(&get(stand.admin, "/decisions").body);
    assert_eq!(page, json!([logged[1], logged[0]]));
    let (denied, allowed) = (&logged[0], &logged[1]);
    assert_eq!((&denied["route"], &denied["status"]), (&json!("(forbid) private"), &json!(403)));
    assert_eq!(allowed["subject"], "7");
    for (field, wanted) in [
        ("outcome", json!("allow")),
        ("reason", json!("allowed")),
        ("status", json!(200)),
        ("route", json!("orders")),
        ("rule_file", json!("policy.yaml")),
        ("rule_line", json!(7)),
        ("guard", json!("auth")),
        ("issuer", json!("auth")),
        ("method", json!("GET")),
        ("host", json!("crm.example")),
        ("path", json!("/orders/2")),
        ("key_id", json!("k1")),
        ("cached", json!(false)),
        ("shadow", json!([])),
    ] {
        let actual = &allowed[field];
        let is_it = *actual == wanted
            || field == "rule_file" && actual.as_str().is_some_and(|file| file.ends_with("policy.yaml"));
        assert!(is_it, "{field}: {actual}");
    }
    assert!(allowed["duration_us"].is_u64() && allowed["policy_revision"].is_string());
}
