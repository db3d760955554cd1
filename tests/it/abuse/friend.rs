//! Somebody who asks as Envoy does while others attack.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use envoy_types::ext_authz::v3::pb::{CheckResponse, HttpResponse};
use h2::client::SendRequest;
use http::Request;
use prost::Message;

use crate::stand::request;

/// No answer takes that long: it is lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// The status code and, of a denial, the HTTP status.
pub type Verdict = (i32, Option<i32>);

/// What is asked in turn, and what is right.
const ASKED: [(&str, Verdict); 2] = [("/open", (0, None)), ("/closed", (7, Some(403)))];

/// A check of a path as it stands in the data of a call.
pub fn message(path: &str) -> Vec<u8> {
    let check = request("GET", path, &[]).encode_to_vec();
    let length = u32::try_from(check.len()).expect("short").to_be_bytes();
    [&[0][..], &length, &check].concat()
}

/// What the data of an answer says.
pub fn verdict(data: &[u8]) -> Verdict {
    let response = CheckResponse::decode(&data[5..]).expect("a CheckResponse");
    let code = response.status.expect("an absent status would be an allow").code;
    match response.http_response.expect("one kind of answer") {
        HttpResponse::OkResponse(_) => (code, None),
        HttpResponse::DeniedResponse(denied) | HttpResponse::ErrorResponse(denied) => {
            (code, Some(denied.status.expect("an HTTP status").code))
        }
    }
}

/// What became of all that was asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    pub allowed: usize,
    pub denied: usize,
    pub wrong_allows: usize,
    pub wrong_denials: usize,
    pub unavailable: usize,
    pub lost: usize,
}

pub struct Friend {
    address: SocketAddr,
    connection: SendRequest<Bytes>,
    pub tally: Tally,
}

impl Friend {
    pub async fn new(address: SocketAddr) -> Self {
        Self { address, connection: connect(address).await, tally: Tally::default() }
    }

    /// Asks for what is open and for what is closed, and counts what comes.
    pub async fn asks(&mut self) {
        for (path, right) in ASKED {
            let asked = tokio::time::timeout(PATIENCE, ask(self.connection.clone(), path)).await;
            let found = asked.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            let tally = &mut self.tally;
            let count = match found {
                Err(_) => &mut tally.lost,
                Ok((0, None)) if right == (0, None) => &mut tally.allowed,
                Ok((0, None)) => &mut tally.wrong_allows,
                Ok((14, Some(503))) => &mut tally.unavailable,
                Ok(verdict) if verdict == right => &mut tally.denied,
                Ok(_) => &mut tally.wrong_denials,
            };
            *count += 1;
            if found.is_err() {
                self.connection = connect(self.address).await;
            }
        }
    }

    /// All was answered, and rightly.
    #[track_caller]
    pub fn is_content(&self) {
        let Tally { allowed, denied, .. } = self.tally;
        assert_eq!(self.tally, Tally { allowed, denied, ..Tally::default() });
        assert!(allowed > 0 && denied > 0, "nothing was asked");
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let connect = tokio::time::timeout(PATIENCE, async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("connected");
        let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        send
    });
    connect.await.expect("a handshake in time")
}

async fn ask(connection: SendRequest<Bytes>, path: &str) -> Result<Verdict, String> {
    let request = Request::post("http://portcullis/envoy.service.auth.v3.Authorization/Check")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("a request");
    let told = |error: h2::Error| error.to_string();
    let mut ready = connection.ready().await.map_err(told)?;
    let (answer, mut body) = ready.send_request(request, false).map_err(told)?;
    body.send_data(message(path).into(), true).map_err(told)?;
    let mut body = answer.await.map_err(told)?.into_body();
    let mut data = Vec::new();
    while let Some(piece) = body.data().await {
        data.extend(piece.map_err(told)?);
    }
    let trailers = body.trailers().await.map_err(told)?.ok_or("no trailers")?;
    match trailers.get("grpc-status").map(http::HeaderValue::as_bytes) {
        Some(b"0") => Ok(verdict(&data)),
        other => Err(format!("grpc-status {other:?}")),
    }
}
