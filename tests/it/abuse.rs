//! Peers who abuse HTTP/2 on the gRPC listener. Each attack may end the attacker's connection and nothing else:
//! somebody who asks on another connection gets his answers all the while, and memory stays bounded.

mod attacker;
mod friend;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::figures::saw;
use crate::keys::serving::Serving;
use attacker::{
    Attacker, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, End, FLOW_CONTROL_ERROR,
    HEADERS, HOSTILE, NOTHING, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, call, frame, stream_of,
};
use friend::{Friend, message};

/// Those who attack at the same time.
const ATTACKERS: usize = 4;
/// What the server's memory may grow by at its peak; where it takes all, by less than half of that, too.
const GROWTH_KIB: usize = 32 << 10;
/// Of pings and settings, each of which has to be answered.
const FEWER: usize = HOSTILE / 4;

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
            "version: 1\nroutes: [{ match: /open, allow: anyone }, { match: /closed, allow: nobody }]\n",
        )
        .expect("a policy");
        let quiet = ["--log-decisions", "none"];
        let mut serving = Serving::start(directory.path(), &[&quiet[..], settings].concat());
        let told = serving.until("listening for Envoy");
        let address = told["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        Self { serving, address, _directory: directory }
    }

    /// A connection that has said hello.
    fn greeted(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).expect("sent");
        stream
    }

    /// From now on the peak counts anew.
    fn forget_the_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.serving.child.id()), "5").expect("forgotten");
    }

    fn peak_kib(&self) -> usize {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.serving.child.id())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

