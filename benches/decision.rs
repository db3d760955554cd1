//! What a decision costs in the process, from the bytes of a `CheckRequest` to the bytes of the answer, as ratios
//! to what a server pays that only decodes the request with envoy-types: `cargo bench --bench decision`.
//!
//! `-- --count CASE N` makes N decisions of one kind and prints nothing: callgrind counts their instructions
//! (`make bench-instructions`).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops, and prints"
)]

#[path = "../tests/support/mint.rs"]
mod mint;
#[path = "../tests/support/ready.rs"]
mod ready;

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use bytes::BytesMut;
use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, attribute_context as context};
use mint::Signer;
use portcullis::engine::{self, Snapshot};
use portcullis::response;
use portcullis::server::wire::{self, Unavailable};
use portcullis::telemetry::{Metrics, PolicySeries};
use portcullis::token::Attempt;
use prost::Message;
use ready::NOW;
use serde_json::json;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const POLICY: &str = "
version: 1
issuers:
  crm:
    issuer: https://auth.example.com
    audiences: [crm]
    keys: { jwks_url: https://auth.example.com/jwks.json }
defaults:
  upstream: { headers: { x-user-id: '{subject}' } }
routes:
  - { match: GET /orders/**, require: { scopes: [read-crm] } }
  - { match: POST /orders/**, require: { scopes: [delete-crm] } }
  - { match: GET /health, allow: anyone }
";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let bench = Bench::new();
    if let [flag, case, count] = arguments.as_slice()
        && flag == "--count"
    {
        let case = CASES.iter().find(|(name, ..)| name == case).expect("allow, deny, open or digest");
        let message = bench.message(case.1, case.2);
        // The first decision verifies and remembers the token.
        bench.run(case.0, &message);
        for _ in 0..count.parse::<u64>().expect("a number") {
            counted(&bench, case.0, &message);
        }
        return;
    }
    println!("to decoding the CheckRequest with envoy-types and dropping it");
    for (name, method, path) in CASES {
        let message = bench.message(method, path);
        let (mut least, mut least_decode) = (Duration::MAX, Duration::MAX);
        for _ in 0..100 {
            least_decode = least_decode.min(slice(|| {
                drop(black_box(CheckRequest::decode(message.as_slice())));
            }));
            least = least.min(slice(|| bench.run(name, &message)));
        }
        let ratio = least.as_secs_f64() / least_decode.as_secs_f64();
        println!("  {name:<8} {least:>9.2?} to {least_decode:>9.2?}: {ratio:.2}");
    }
}

/// Name, method, path. `digest` is no decision: the SHA-256 of a token, which is part of `allow` and `deny` and
/// costs as much as the processor can do.
const CASES: [(&str, &str, &str); 4] = [
    ("allow", "GET", "/orders/7?expand=lines"),
    ("deny", "POST", "/orders/7"),
    ("open", "GET", "/health"),
    ("digest", "GET", "/"),
];

/// What callgrind counts, by this name: making the token and the policy is not part of it.
#[inline(never)]
fn counted(bench: &Bench, case: &str, message: &[u8]) {
    bench.run(case, message);
}

fn slice(mut work: impl FnMut()) -> Duration {
    const CALLS: u32 = 200;
    let started = Instant::now();
    for _ in 0..CALLS {
        work();
    }
    started.elapsed() / CALLS
}

struct Bench {
    snapshot: Snapshot,
    series: PolicySeries,
    token: String,
}

impl Bench {
    fn new() -> Self {
        let signer = Signer::new("RS256", "rsa-a");
        let token = signer.token(&json!({
            "iss": "https://auth.example.com", "aud": ["crm", "https://auth.example.com/userinfo"],
            "sub": "8f4c2f6e-3c7d-4b1e-9a55-0c5a2f7d9e10", "iat": 1_799_999_000, "exp": 1_800_003_600,
            "jti": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "client_id": "crm-web",
            "scope": "openid profile email read-crm write-crm", "roles": ["user", "support"],
        }));
        let snapshot = ready::snapshot(ready::policy(POLICY), &[signer]);
        let series = Metrics::new().series(&snapshot.policy);
        Self { snapshot, series, token }
    }

    /// As Envoy 1.40 sends it, with the headers of a browser.
    fn message(&self, method: &str, path: &str) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            (":authority", "crm.example.com"),
            (":method", method),
            (":path", path),
            (":scheme", "https"),
            ("accept", "application/json, text/plain, */*"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
            ("authorization", &bearer),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
            ("x-request-id", "f9ed4675-f1c5-3513-c61a-b3b4e25b4c0a"),
        ];
        let http = context::HttpRequest {
            id: "1234567890".to_owned(),
            method: method.to_owned(),
            host: "crm.example.com".to_owned(),
            path: path.to_owned(),
            scheme: "https".to_owned(),
            protocol: "HTTP/2".to_owned(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            ..context::HttpRequest::default()
        };
        let request = context::Request { time: None, http: Some(http) };
        let attributes = AttributeContext { request: Some(request), ..AttributeContext::default() };
        CheckRequest { attributes: Some(attributes) }.encode_to_vec()
    }

    fn run(&self, case: &str, message: &[u8]) {
        if case == "digest" {
            black_box(digest::digest(&digest::SHA256, self.token.as_bytes()));
            return;
        }
        let policy = &self.snapshot.policy;
        wire::with_incoming(message, |incoming| {
            let incoming = incoming.expect("it can be read");
            let request = engine::read(&self.snapshot, incoming).expect("it is well formed");
            let judged = engine::authorize(&self.snapshot, &request, NOW, Attempt::Final);
            let Ok(judgement) = judged else { return };
            let answer =
                response::answer(policy, incoming, &judgement, "019ab000-0000-7000-8000-000000000000");
            let mut bytes = BytesMut::with_capacity(1024);
            wire::encode(&answer, Unavailable::Denied, &mut bytes);
            self.series.record(&judgement, &answer, Duration::from_micros(5));
            black_box(bytes.freeze());
        });
    }
}
