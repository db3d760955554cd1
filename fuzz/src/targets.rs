//! What is fuzzed: functions of bytes that panic when a promise is broken. libFuzzer calls them (`make fuzz`), and
//! so does a test for every file of the corpus.

#![allow(missing_docs, unreachable_pub, reason = "for tests")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken promise stops the run"
)]

// By their paths: the tests have this file from another directory.
#[path = "targets/condition.rs"]
mod condition;
#[path = "targets/jwks.rs"]
mod jwks;
#[path = "targets/path.rs"]
mod path;
#[path = "targets/policy.rs"]
mod policy;

use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::policy::compile;
use portcullis::policy::diagnostic::SourceFile;
use portcullis::request::{Headers, Incoming, Reading, Request, Source};
use portcullis::time::UnixTime;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use portcullis::token::trust::{SourceKeys, Trust};
use portcullis::token::{Attempt, Caller, IssuerId};
use serde_json::json;

use crate::handler::{Handler, message};
use crate::model::compare::{compiled, decided, snapshots};
use crate::model::generate::{self, World};
use crate::model::random::Random;
use crate::model::reference::Set;
#[allow(unused_imports, reason = "the tests ask for them")]
pub use {jwks::sound_ids, policy::strangers_kept_out};

/// Takes any bytes, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Target); 9] = [
    ("check_request", check_request),
    ("path", path::path),
    ("host", host),
    ("authorization", authorization),
    ("jwt", jwt),
    ("jwks", jwks::jwks),
    ("policy", policy::policy),
    ("condition", condition::condition),
    ("differential", differential),
];