/// Attacks, and looks whether it comes to what is known beforehand: the bytes that are taken of each attacker at least,
/// and how it ends. `rows` are of docs/reliability.md.
async fn survives(
    rows: &[u32],
    what: &str,
    (least, end): (usize, End),
    attack: impl Fn(SocketAddr, &mut Attacker) + Send + Sync + 'static,
) {
    // Attackers answer no pings; none is to be let go for that, and no answer to be late on a busy machine.
    let stand = Stand::new(&["--keepalive-interval", "1h", "--limits-deadline", "20s"]);
    let mut friend = Friend::new(stand.address).await;
    friend.asks().await;
    stand.forget_the_peak();
    let before = stand.peak_kib();
    let address = stand.address;
    let attacking = tokio::task::spawn_blocking(move || {
        std::thread::scope(|scope| {
            let one = || {
                let mut attacker = Attacker::new(address, end == End::Stalled);
                attack(address, &mut attacker);
                attacker
            };
            let threads: Vec<_> = (0..ATTACKERS).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().expect("an attack")).collect::<Vec<_>>()
        })
    });
    while !attacking.is_finished() {
        friend.asks().await;
    }
    // Their connections are there until the end, as far as the server has not closed them.
    let attackers = attacking.await.expect("an attack");
    friend.asks().await;
    friend.is_content();
    let mut another = Friend::new(stand.address).await;
    another.asks().await;
    another.is_content();
    let grown = stand.peak_kib() - before;
    assert!(grown <= GROWTH_KIB, "{what}: it grew by {grown} KiB");
    let mut sent = 0;
    for attacker in attackers {
        assert!(attacker.sent >= least, "{what}: only {} bytes were taken", attacker.sent);
        sent += attacker.sent;
        assert_eq!(attacker.end(), end, "{what}");
    }
    let is_kept = end == End::Taken && least > 0 && grown << 10 >= sent / 2;
    assert!(!is_kept, "{what}: it grew by {grown} KiB for {sent} bytes");
    for row in rows {
        saw(
            *row,
            format_args!(
                "{what}: {} KiB taken, peak {} MiB higher, {end:?}; a friend: {:?}",
                sent >> 10,
                grown.div_ceil(1 << 10),
                friend.tally
            ),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_without_end() {
    let ends = (200 << 10, End::Cut(ENHANCE_YOUR_CALM));
    survives(&[25], "streams without end", ends, |_, attacker| {
        attacker.flood(|number| frame(HEADERS, END_HEADERS, stream_of(number), &call()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_at_once() {
    let ends = (100 << 10, End::Cut(ENHANCE_YOUR_CALM));
    survives(&[27], "streams that are reset at once", ends, |_, attacker| {
        attacker.flood(|number| {
            let open = frame(HEADERS, END_HEADERS, stream_of(number), &call());
            [open, frame(RST_STREAM, 0, stream_of(number), &8_u32.to_be_bytes())].concat()
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continuations_without_end() {
    let ends = (0, End::Cut(ENHANCE_YOUR_CALM));
    survives(&[24], "continuations without end", ends, |_, attacker| {
        attacker.send(&frame(HEADERS, 0, 3, &call()));
        attacker.flood(|_| frame(CONTINUATION, 0, 3, &[0x00, 0x01, b'a', 0x01, b'b'].repeat(3000)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_continuations_without_end() {
    let ends = (16 << 10, End::Cut(ENHANCE_YOUR_CALM));
    survives(&[29], "empty continuations without end", ends, |_, attacker| {
        attacker.send(&frame(HEADERS, 0, 3, &call()));
        attacker.flood(|_| frame(CONTINUATION, 0, 3, &[]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_without_end() {
    let ends = (FEWER, End::Taken);
    survives(&[29], "pings without end", ends, |_, attacker| {
        attacker.most = FEWER;
        attacker.flood(|_| frame(PING, 0, 0, &[7; 8]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_whose_answers_nobody_reads() {
    let ends = (64 << 10, End::Stalled);
    survives(&[26, 29], "pings whose answers nobody reads", ends, |_, attacker| {
        attacker.flood(|_| frame(PING, 0, 0, &[7; 8]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_without_end() {
    let ends = (FEWER, End::Taken);
    survives(&[29], "settings without end", ends, |_, attacker| {
        attacker.most = FEWER;
        attacker.flood(|_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_whose_answers_nobody_reads() {
    let ends = (64 << 10, End::Stalled);
    survives(&[29], "settings whose answers nobody reads", ends, |_, attacker| {
        attacker.flood(|_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_no_kind() {
    let ends = (HOSTILE, End::Taken);
    survives(&[29], "frames of no kind", ends, |_, attacker| {
        attacker.flood(|_| frame(NOTHING, 0, 0, &[7; 16 << 10]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_data_without_end() {
    let ends = (16 << 10, End::Cut(ENHANCE_YOUR_CALM));
    survives(&[29], "empty data without end", ends, |_, attacker| {
        attacker.send(&frame(HEADERS, END_HEADERS, 3, &call()));
        attacker.flood(|_| frame(DATA, 0, 3, &[]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large() {
    let ends = (32 << 10, End::Cut(FLOW_CONTROL_ERROR));
    survives(&[24], "a message that is too large", ends, |_, attacker| {
        attacker.send(&frame(HEADERS, END_HEADERS, 3, &call()));
        attacker.send(&frame(DATA, 0, 3, &[0, 0x7f, 0xff, 0xff, 0xff]));
        attacker.flood(|_| frame(DATA, 0, 3, &[0; 16 << 10]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_have_no_window() {
    let ends = (100 << 10, End::Cut(ENHANCE_YOUR_CALM));
    survives(&[26], "answers that have no window", ends, |_, attacker| {
        attacker.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
        attacker.flood(|number| {
            let open = frame(HEADERS, END_HEADERS, stream_of(number), &call());
            [open, frame(DATA, END_STREAM, stream_of(number), &message("/open"))].concat()
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_that_overflow() {
    let ends = (0, End::Cut(FLOW_CONTROL_ERROR));
    survives(&[29], "windows that overflow", ends, |_, attacker| {
        attacker.send(&frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_preface() {
    let ends = (0, End::Taken);
    survives(&[29], "half a preface, 160 times", ends, |address, attacker| {
        for _ in 0..40 {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(PREFACE.split_at(11).0).expect("sent");
            attacker.kept.push(stream);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_descriptors_run_out_it_rests_and_goes_on() {
    let mut stand = Stand::new(&[]);
    let mut friend = Friend::new(stand.address).await;
    friend.asks().await;
    let id = stand.serving.child.id();
    let used = std::fs::read_dir(format!("/proc/{id}/fd")).expect("descriptors").count();
    let few = Rlimit { current: u64::try_from(used + 4).ok(), maximum: getrlimit(Resource::Nofile).maximum };
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Nofile, few).expect("a limit");
    let crowd: Vec<TcpStream> = (0..32).map(|_| stand.greeted()).collect();
    stand.serving.until("connections cannot be accepted");
    for _ in 0..10 {
        friend.asks().await;
    }
    friend.is_content();
    drop(crowd);
    let mut another = Friend::new(stand.address).await;
    another.asks().await;
    another.is_content();
    stand.serving.until("connections are accepted again");
    saw(
        35,
        format_args!(
            "4 descriptors left for 32 connections, then accepted again; on the one that was there: {:?}",
            friend.tally
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_no_ping_is_let_go() {
    let stand = Stand::new(&["--keepalive-interval", "100ms", "--keepalive-timeout", "100ms"]);
    let mut friend = Friend::new(stand.address).await;
    let mut dead = stand.greeted();
    dead.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
    let mut rest = Vec::new();
    let ended = tokio::task::spawn_blocking(move || dead.read_to_end(&mut rest));
    // Either way of ending a connection is one; the bound is an error of another kind.
    let end = ended.await.expect("no panic").map_err(|error| error.kind());
    assert!(matches!(end, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)), "{end:?}");
    // He answers pings, and is there.
    friend.asks().await;
    friend.is_content();
}
