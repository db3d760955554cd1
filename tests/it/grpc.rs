//! The gRPC listener of the real program, spoken to byte by byte: whatever comes, the answer to a check is a
//! `CheckResponse` under `grpc-status: 0`, and only a decision to allow has a status code of zero.

mod ending;
mod health;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse, HttpResponse};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, attribute_context as context};
use h2::client::SendRequest;
use http::Request;
use prost::Message;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::keys::serving::Serving;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// No test waits that long for something that happens.
const PATIENCE: Duration = Duration::from_mins(1);

struct Stand {
    serving: Serving,
    address: SocketAddr,
    _directory: TempDir,
}

impl Stand {
    fn start(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let policy = "version: 1\nroutes:\n  - { match: GET /open, allow: anyone }\n  - { match: /closed, allow: nobody }\n";
        std::fs::write(directory.path().join("policy.yaml"), policy).expect("a policy file");
        let mut serving = Serving::start(directory.path(), settings);
        let told = serving.until("listening for Envoy");
        let address = told["address"].as_str().expect("an address").parse().expect("host and port");
        Self { serving, address, _directory: directory }
    }

    async fn connect(&self) -> SendRequest<Bytes> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        send
    }
}

/// One call: the HTTP status, the gRPC status, and the message.
async fn call(
    send: &mut SendRequest<Bytes>,
    path: &str,
    headers: &[(&str, &str)],
    pieces: Vec<Bytes>,
) -> (u16, Option<String>, Bytes) {
    let asked = async {
        let mut request = Request::post(format!("http://portcullis{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut ready = send.clone().ready().await.expect("a connection that takes requests");
        let (response, mut body) =
            ready.send_request(request.body(()).expect("a request"), false).expect("sent");
        for piece in pieces {
            body.send_data(piece, false).expect("sent");
        }
        // Whoever was answered early takes no more.
        let _ = body.send_data(Bytes::new(), true);
        let response = response.await.expect("a response");
        let status = response.status().as_u16();
        let word = |headers: &http::HeaderMap| {
            headers.get("grpc-status").map(|value| value.to_str().expect("text").to_owned())
        };
        let early = word(response.headers());
        let mut content = Vec::new();
        let mut body = response.into_body();
        while let Some(piece) = body.data().await {
            content.extend_from_slice(&piece.expect("data"));
        }
        let late = body.trailers().await.expect("trailers").as_ref().and_then(word);
        (status, early.or(late), Bytes::from(content))
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("an answer")
}

/// A check with these bytes as its data.
async fn check(send: &mut SendRequest<Bytes>, data: Vec<Bytes>) -> CheckResponse {
    let (status, grpc, content) =
        call(send, CHECK, &[("content-type", "application/grpc"), ("te", "trailers")], data).await;
    assert_eq!((status, grpc.as_deref()), (200, Some("0")));
    let (prefix, message) = content.split_first_chunk::<5>().expect("a prefix");
    let [compressed, length @ ..] = *prefix;
    assert_eq!((compressed, usize::try_from(u32::from_be_bytes(length))), (0, Ok(message.len())));
    CheckResponse::decode(message).expect("a CheckResponse")
}

fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[0][..], &length, message].concat().into()
}

fn request(method: &str, path: &str) -> Vec<u8> {
    let http = context::HttpRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        host: "crm.example.com".to_owned(),
        ..context::HttpRequest::default()
    };
    let request = Some(context::Request { time: None, http: Some(http) });
    CheckRequest { attributes: Some(AttributeContext { request, ..AttributeContext::default() }) }
        .encode_to_vec()
}

/// The status code and, of a denial, the HTTP status.
#[track_caller]
fn verdict(response: &CheckResponse) -> (i32, Option<i32>) {
    let code = response.status.as_ref().expect("an absent status would be an allow").code;
    match response.http_response.as_ref().expect("one kind of answer") {
        HttpResponse::OkResponse(_) => (code, None),
        HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied) => {
            (code, Some(denied.status.as_ref().expect("an HTTP status").code))
        }
    }
}

