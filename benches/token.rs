//! What a token costs, as ratios to one bare check of a signature in the same run:
//! `cargo bench --bench token`. Exits with 1 if a promise of `docs/tokens.md` is broken.

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
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mint::Signer;
use portcullis::request::{Headers, Incoming, Reading, Request, Source};
use portcullis::token::cache::CacheSettings;
use portcullis::token::settings::IssuerSettings;
use portcullis::token::trust::{Refused, SourceKeys, Trust};
use portcullis::token::{Attempt, IssuerId};
use ready::NOW;
use serde_json::{Value, json};

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
routes:
  - { match: /, guard: crm, allow: authenticated }
";

/// Slices of each measurement. What is compared takes turns, and the least time of each counts: nothing makes
/// code faster by accident, and what else the machine does slows both down.
const SLICES: usize = 100;
const SLICE: Duration = Duration::from_micros(1500);

fn main() -> ExitCode {
    let signers = [("RS256", "rsa-a"), ("ES256", "p256-a"), ("EdDSA", "ed25519-a")];
    let signers = signers.map(|(algorithm, key)| Signer::new(algorithm, key));
    let (issuers, keys) = (ready::policy(POLICY).issuers, ready::keys(&signers));
    let rsa = Bare::new(&signers[0]);
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut report = Report { broken: 0, wanted };

    println!("first verification, to the bare check with the same key (at most 1.30)");
    for signer in &signers {
        let bare = Bare::new(signer);
        let off = ready::trust(&issuers, &keys, CacheSettings { enabled: false, ..CacheSettings::default() });
        asked(&[signer.token(&claims())], |requests| {
            report
                .line(&format!("{}, cache off", signer.algorithm), 1.3, &bare, || judge(&off, &requests[0]));
        });
        // Remembering is part of a first verification: every token is new.
        let and_remembered = format!("{}, and remembered", signer.algorithm);
        if !and_remembered.contains(&report.wanted) {
            continue;
        }
        let tokens: Vec<String> = (0..500).map(|id| signer.token(&with_id(id))).collect();
        asked(&tokens, |requests| {
            let mut caches = vec![with_cache(&issuers, &keys)];
            let mut next = requests.iter();
            report.line(&and_remembered, 1.3, &bare, || {
                let request = next.next().unwrap_or_else(|| {
                    caches.push(with_cache(&issuers, &keys));
                    next = requests.iter();
                    &requests[0]
                });
                judge(&caches[caches.len() - 1], request);
            });
        });
    }

    println!("\nknown token, to the bare RS256 check (at most 0.15)");
    for signer in &signers {
        let cached = with_cache(&issuers, &keys);
        asked(&[signer.token(&claims())], |requests| {
            judge(&cached, &requests[0]);
            report.line(&format!("{}, known", signer.algorithm), 0.15, &rsa, || judge(&cached, &requests[0]));
        });
    }

    println!("\nrefused before its signature is looked at, to the bare RS256 check (at most 1.00)");
    for (what, token) in refused(&signers[0]) {
        let cached = with_cache(&issuers, &keys);
        let what = format!("{what}, {} bytes", token.len());
        if !what.contains(&report.wanted) {
            continue;
        }
        asked(&[token], |requests| {
            let reason = try_to_judge(&cached, &requests[0]).expect_err("it is refused");
            report.line(&format!("{what}: {reason}"), 1.0, &rsa, || {
                try_to_judge(&cached, &requests[0]).is_err()
            });
        });
    }
    if report.broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Report {
    broken: u32,
    /// Only lines that hold this text are measured: `cargo bench --bench token -- "known token"`.
    wanted: String,
}

impl Report {
    fn line<T>(&mut self, what: &str, most: f64, bare: &Bare, mut work: impl FnMut() -> T) {
        if !what.contains(&self.wanted) {
            return;
        }
        let (mut least, mut least_bare) = (Duration::MAX, Duration::MAX);
        for _ in 0..SLICES {
            least_bare = least_bare.min(slice(|| bare.check()));
            least = least.min(slice(&mut work));
        }
        let ratio = least.as_secs_f64() / least_bare.as_secs_f64();
        let broken = ratio > most;
        self.broken += u32::from(broken);
        let (took, bare) = (micros(least), micros(least_bare));
        println!(
            "  {what:<66} {took:>8} to {bare:>8}: {ratio:>6.3}{}",
            if broken { "  TOO MUCH" } else { "" }
        );
    }
}

fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

/// The time of one call, over a slice.
fn slice<T>(mut work: impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < SLICE {
        for _ in 0..8 {
            black_box(work());
        }
        calls += 8;
    }
    started.elapsed() / calls
}

/// One bare check of the signature of an ordinary token.
struct Bare {
    key: ParsedPublicKey,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Bare {
    fn new(signer: &Signer) -> Self {
        let algorithm: &'static dyn VerificationAlgorithm = match signer.algorithm {
            "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
            "ES256" => &signature::ECDSA_P256_SHA256_FIXED,
            _ => &signature::ED25519,
        };
        let pem = mint::pem(signer.name);
        let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = ParsedPublicKey::new(algorithm, STANDARD.decode(der).expect("a PEM")).expect("a key");
        let token = signer.token(&claims());
        let (signed, signature) = token.rsplit_once('.').expect("a token");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("a signature");
        Self { key, signed: signed.as_bytes().to_vec(), signature }
    }

    fn check(&self) {
        self.key.verify_sig(&self.signed, &self.signature).expect("it verifies");
    }
}

/// What an ordinary access token holds (RFC 9068, with a few claims of a deployment).
fn claims() -> Value {
    json!({
        "iss": "https://auth.example.com", "aud": ["crm", "https://auth.example.com/userinfo"],
        "sub": "8f4c2f6e-3c7d-4b1e-9a55-0c5a2f7d9e10", "iat": 1_799_999_000, "exp": 1_800_003_600,
        "jti": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "client_id": "crm-web", "azp": "crm-web",
        "scope": "openid profile email read-crm write-crm", "roles": ["user", "support"],
        "groups": ["/sales/emea", "/sales/all"], "email": "alice@example.com", "email_verified": true,
        "name": "Alice Example", "preferred_username": "alice", "tenant": "acme",
    })
}

fn with_id(id: u32) -> Value {
    let mut claims = claims();
    claims["jti"] = format!("{id:036}").into();
    claims
}

fn with_cache(issuers: &[Arc<IssuerSettings>], keys: &[Vec<SourceKeys>]) -> Trust {
    ready::trust(issuers, keys, CacheSettings::default())
}

/// Requests that carry these tokens, made before anything is measured.
fn asked<T>(tokens: &[String], ask: impl FnOnce(&[Request<'_>]) -> T) -> T {
    let bearers: Vec<String> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
    let incoming = |bearer: &'_ String| -> Vec<(&'static str, Vec<u8>)> {
        vec![("authorization", bearer.clone().into_bytes())]
    };
    let fields: Vec<_> = bearers.iter().map(incoming).collect();
    let incoming: Vec<Incoming<'_>> = fields
        .iter()
        .map(|fields| Incoming {
            method: "GET",
            host: "crm.example.com",
            target: "/",
            headers: Headers::new(fields.iter().map(|(name, value)| (*name, value.as_slice()))),
            source: Source::default(),
        })
        .collect();
    let reading = Reading::default();
    let requests: Vec<Request<'_>> =
        incoming.iter().map(|incoming| Request::read(incoming, &reading).expect("a request")).collect();
    ask(&requests)
}

fn judge(trust: &Trust, request: &Request<'_>) {
    try_to_judge(trust, request).expect("it is good");
}

fn try_to_judge(trust: &Trust, request: &Request<'_>) -> Result<(), &'static str> {
    match trust.authenticate(request, &[IssuerId(0)], NOW, Attempt::Final) {
        Ok(_) => Ok(()),
        Err(Refused::Rejected(rejection)) => Err(rejection.reason.label()),
        Err(Refused::NeedsKeys(_)) => Err("needs_keys"),
    }
}

/// Tokens that are refused before their signature is looked at, as long as a token may be and as dear as they
/// can be made.
fn refused(signer: &Signer) -> Vec<(&'static str, String)> {
    let header = json!({ "alg": "RS256", "kid": signer.name }).to_string();
    let foreign = |filling: &str| {
        let payload = format!(r#"{{"a":{filling},"iss":"https://else.example.com"}}"#);
        format!("{}.{}.{}", mint::part(&header), mint::part(payload), mint::part([7; 256]))
    };
    let bytes = 11_600;
    let list_of = |item: &str, bytes: usize| format!("[{}0]", item.repeat(bytes / item.len()));
    let list = |item: &str| list_of(item, bytes);
    let long_header = |filling: &str| {
        let header = format!(r#"{{"x":{filling},"alg":"none"}}"#);
        format!("{}.{}.{}", mint::part(header), mint::part("{}"), mint::part([7; 256]))
    };
    vec![
        ("no dot", "a".repeat(16_384)),
        ("only dots", ".".repeat(16_384)),
        ("dots and letters", "a.".repeat(8_192)),
        ("unknown issuer, short", foreign("0")),
        ("unknown issuer behind a long text", foreign(&format!("\"{}\"", "x".repeat(bytes)))),
        ("unknown issuer behind short texts", foreign(&list("\"\","))),
        ("unknown issuer behind escapes", foreign(&format!("\"{}\"", "\\n".repeat(bytes / 2)))),
        ("unknown issuer behind numbers", foreign(&list("0,"))),
        ("unknown issuer behind lists", foreign(&list("[],"))),
        ("unknown issuer behind a mixture", foreign(&list("{\"a\":[1,\"b\\\"c\"]},-1.5e3,null,"))),
        ("unknown issuer behind disorder", foreign(&disorder(bytes))),
        ("`none` behind a long header", long_header(&list_of("{\"a\":[1,\"b\\\"c\"]},", 6_000))),
        ("unknown key", signer.token_with(&json!({ "kid": "k".repeat(8_000) }), &claims())),
        ("algorithm not listed", {
            let header = json!({ "alg": "HS256" }).to_string();
            let payload = format!(r#"{{"iss":"https://auth.example.com","a":"{}"}}"#, "x".repeat(bytes));
            format!("{}.{}.{}", mint::part(header), mint::part(payload), mint::part([7; 32]))
        }),
        ("a signature of one size", "a".repeat(8_000) + ".e30." + &"a".repeat(8_000)),
    ]
}

/// Short things in an order that cannot be foreseen.
fn disorder(bytes: usize) -> String {
    let things = ["[],", "\"\",", "1,", "\"a\",", "{},", "\"ab\\\"\","];
    let mut text = "[".to_owned();
    let mut state = 88_172_645_463_325_252_u64;
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(things[usize::try_from(state % 6).expect("few")]);
    }
    text + "0]"
}
