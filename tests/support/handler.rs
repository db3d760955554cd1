//! The way of a request through the program, without a network: a message as Envoy sends it in, one as Envoy
//! reads it out. Between them stands what `serve` puts there.

#![allow(dead_code, unreachable_pub, reason = "each user needs another part of it")]
#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::fs;
use std::io;

use bytes::BytesMut;
use envoy_types::ext_authz::v3::pb::{CheckResponse, HttpResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use portcullis::response::Answer;
use portcullis::runtime::{Options, Runtime};
use portcullis::server::judge::{Arrival, Judge, Judged, Transport};
use portcullis::server::wire::{self, Unavailable};
use portcullis::settings::Values;
use portcullis::telemetry::{DecisionLog, Form, Lines, Metrics};
use portcullis::token::Attempt;
use prost::Message;

/// A policy that is live, and who judges by it.
pub struct Handler {
    judge: Judge,
    _runtime: Runtime,
    _edge: tokio::runtime::Runtime,
}

/// Messages as gRPC carries them, without its frames.
struct Unframed;

impl Transport for Unframed {
    type Said = BytesMut;

    fn say(&self, answer: &Answer<'_>) -> BytesMut {
        let mut bytes = BytesMut::new();
        wire::encode(answer, Unavailable::Denied, &mut bytes);
        bytes
    }
}

/// What Envoy was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// 200 for an allow.
    pub status: i32,
    pub reason: String,
    pub route: String,
}

impl Handler {
    pub fn new(policy: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("policy.yaml"), policy).expect("a policy");
        let edge = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let metrics = Metrics::new();
        let mut options = Options::new(vec![directory.path().to_owned()]);
        options.watch = false;
        // The policy is read once; the directory goes away.
        options.interval = std::time::Duration::from_hours(1);
        options.metrics = metrics.clone();
        let runtime = Runtime::start(options, edge.handle()).expect("a policy that loads");
        let lines = Lines::start(64, Box::new(io::sink()), metrics.clone()).expect("a thread");
        let values =
            Values::gather(|_| None, &BTreeMap::new(), &BTreeMap::new()).expect("no unknown setting");
        let settings = values.read().expect("the defaults");
        let log = DecisionLog::new(&settings.log, Form::Json, lines, None);
        let judge = Judge::new(runtime.live().clone(), metrics, log);
        Self { judge, _runtime: runtime, _edge: edge }
    }

    /// The answer to a message, as Envoy would read it.
    pub fn answer(&self, message: &[u8]) -> CheckResponse {
        let bytes = wire::with_incoming(message, |incoming| {
            match self.judge.judge(&Unframed, incoming, &Arrival::now(), Attempt::Final) {
                Judged::Answer(message) => message,
                Judged::NeedsKeys(_) => panic!("a final attempt needs nothing"),
            }
        });
        CheckResponse::decode(bytes).expect("a CheckResponse")
    }

    /// The same in short. Panics where the answer is none that Envoy reads as it is meant.
    pub fn ask(&self, message: &[u8]) -> Told {
        told(&self.answer(message))
    }
}

/// What a response says. Its parts must not disagree: Envoy lets through whatever lacks a status.
pub fn told(response: &CheckResponse) -> Told {
    let code = response.status.as_ref().expect("a status").code;
    let status = match response.http_response.as_ref().expect("an HTTP part") {
        HttpResponse::OkResponse(_) => {
            assert_eq!(code, 0, "an allow with status {code}");
            200
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_ne!(code, 0, "a denial with status 0");
            let status = denied.status.as_ref().expect("an HTTP status").code;
            assert!((300..600).contains(&status), "HTTP status {status}");
            status
        }
        HttpResponse::ErrorResponse(_) => panic!("an error was not asked for"),
    };
    let field = |name: &str| {
        let metadata = response.dynamic_metadata.as_ref().expect("metadata");
        match metadata.fields.get(name).and_then(|value| value.kind.as_ref()) {
            Some(Kind::StringValue(text)) => text.clone(),
            _ => String::new(),
        }
    };
    Told { status, reason: field("reason"), route: field("route") }
}

/// A request as bytes, in either form of its headers: values need not be text, nor anything else.
pub fn message(
    method: &[u8],
    host: &[u8],
    path: &[u8],
    headers: &[(&str, &[u8])],
    in_raw_form: bool,
) -> Vec<u8> {
    let mut http = Vec::new();
    field(2, method, &mut http);
    field(4, path, &mut http);
    field(5, host, &mut http);
    let mut list = Vec::new();
    for (name, value) in headers {
        let mut header = Vec::new();
        field(1, name.as_bytes(), &mut header);
        field(if in_raw_form { 3 } else { 2 }, value, &mut header);
        if in_raw_form {
            field(1, &header, &mut list);
        } else {
            field(3, &header, &mut http);
        }
    }
    if in_raw_form {
        field(13, &list, &mut http);
    }
    let wrap = |number, inner: &[u8]| {
        let mut outer = Vec::new();
        field(number, inner, &mut outer);
        outer
    };
    wrap(1, &wrap(4, &wrap(2, &http)))
}

/// A field of bytes in a protobuf message.
fn field(number: u8, bytes: &[u8], message: &mut Vec<u8>) {
    message.push(number << 3 | 2);
    let mut length = bytes.len();
    while length > 0x7f {
        message.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    message.push(u8::try_from(length).expect("seven bits"));
    message.extend_from_slice(bytes);
}