const SECRET: &[u8] = b"a secret of the tests, which is as long as its hash at least";
const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
const POLICY: &str = "version: 1
issuers:
  auth:
    issuer: https://auth.example
    audiences: [crm]
    algorithms: [HS256]
    keys: { secret_env: PORTCULLIS_FUZZ_SECRET }
  nameless:
    issuer: none
    audiences: any
    algorithms: [EdDSA]
    token: { header: x-token }
    keys: { jwks_url: https://auth.example/jwks.json }
defaults: { guard: auth }
forbid: [{ name: yard, match: /yard/**, unless: { roles: [keeper] } }]
routes:
  - { match: /open/**, allow: anyone }
  - { match: \"/users/{id}\", require: { subject: \"{id}\" } }
  - { match: /**, allow: authenticated }
";

/// Any bytes as a message of Envoy: the answer is well formed, and nobody gets in but where it is open. No key of
/// the issuer is there, so that no token can be good.
pub fn check_request(bytes: &[u8]) {
    static HANDLER: OnceLock<Handler> = OnceLock::new();
    let handler = HANDLER.get_or_init(|| {
        Handler::new(
            &POLICY
                .replace("secret_env: PORTCULLIS_FUZZ_SECRET", "jwks_url: https://127.0.0.1:1/jwks")
                .replace("HS256", "RS256"),
        )
    });
    let told = handler.ask(bytes);
    assert!(told.status != 200 || told.route == "/open/**", "{told:?}");
}

/// Any text as a host: case, port and one trailing dot make no difference.
pub fn host(bytes: &[u8]) {
    let Ok(host) = std::str::from_utf8(bytes) else { return };
    let read = |host: &str| {
        let incoming = incoming("GET", host, "/");
        Request::read(&incoming, &Reading::default()).map(|request| request.host.into_owned()).ok()
    };
    let Some(known) = read(host) else { return };
    assert!(known.is_ascii() && !known.is_empty() && !known.ends_with('.'), "{host}: {known}");
    assert!(!known.contains(['@', ',', ' ', '/', '%', '\0']), "{host}: {known}");
    assert!(!known.bytes().any(|byte| byte.is_ascii_uppercase()), "{host}: {known}");
    assert_eq!(read(&known).as_ref(), Some(&known), "{host} read again");
    assert_eq!(read(&host.to_ascii_uppercase()).as_ref(), Some(&known), "{host} in upper case");
    assert_eq!(read(&format!("{known}:8443")).as_ref(), Some(&known), "{known} with a port");
    if !known.starts_with('[') {
        assert_eq!(read(&format!("{known}.:443")).as_ref(), Some(&known), "{known} with a dot");
    }
}

/// Any bytes as the value of an Authorization header: the one good token gets in, in its one spelling.
pub fn authorization(bytes: &[u8]) {
    static TOKEN: OnceLock<(Handler, String)> = OnceLock::new();
    let (handler, token) = TOKEN.get_or_init(|| {
        let policy = POLICY.replace("secret_env: PORTCULLIS_FUZZ_SECRET", &inline_key());
        // The handler judges at this very moment, so that its token must last.
        (Handler::new(&policy.replace("HS256", "EdDSA")), lasting())
    });
    for in_raw_form in [false, true] {
        let told =
            handler.ask(&message(b"GET", b"a.example", b"/", &[("authorization", bytes)], in_raw_form));
        if told.status == 200 {
            let (scheme, rest) = bytes.split_at(6);
            assert!(scheme.eq_ignore_ascii_case(b"bearer"), "{}", bytes.escape_ascii());
            assert_eq!(rest.trim_ascii_start(), token.as_bytes(), "{}", bytes.escape_ascii());
            assert!(rest.starts_with(b" "), "{}", bytes.escape_ascii());
        } else {
            assert!(matches!(told.status, 400 | 401), "{told:?}");
        }
    }
}

fn pair() -> aws_lc_rs::signature::Ed25519KeyPair {
    aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("a seed")
}

fn inline_key() -> String {
    use aws_lc_rs::signature::KeyPair;
    let x = URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
    format!("jwks: '{}'", json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": x }] }))
}

/// A token until the year 2100, the same in every run.
pub fn lasting() -> String {
    let claims = json!({ "iss": "https://auth.example", "aud": "crm", "sub": "7", "exp": 4_102_444_800_i64 });
    let text = signed(&json!({ "alg": "EdDSA", "kid": "k1" }).to_string(), &claims.to_string());
    let mark = URL_SAFE_NO_PAD.encode(pair().sign(text.as_bytes()));
    format!("{text}.{mark}")
}

fn signed(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// Tokens that are good by [`SECRET`], each in its one spelling.
pub fn good_tokens() -> Vec<String> {
    let claims = [
        json!({ "iss": "https://auth.example", "aud": "crm", "sub": "7", "exp": 1_790_000_600 }),
        json!({ "iss": "https://auth.example", "aud": ["x", "crm"], "sub": 7, "exp": 1_790_000_600.5,
            "scope": "a b", "roles": ["keeper"], "realm_access": { "roles": ["x"] } }),
    ];
    let token = |claims: &serde_json::Value| {
        let text = signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string());
        let mark = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mark.as_ref()))
    };
    claims.iter().map(token).collect()
}

/// Any text as a token: none is good but the two that were made, and the second look finds what the first found.
pub fn jwt(bytes: &[u8]) {
    static TRUST: OnceLock<(Trust, Vec<String>)> = OnceLock::new();
    let (trust, good) = TRUST.get_or_init(|| {
        let file = SourceFile { name: "policy.yaml".into(), text: POLICY.into() };
        let policy = compile(&[file]).expect("a policy");
        let secret = KeySet::from_secret(SECRET, Encoding::Raw, &[Algorithm::Hs256]).expect("a secret");
        let held = |set: Option<Arc<KeySet>>, remote: bool| {
            vec![SourceKeys { set, fetched_at: remote.then_some(NOW), remote }]
        };
        let other = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k1",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] });
        let other = KeySet::from_jwks(other.to_string().as_bytes()).expect("a key");
        // In the order of the names.
        let keys = vec![held(Some(Arc::new(secret)), false), held(Some(Arc::new(other)), true)];
        let cache =
            Arc::new(TokenCache::new(CacheSettings { max_bytes: 1 << 16, ..CacheSettings::default() }));
        (Trust::new(policy.issuers, keys, cache), good_tokens())
    });
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let bearer = format!("Bearer {token}");
    for headers in [[("authorization", bearer.as_bytes())], [("x-token", bytes)]] {
        let incoming = Incoming { headers: Headers::new(headers), ..incoming("GET", "a.example", "/") };
        let Ok(request) = Request::read(&incoming, &Reading::default()) else { continue };
        let ask = || {
            let judged = trust.authenticate(&request, &[IssuerId(0), IssuerId(1)], NOW, Attempt::Final);
            judged.map(|authenticated| authenticated.caller).map_err(|refused| match refused {
                portcullis::token::trust::Refused::Rejected(rejection) => rejection.reason,
                portcullis::token::trust::Refused::NeedsKeys(_) => panic!("a final attempt needs nothing"),
            })
        };
        let first = ask();
        if let Ok(Caller::Verified(_)) = &first {
            let stands = std::str::from_utf8(headers[0].1).expect("text").trim_start_matches("Bearer ");
            assert!(good.iter().any(|known| known == stands.trim_start()), "{stands} is taken for good");
        }
        assert_eq!(first, ask(), "{token}: the memory changes the answer");
    }
}

/// Bytes as choices: a random policy, requests, keys and moments, decided by the engine and by the reference.
pub fn differential(bytes: &[u8]) {
    let mut random = Random::scripted(bytes);
    let mut world = World::new(&mut random);
    let Some((policy, files)) = compiled(&mut world, &mut random) else { return };
    let reference = Set::read(&files);
    let policy = Arc::new(policy);
    let snapshots = snapshots(&policy, &world, CacheSettings::default());
    for _ in 0..8 {
        let sent = generate::request(&world, &mut random);
        let keys = random.below(3);
        let now = generate::moment(&mut random);
        let wanted = reference.decide(&sent, &world.keys[keys], now);
        for _ in 0..2 {
            assert_eq!(decided(&snapshots[keys], &sent, now), wanted, "{sent:?}\n{}", files.join("\n"));
        }
    }
}

fn incoming<'a>(method: &'a str, host: &'a str, target: &'a str) -> Incoming<'a> {
    Incoming { method, host, target, headers: Headers::default(), source: Source::default() }
}
