//! What the real program says, and what it never says.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::google::protobuf::{Struct, Value as Pb, value::Kind};
use serde_json::{Value, json};

use crate::stand::{ISSUER, Stand, ask, get, request};

/// Stands in every place that a secret may stand in.
const CANARY: &str = "canary-5ecret";

const RULES: &str = r#"
defaults:
  upstream: { headers: { x-user: "{subject}", x-name: "{claims.name}" } }
responses: { format: problem }
routes:
  - { name: open, match: "/open/**", allow: anyone, token: ignored }
  - { name: optional, match: "/optional/**", token: optional, require: { any: [{ roles: [none] }, { query: { x: y } }] } }
  - { name: orders, match: "/orders/**", allow: authenticated }
  - { name: scoped, match: "/scoped/**", require: { scopes: [canaries] } }
  - { name: claimed, match: "/claimed/**", require: { claims: { name: nobody } } }
  - { name: when, match: "/when/**", require: { when: "int(claims.name) > 1" } }
  - { name: headed, match: "/headed/**", require: { headers: { x-secret: other } } }
  - { name: shadow, match: "/orders/**", mode: shadow, require: { claims: { name: nobody } } }
forbid:
  - { name: private, match: "/private/**" }
"#;

/// A token of ours whose claims are secrets, all but `sub`.
fn secret_token(stand: &Stand) -> String {
    let claims = json!({
        "name": CANARY, "email": CANARY, "jti": CANARY, "scope": CANARY, CANARY: [CANARY],
        "nested": { CANARY: CANARY },
    });
    stand.signer.token_with(ISSUER, &claims)
}

/// Credentials, good and bad, none of which may be told.
fn credentials(stand: &Stand) -> Vec<String> {
    let good = secret_token(stand);
    let (head, _) = good.rsplit_once('.').expect("a signature");
    let stranger = crate::keys::signer::Signer::new("canary-5ecret-key");
    vec![
        format!("Bearer {good}"),
        format!("Bearer {CANARY}"),
        format!("Bearer {head}.{CANARY}"),
        format!("Bearer {}", stranger.token(ISSUER)),
        format!("Bearer {}", stranger.token(&format!("https://{CANARY}.example"))),
        format!("Bearer {}", stand.signer.token_until(ISSUER, 1)),
        format!("Basic {CANARY}"),
    ]
}

/// Everything that Envoy may send along, with the secret in each place.
fn laden(method: &str, target: &str, credential: &str) -> CheckRequest {
    let headers = [
        "cookie",
        "x-api-key",
        "x-secret",
        "proxy-authorization",
        "x-request-id",
        "traceparent",
        "tracestate",
        "baggage",
        "user-agent",
        "referer",
        "x-forwarded-for",
        "x-user",
        "origin",
        "content-type",
    ];
    let mut headers: Vec<(&str, &str)> = headers.iter().map(|name| (*name, CANARY)).collect();
    headers.push(("authorization", credential));
    headers.push((CANARY, "x"));
    let mut request = request(method, target, &headers);
    let attributes = request.attributes.get_or_insert_default();
    attributes.context_extensions = [(CANARY.to_owned(), CANARY.to_owned())].into();
    let secret = Pb { kind: Some(Kind::StringValue(CANARY.to_owned())) };
    let fields = Struct { fields: [(CANARY.to_owned(), secret)].into() };
    attributes.metadata_context.get_or_insert_default().filter_metadata =
        [(CANARY.to_owned(), fields)].into();
    let source = attributes.source.get_or_insert_default();
    CANARY.clone_into(&mut source.principal);
    CANARY.clone_into(&mut source.certificate);
    CANARY.clone_into(&mut source.service);
    let http = attributes.request.get_or_insert_default().http.get_or_insert_default();
    CANARY.clone_into(&mut http.body);
    http.raw_body = CANARY.as_bytes().to_vec();
    CANARY.clone_into(&mut http.query);
    CANARY.clone_into(&mut http.fragment);
    CANARY.clone_into(&mut http.id);
    request
}

