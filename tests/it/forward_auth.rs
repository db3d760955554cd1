//! The real program, asked over HTTP as four proxies ask it.

mod limits;
mod proxies;
mod refusals;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::keys::serving::Serving;
use crate::keys::signer::{Signer, jwks};

const POLICY: &str = r#"
responses: { format: message, decision_id_header: x-decision-id }
defaults: { guard: auth, upstream: { headers: { x-user-id: "{subject}" } } }
routes:
  - { match: /open, allow: anyone }
  - { match: "GET,POST /customers/{id}", allow: authenticated }
  - { match: /private, allow: authenticated, upstream: { remove_token: true } }
  - { match: /lined, allow: authenticated, upstream: { remove: [x-token] } }
  - { match: /hidden, allow: nobody, on_deny: { status: 404 } }
"#;

/// A running `serve` with an HTTP listener, and somebody who signs tokens for it.
pub struct Stand {
    pub serving: Serving,
    address: SocketAddr,
    signer: Signer,
    _directory: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Stand {
    pub fn new(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let signer = Signer::new("k1");
        let issuer = |name: &str, token: &str| {
            let keys = jwks(&[&signer]);
            format!(
                "  {name}: {{ issuer: \"https://{name}.example\", audiences: [crm], token: {token}, keys: {{ jwks: '{keys}' }} }}\n"
            )
        };
        let auth = issuer("auth", "[{ header: authorization, scheme: Bearer }, { cookie: sess }]");
        let admin = issuer("admin", "[{ header: x-token }, { cookie: admin }]");
        let policy = format!("version: 1\nissuers:\n{auth}{admin}{POLICY}");
        std::fs::write(directory.path().join("policy.yaml"), policy).expect("a policy");
        let listen = ["--listen-http", "127.0.0.1:0", "--log-decisions", "all"];
        let mut serving = Serving::start(directory.path(), &[&listen[..], settings].concat());
        let told = serving.until("listening for other proxies");
        let address = told["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        Self { serving, address, signer, _directory: directory }
    }

    /// For a proxy whose `http.target` is this.
    pub fn of(target: &str) -> Self {
        Self::new(&["--http-target", target])
    }

    pub fn token(&self) -> String {
        self.signer.token("https://auth.example")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
        stream
    }

    /// Sends the lines of a request's head, `{token}` filled in, on a connection of its own.
    pub fn ask(&self, head: &str) -> Told {
        let mut stream = self.connect();
        send(&mut stream, &head.replace("{token}", &self.token()));
        receive(&mut stream)
    }
}

/// Sends the head of a request: lines, indented as they may be.
pub fn send(stream: &mut TcpStream, head: &str) {
    let lines: String = head.trim().lines().map(|line| line.trim_start().to_owned() + "\r\n").collect();
    stream.write_all((lines + "\r\n").as_bytes()).expect("sent");
}

/// Reads one response.
pub fn receive(stream: &mut TcpStream) -> Told {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a response");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text");
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
    let mut told = Told { status, head, body: String::new() };
    let length = told.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    told.body = String::from_utf8(body).expect("text");
    told
}

impl Told {
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut values = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice: {}", self.head);
        value
    }
}