/// What is sent, and the status code and HTTP status wanted.
type Row = (&'static str, Vec<Bytes>, (i32, Option<i32>));

#[tokio::test]
async fn every_check_is_answered_with_a_verdict() {
    let stand = Stand::start(&["--limits-message-bytes", "4KiB"]);
    let mut send = stand.connect().await;
    let open = request("GET", "/open");
    let (head, tail) = open.split_at(9);
    let table: Vec<Row> = vec![
        ("an open route", vec![framed(&open)], (0, None)),
        (
            "the same in pieces",
            vec![framed(&open).slice(..3), framed(&open).slice(3..4), framed(&open).slice(4..)],
            (0, None),
        ),
        ("a closed route", vec![framed(&request("GET", "/closed"))], (7, Some(403))),
        ("no route", vec![framed(&request("GET", "/nowhere"))], (7, Some(403))),
        ("a bad path", vec![framed(&request("GET", "/open/../closed"))], (3, Some(400))),
        ("an empty message", vec![framed(b"")], (3, Some(400))),
        ("an empty HTTP request", vec![framed(&request("", ""))], (3, Some(400))),
        ("no message at all", vec![], (3, Some(400))),
        ("half a prefix", vec![Bytes::from_static(b"\0\0")], (3, Some(400))),
        ("less than was said", vec![framed(&open).slice(..12)], (3, Some(400))),
        ("two messages", vec![framed(&open), framed(&open)], (3, Some(400))),
        ("compressed", vec![[&[1][..], &framed(&open).slice(1..)].concat().into()], (3, Some(400))),
        ("garbage", vec![framed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")], (3, Some(400))),
        ("a field cut short", vec![framed(head)], (3, Some(400))),
        ("fields of nothing", vec![framed(tail)], (3, Some(400))),
        ("over the limit", vec![framed(&vec![0x7a; 5000])], (3, Some(400))),
        ("said to be over the limit", vec![Bytes::from_static(b"\0\xff\xff\xff\xff")], (3, Some(400))),
    ];
    for (what, data, wanted) in table {
        assert_eq!(verdict(&check(&mut send, data).await), wanted, "{what}");
    }
    // Every prefix of a good message, and every byte of it changed.
    for end in 0..open.len() {
        let got = verdict(&check(&mut send, vec![framed(&open[..end])]).await);
        assert_ne!(got.0, 0, "the first {end} bytes");
    }
    for at in 0..open.len() {
        let mut changed = open.clone();
        changed[at] ^= 0x55;
        let (code, http) = verdict(&check(&mut send, vec![framed(&changed)]).await);
        assert!(
            code == 0 && http.is_none() || code != 0 && http.is_some_and(|http| (400..=599).contains(&http))
        );
    }
}

#[tokio::test]
async fn what_is_no_check_is_told_so() {
    let stand = Stand::start(&[]);
    let mut send = stand.connect().await;
    let grpc = [("content-type", "application/grpc")];
    for path in [
        "/envoy.service.auth.v3.Authorization/Other",
        "/nobody.Service/Check",
        "/",
        "/envoy.service.auth.v3.Authorization/Check/",
    ] {
        let (status, code, _) = call(&mut send, path, &grpc, vec![framed(&request("GET", "/open"))]).await;
        assert_eq!((status, code.as_deref()), (200, Some("12")), "{path}");
    }
    let (status, _, _) = call(&mut send, CHECK, &[("content-type", "application/json")], vec![]).await;
    assert_eq!(status, 415);
}

#[tokio::test]
async fn health_is_told_per_service_and_overall() {
    let stand = Stand::start(&[]);
    let mut send = stand.connect().await;
    let grpc = [("content-type", "application/grpc")];
    for service in ["", "envoy.service.auth.v3.Authorization"] {
        let asked = tonic_health::pb::HealthCheckRequest { service: service.to_owned() }.encode_to_vec();
        let (_, code, content) = call(&mut send, HEALTH, &grpc, vec![framed(&asked)]).await;
        assert_eq!(code.as_deref(), Some("0"), "{service}");
        let answer =
            tonic_health::pb::HealthCheckResponse::decode(content.slice(5..)).expect("a health response");
        assert_eq!(answer.status, 1, "{service} serves");
    }
    let asked = tonic_health::pb::HealthCheckRequest { service: "other".to_owned() }.encode_to_vec();
    let (_, code, _) = call(&mut send, HEALTH, &grpc, vec![framed(&asked)]).await;
    assert_eq!(code.as_deref(), Some("5"), "an unknown service is not found");
}

#[tokio::test]
async fn a_deadline_that_is_over_and_too_much_work_are_answered_as_unavailable() {
    let stand = Stand::start(&["--limits-in-flight", "1"]);
    let mut send = stand.connect().await;
    let (_, code, content) = call(
        &mut send,
        CHECK,
        &[("content-type", "application/grpc"), ("grpc-timeout", "0n")],
        vec![framed(&request("GET", "/open"))],
    )
    .await;
    assert_eq!(code.as_deref(), Some("0"));
    let late = CheckResponse::decode(content.slice(5..)).expect("a CheckResponse");
    assert_eq!(verdict(&late), (14, Some(503)));

    // A message that does not end holds the one place there is.
    let held = Request::post(format!("http://portcullis{CHECK}")).header("content-type", "application/grpc");
    let mut ready = send.clone().ready().await.expect("ready");
    let (first, _open) = ready.send_request(held.body(()).expect("a request"), false).expect("sent");
    let second = check(&mut send, vec![framed(&request("GET", "/open"))]).await;
    assert_eq!(verdict(&second), (14, Some(503)));
    let first =
        tokio::time::timeout(PATIENCE, first).await.expect("an answer by the deadline").expect("a response");
    let mut body = first.into_body();
    let content = body.data().await.expect("a message").expect("data");
    let overdue = CheckResponse::decode(content.slice(5..)).expect("a CheckResponse");
    assert_eq!(verdict(&overdue), (14, Some(503)));
    assert_eq!(verdict(&check(&mut send, vec![framed(&request("GET", "/open"))]).await), (0, None));
}

/// Half a preface, and a peer that never reads: neither keeps the program from ending.
#[tokio::test]
async fn it_ends_in_good_order_with_deaf_peers_attached() {
    let mut stand = Stand::start(&["--shutdown-drain", "500ms"]);
    let mut half = TcpStream::connect(stand.address).await.expect("a connection");
    tokio::io::AsyncWriteExt::write_all(&mut half, b"PRI * HTTP/2.0\r\n").await.expect("sent");
    let _silent = TcpStream::connect(stand.address).await.expect("a connection");
    let mut send = stand.connect().await;
    assert_eq!(verdict(&check(&mut send, vec![framed(&request("GET", "/open"))]).await), (0, None));
    let deaf = Request::post(format!("http://portcullis{CHECK}")).header("content-type", "application/grpc");
    let _never_ends =
        send.clone().ready().await.expect("ready").send_request(deaf.body(()).expect("a request"), false);
    stand.serving.send(Signal::TERM);
    let status = tokio::task::spawn_blocking(move || stand.serving.child.wait().expect("an end"))
        .await
        .expect("no panic");
    assert_eq!(status.code(), Some(0));
}

/// The bytes as Envoy sent them, not as a library would write them again.
#[tokio::test]
async fn captured_requests_are_answered_over_the_wire() {
    let stand = Stand::start(&[]);
    let mut send = stand.connect().await;
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkrequests");
    let mut count = 0;
    for name in ["plain.bin", "rawhdr.bin", "uds.bin", "tls_full.bin"] {
        let bytes = std::fs::read(directory.join(name)).expect("captured messages");
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let length = prost::decode_length_delimiter(&mut rest).expect("a length");
            let (message, after) = rest.split_at(length);
            rest = after;
            // Nothing that was captured asks for `/open`.
            assert_ne!(verdict(&check(&mut send, vec![framed(message)]).await).0, 0);
            count += 1;
        }
    }
    assert!(count > 100, "only {count} messages");
}