/// Takes spans, and remembers every byte that came.
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let taken = Arc::<Mutex<Vec<u8>>>::default();
    let bytes = Arc::clone(&taken);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a head");
                head.extend(byte);
            }
            let text = String::from_utf8_lossy(&head).to_lowercase();
            let length =
                text.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
            let mut body = vec![0; length.expect("a length")];
            stream.read_exact(&mut body).expect("a body");
            bytes.lock().expect("no panic").extend([head, body].concat());
            let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(ok).expect("sent");
        }
    });
    (url, taken)
}

async fn nothing_tells(settings: &[&str]) {
    let (url, spans) = collector();
    let http =
        ["--listen-http", "127.0.0.1:0", "--http-target", "x-forwarded", "--tracing-otlp-endpoint", &url];
    let mut stand = Stand::new(RULES, &[settings, &http[..]].concat());
    let told = stand.serving.until_line("an address", |told| told["address"].is_string());
    let http = told["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
    let mut envoy = stand.envoy().await;
    let credentials = credentials(&stand);
    let query = format!("?access_token={CANARY}&{CANARY}=1#{CANARY}");
    for credential in &credentials {
        for path in [
            "/open/1",
            "/optional/1",
            "/orders/1",
            "/scoped/1",
            "/claimed/1",
            "/when/1",
            "/headed/1",
            "/private/1",
            "/none",
            "/a/../b",
            "/%zz",
        ] {
            for method in ["GET", "POST", "get", "OPTIONS"] {
                envoy.check(laden(method, &format!("{path}{query}"), credential)).await.expect("an answer");
            }
        }
    }
    for credential in &credentials {
        for uri in ["/orders/1", "/private/1", "nonsense"] {
            ask(
                http,
                &format!(
                    "GET /{CANARY}?{CANARY} HTTP/1.1\nhost: x\nauthorization: {credential}\ncookie: {CANARY}\nx-forwarded-method: GET\nx-forwarded-proto: https\nx-forwarded-host: crm.example\nx-forwarded-uri: {uri}?{CANARY}\nx-forwarded-for: {CANARY}"
                ),
            );
        }
    }
    for target in ["", "*", CANARY, "https://canary-5ecret@crm.example/", "?canary-5ecret"] {
        envoy.check(laden("GET", target, &credentials[0])).await.expect("an answer");
    }
    let pages =
        ["/metrics", "/livez", "/readyz", "/readyz?verbose", "/version", "/policy", "/keys", "/decisions"];
    for page in pages.map(|page| get(stand.admin, page).body) {
        let at = page.find(CANARY);
        assert!(at.is_none(), "{}", page.get(at.unwrap_or_default().saturating_sub(200)..).unwrap_or(&page));
        for credential in &credentials {
            assert!(!page.contains(end(credential)), "{credential}");
        }
    }
    stand.serving.send(rustix::process::Signal::TERM);
    let (out, err) = stand.serving.rest();
    let told = format!("{}{out}{err}", stand.serving.told);
    assert!(told.len() > 1000, "there was something to be told: {told}");
    let spans = String::from_utf8_lossy(&spans.lock().expect("no panic")).into_owned();
    assert!(spans.contains("portcullis.decision_id"), "spans were sent");
    let told = format!("{told}{spans}");
    assert!(!told.to_lowercase().contains(CANARY), "{}", around(&told, CANARY));
    for credential in &credentials {
        assert!(!told.contains(end(credential)), "{}", around(&told, end(credential)));
    }
}

/// The end of a credential, which for a token is its signature.
fn end(credential: &str) -> &str {
    credential.get(credential.len().saturating_sub(20).max("Bearer ".len())..).expect("an ASCII credential")
}

fn around(text: &str, what: &str) -> String {
    text.lines().filter(|line| line.to_lowercase().contains(what)).take(3).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_a_request_is_told_at_the_lowest_level() {
    nothing_tells(&["--log-level", "trace", "--log-decisions", "all", "--log-queue", "100000"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_in_text_nor_with_small_limits() {
    let text = ["--log-format", "text", "--log-level", "debug", "--log-decisions", "all"];
    let limits = ["--limits-token-bytes", "300", "--limits-header-bytes", "400", "--cache-tokens", "false"];
    nothing_tells(&[&text[..], &limits[..], &["--log-subject", "none"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_subject_is_told_as_the_settings_say() {
    let mut told = Vec::new();
    for subject in ["plain", "hash", "none"] {
        let mut stand = Stand::new(RULES, &["--log-decisions", "all", "--log-subject", subject]);
        let token = format!("Bearer {}", stand.signer.token(ISSUER));
        stand.check(request("GET", "/orders/1", &[("authorization", &token)])).await;
        told.push(stand.serving.decision()["subject"].clone());
    }
    assert_eq!((&told[0], &told[2]), (&json!("7"), &Value::Null));
    assert_eq!(told[1].as_str().map(str::len), Some(32));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_does_not_read_makes_no_decision_wait() {
    let stand =
        Stand::new(RULES, &["--log-decisions", "all", "--log-queue", "16", "--limits-deadline", "60s"]);
    let mut envoy = stand.envoy().await;
    // Nobody reads its output from here on: the pipe takes 64 KiB, the queue 16 lines, and the rest is dropped.
    for number in 0..2000 {
        envoy.check(request("GET", &format!("/none/{number}"), &[])).await.expect("an answer");
    }
    assert!(stand.value("portcullis_log_dropped_total") > Some(1000.0), "{}", stand.scrape());
    let denied = r#"portcullis_decisions_total{outcome="deny",reason="no_route",route="(none)",guard="",mode="enforce"}"#;
    assert_eq!(stand.value(denied), Some(2000.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_allowed_decisions_is_logged_and_every_denial() {
    let mut stand = Stand::new(RULES, &["--log-decisions", "all", "--log-sample", "0.1"]);
    let mut envoy = stand.envoy().await;
    for _ in 0..100 {
        envoy.check(request("GET", "/open/1", &[])).await.expect("an answer");
    }
    for _ in 0..10 {
        envoy.check(request("GET", "/private/1", &[])).await.expect("an answer");
    }
    let mut outcomes = Vec::new();
    while outcomes.iter().filter(|outcome| **outcome == "deny").count() < 10 {
        outcomes.push(stand.serving.decision()["outcome"].as_str().expect("a word").to_owned());
    }
    let allowed = outcomes.iter().filter(|outcome| **outcome == "allow").count();
    assert!((9..=11).contains(&allowed), "{allowed}");
}

#[test]
fn every_line_is_json_with_time_level_target_and_message() {
    let mut stand = Stand::new(RULES, &["--log-level", "trace"]);
    stand.serving.send(rustix::process::Signal::TERM);
    let (out, err) = stand.serving.rest();
    assert_eq!(err, "");
    for line in stand.serving.told.lines().chain(out.lines()) {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let names: BTreeSet<&str> = told.as_object().expect("an object").keys().map(String::as_str).collect();
        for name in ["timestamp", "level", "target", "message"] {
            assert!(names.contains(name), "{name}: {line}");
        }
    }
}

#[test]
fn a_log_that_nobody_reads_does_not_keep_the_program_from_its_end() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(
        directory.path().join("policy.yaml"),
        "version: 1\nroutes: [{ match: /, allow: anyone, token: ignored }]\n",
    )
    .expect("a policy");
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args([
            "serve",
            "--listen-grpc",
            "127.0.0.1:0",
            "--listen-metrics",
            "",
            "--listen-admin",
            "",
            "--policies",
        ])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut first = [0; 1];
    let mut out = child.stdout.take().expect("its log");
    out.read_exact(&mut first).expect("a byte");
    drop(out);
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal that arrives");
    let ended = child.wait().expect("its end");
    assert!(ended.success() || ended.code().is_none(), "{ended}");
}
