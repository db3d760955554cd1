//! Peers who abuse HTTP/2 on the gRPC listener. Each attack may end the attacker's connection and nothing else:
//! somebody who asks on another connection gets his answers all the while, and memory stays bounded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::figures::saw;
use crate::keys::serving::Serving;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const CHECK: &[u8] = include_bytes!("../data/checkrequests/uds.bin");

/// What an attacker sends at most.
const HOSTILE: usize = 4 << 20;
/// What the server may grow by meanwhile, all attackers together.
const GROWTH_KIB: usize = 64 << 10;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of a call: `POST`, `http`, a path, literal and without indexing.
fn call() -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    for (name, value) in [
        (":path", "/envoy.service.auth.v3.Authorization/Check"),
        (":authority", "portcullis"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend(text.as_bytes());
        }
    }
    block
}

fn message() -> Vec<u8> {
    let mut message = vec![0];
    message.extend(u32::try_from(CHECK.len()).expect("short").to_be_bytes());
    message.extend(CHECK);
    message
}

struct Stand {
    serving: Serving,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Stand {
    fn new(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(
            directory.path().join("policy.yaml"),
            "version: 1\nroutes: [{ match: /open, allow: anyone }]\n",
        )
        .expect("a policy");
        let quiet = ["--log-decisions", "none"];
        let mut serving = Serving::start(directory.path(), &[&quiet[..], settings].concat());
        let told = serving.until("listening for Envoy");
        let address = told["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        Self { serving, address, _directory: directory }
    }

    /// A connection that has said hello. What does not go out for half a second is not sent.
    fn attacker(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.set_write_timeout(Some(Duration::from_millis(500))).expect("a bound");
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).expect("sent");
        stream
    }

    async fn friend(&self) -> SendRequest<Bytes> {
        let connect = tokio::time::timeout(Duration::from_mins(1), async {
            let stream = tokio::net::TcpStream::connect(self.address).await.expect("connected");
            let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
            tokio::spawn(connection);
            send
        });
        connect.await.expect("a handshake in time")
    }

    fn resident_kib(&self) -> usize {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.serving.child.id())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

/// Asks once, and is answered with a decision.
async fn is_answered(friend: &mut SendRequest<Bytes>) {
    let asked = async {
        let request = Request::post("http://portcullis/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let (answer, mut body) =
            friend.clone().ready().await.expect("a stream").send_request(request, false).expect("sent");
        body.send_data(message().into(), true).expect("sent");
        let mut body = answer.await.expect("an answer").into_body();
        let mut told = 0;
        while let Some(data) = body.data().await {
            told += data.expect("data").len();
        }
        let trailers = body.trailers().await.expect("trailers").expect("trailers");
        (told, trailers["grpc-status"].clone())
    };
    let (told, status) =
        tokio::time::timeout(Duration::from_mins(1), asked).await.expect("an answer in time");
    assert!(told > 5, "a decision has more than a frame's head");
    assert_eq!(status, "0");
}

/// Sends until the bound, or until the server closes or reads no more.
fn flood(stream: &mut TcpStream, mut piece: impl FnMut(u32) -> Vec<u8>) {
    let mut sent = 0;
    let mut number = 0;
    while sent < HOSTILE {
        let mut batch = Vec::new();
        while batch.len() < 16 << 10 {
            batch.extend(piece(number));
            number += 1;
        }
        sent += batch.len();
        if stream.write_all(&batch).is_err() {
            return;
        }
    }
}

/// The number of the next stream of a client.
fn stream_of(number: u32) -> u32 {
    2 * number + 1
}

async fn survives(rows: &[u32], what: &str, attack: impl Fn(&Stand, &mut TcpStream) + Send + Sync + 'static) {
    let stand = std::sync::Arc::new(Stand::new(&[]));
    let mut friend = stand.friend().await;
    is_answered(&mut friend).await;
    let before = stand.resident_kib();
    let attacked = std::sync::Arc::clone(&stand);
    // The attackers' connections stay open until the end, as far as they are not closed by the server.
    let attacking = tokio::task::spawn_blocking(move || {
        let mut attackers: Vec<TcpStream> = (0..4).map(|_| attacked.attacker()).collect();
        for attacker in &mut attackers {
            attack(&attacked, attacker);
        }
        attackers
    });
    let mut answered = 0;
    while !attacking.is_finished() {
        is_answered(&mut friend).await;
        answered += 1;
    }
    let attackers = attacking.await.expect("an attack");
    is_answered(&mut friend).await;
    is_answered(&mut stand.friend().await).await;
    let grown = stand.resident_kib().saturating_sub(before);
    assert!(grown <= GROWTH_KIB, "it grew by {grown} KiB");
    for row in rows {
        saw(
            *row,
            format_args!("{what}: grew by {} MiB, {answered} answers to a friend, 0 lost", grown >> 10),
        );
    }
    drop(attackers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_end() {
    survives(&[25], "streams without end", |_, attacker| {
        flood(attacker, |number| frame(HEADERS, END_HEADERS, stream_of(number), &call()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_at_once() {
    survives(&[27], "streams that are reset at once", |_, attacker| {
        flood(attacker, |number| {
            let open = frame(HEADERS, END_HEADERS, stream_of(number), &call());
            [open, frame(RST_STREAM, 0, stream_of(number), &8_u32.to_be_bytes())].concat()
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuations_without_end() {
    survives(&[24], "continuations without end", |_, attacker| {
        attacker.write_all(&frame(HEADERS, 0, 1, &call())).expect("sent");
        flood(attacker, |_| frame(CONTINUATION, 0, 1, &[0x00, 0x01, b'a', 0x01, b'b'].repeat(3000)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_continuations_without_end() {
    survives(&[29], "empty continuations without end", |_, attacker| {
        attacker.write_all(&frame(HEADERS, 0, 1, &call())).expect("sent");
        flood(attacker, |_| frame(CONTINUATION, 0, 1, &[]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_whose_answers_nobody_reads() {
    survives(&[26, 29], "pings whose answers nobody reads", |_, attacker| {
        flood(attacker, |_| frame(PING, 0, 0, &[7; 8]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_without_end() {
    survives(&[29], "settings without end", |_, attacker| {
        flood(attacker, |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_data_without_end() {
    survives(&[29], "empty data without end", |_, attacker| {
        attacker.write_all(&frame(HEADERS, END_HEADERS, 1, &call())).expect("sent");
        flood(attacker, |_| frame(DATA, 0, 1, &[]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large() {
    survives(&[24], "a message that is too large", |_, attacker| {
        attacker.write_all(&frame(HEADERS, END_HEADERS, 1, &call())).expect("sent");
        attacker.write_all(&frame(DATA, 0, 1, &[0, 0x7f, 0xff, 0xff, 0xff])).expect("sent");
        flood(attacker, |_| frame(DATA, 0, 1, &[0; 16 << 10]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_have_no_window() {
    survives(&[26], "answers that have no window", |_, attacker| {
        attacker.write_all(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).expect("sent");
        flood(attacker, |number| {
            let open = frame(HEADERS, END_HEADERS, stream_of(number), &call());
            [open, frame(DATA, 1, stream_of(number), &message())].concat()
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_that_overflow() {
    survives(&[29], "windows that overflow", |_, attacker| {
        flood(attacker, |_| frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_preface() {
    survives(&[29], "half a preface", |stand, _| {
        let halves: Vec<TcpStream> = (0..40)
            .map(|_| {
                let mut stream = TcpStream::connect(stand.address).expect("connected");
                stream.write_all(PREFACE.split_at(11).0).expect("sent");
                stream
            })
            .collect();
        drop(halves);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_descriptors_run_out_it_rests_and_goes_on() {
    let mut stand = Stand::new(&[]);
    let mut friend = stand.friend().await;
    is_answered(&mut friend).await;
    let id = stand.serving.child.id();
    let used = std::fs::read_dir(format!("/proc/{id}/fd")).expect("descriptors").count();
    let few = Rlimit { current: u64::try_from(used + 4).ok(), maximum: getrlimit(Resource::Nofile).maximum };
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Nofile, few).expect("a limit");
    let crowd: Vec<TcpStream> = (0..32).map(|_| stand.attacker()).collect();
    stand.serving.until("connections cannot be accepted");
    for _ in 0..20 {
        is_answered(&mut friend).await;
    }
    drop(crowd);
    is_answered(&mut stand.friend().await).await;
    stand.serving.until("connections are accepted again");
    saw(
        35,
        "4 descriptors left for 32 connections: 20 of 20 answers on the one that was there, accepted again",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_no_ping_is_let_go() {
    let stand = Stand::new(&["--keepalive-interval", "100ms", "--keepalive-timeout", "100ms"]);
    let mut friend = stand.friend().await;
    let mut dead = stand.attacker();
    dead.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
    let mut rest = Vec::new();
    let ended = tokio::task::spawn_blocking(move || dead.read_to_end(&mut rest));
    // Either way of ending a connection is one; the bound is an error of another kind.
    let end = ended.await.expect("no panic").map_err(|error| error.kind());
    assert!(matches!(end, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)), "{end:?}");
    is_answered(&mut friend).await;
}

/// Else the floods would be refused for their spelling.
#[test]
fn what_attackers_send_is_a_call_like_any_other() {
    let stand = Stand::new(&[]);
    let mut stream = stand.attacker();
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
    let call = [frame(HEADERS, END_HEADERS, 1, &call()), frame(DATA, 1, 1, &message())].concat();
    stream.write_all(&call).expect("sent");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("a size")];
        stream.read_exact(&mut payload).expect("a frame");
        assert_ne!(head[3], RST_STREAM);
        if head[3] == DATA {
            assert!(payload.len() > 5, "a decision has more than a frame's head");
            return;
        }
    }
}
