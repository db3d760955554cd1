//! A peer that writes its frames itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use super::friend::{message, verdict};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What an attacker sends at most.
pub const HOSTILE: usize = 16 << 20;
/// One that is deaf sends until nobody reads; kernels keep some of it.
const ENDLESS: usize = 512 << 20;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
/// No kind of frame that there is: to be passed over.
pub const NOTHING: u8 = 0x42;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// Asks whether the server is still there.
const LAST: [u8; 8] = *b"the last";

/// What HTTP/2 calls the reasons of a GOAWAY.
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// How an attack ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The connection is there.
    Taken,
    /// The server reads no more.
    Stalled,
    /// The server said GOAWAY with this reason, and closed.
    Cut(u32),
    /// The server closed without a word.
    Closed,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of a call: `POST`, `http`, a path, literal and without indexing.
pub fn call() -> Vec<u8> {
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

/// The number of the next stream of a client; the first was used up to say hello.
pub fn stream_of(number: u32) -> u32 {
    2 * number + 3
}

/// What the server said: the reason of a GOAWAY, and whether it answered the last ping.
type Told = (Option<u32>, bool);

pub struct Attacker {
    stream: TcpStream,
    reader: Option<JoinHandle<Told>>,
    refused: Option<ErrorKind>,
    /// Bytes to send.
    pub most: usize,
    /// Bytes that were taken.
    pub sent: usize,
    /// Other connections that are to stay open until the end.
    pub kept: Vec<TcpStream>,
}

impl Attacker {
    /// A connection on which one call like any other was answered with an allow: whatever comes then is not refused
    /// for its spelling. A deaf attacker reads nothing more.
    pub fn new(address: SocketAddr, is_deaf: bool) -> Self {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
        let hello = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, 0, &[]),
            frame(HEADERS, END_HEADERS, 1, &call()),
            frame(DATA, END_STREAM, 1, &message("/open")),
        ];
        stream.write_all(&hello.concat()).expect("sent");
        loop {
            let (kind, payload) = read_frame(&mut stream).expect("a frame");
            assert_ne!(kind, RST_STREAM);
            if kind == DATA {
                assert_eq!(verdict(&payload), (0, None));
                break;
            }
        }
        // A server that reads no more is waited for, once.
        let patience = if is_deaf { Duration::from_secs(2) } else { Duration::from_mins(1) };
        stream.set_write_timeout(Some(patience)).expect("a bound");
        let reader = (!is_deaf).then(|| {
            let mut stream = stream.try_clone().expect("a handle");
            std::thread::spawn(move || hear(&mut stream))
        });
        let most = if is_deaf { ENDLESS } else { HOSTILE };
        Self { stream, reader, refused: None, most, sent: 0, kept: Vec::new() }
    }

    /// Sends; false once nobody takes it any more.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.refused = self.stream.write_all(bytes).err().map(|error| error.kind());
        let is_sent = self.refused.is_none();
        self.sent += if is_sent { bytes.len() } else { 0 };
        is_sent
    }

    /// Sends all of it, or until the server closes or reads no more.
    pub fn flood(&mut self, mut piece: impl FnMut(u32) -> Vec<u8>) {
        let mut number = 0;
        while self.sent < self.most {
            let mut batch = Vec::new();
            while batch.len() < 16 << 10 {
                batch.extend(piece(number));
                number += 1;
            }
            if !self.send(&batch) {
                return;
            }
        }
    }

    /// What came of it.
    pub fn end(mut self) -> End {
        if self.refused.is_none() {
            self.refused = self.stream.write_all(&frame(PING, 0, 0, &LAST)).err().map(|error| error.kind());
        }
        if self.refused == Some(ErrorKind::WouldBlock) {
            let _ = self.stream.shutdown(Shutdown::Both);
            return End::Stalled;
        }
        let told = match self.reader.take() {
            Some(reader) => reader.join().expect("a reader"),
            None => hear(&mut self.stream),
        };
        match told {
            (Some(reason), _) => End::Cut(reason),
            (None, true) => End::Taken,
            (None, false) => End::Closed,
        }
    }
}

/// Reads until the connection ends, or the last ping is answered.
fn hear(stream: &mut TcpStream) -> Told {
    let mut reason = None;
    while let Ok((kind, payload)) = read_frame(stream) {
        if kind == GOAWAY {
            reason = payload.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
        }
        if kind == PING && payload == LAST {
            return (reason, true);
        }
    }
    (reason, false)
}

fn read_frame(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).expect("a size")];
    stream.read_exact(&mut payload)?;
    Ok((head[3], payload))
}
