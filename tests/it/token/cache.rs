//! The cache changes speed, never an answer; and no bytes of any kind make the verifier panic.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis::time::UnixTime;
use portcullis::token::cache::CacheSettings;
use portcullis::token::keys::KeySet;
use portcullis::token::trust::SourceKeys;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::mint::{Signer, part, pem};
use super::{NOW, World, auth, auth_yaml, check, claims, jwks};

/// Two issuers with an `iss`, one of them with an age limit, and one without.
const ISSUERS: &str = "  auth:
    issuer: https://auth.example
    audiences: [crm]
    leeway: 0s
    keys: [{ jwks_url: https://auth.example/jwks }, { pem_file: a.pem }]
    refresh: { max_stale: 20s }
  other:
    issuer: https://other.example
    audiences: [crm]
    leeway: 5s
    max_age: 15s
    keys: { jwks_url: https://other.example/jwks }
  nameless:
    issuer: none
    audiences: [crm]
    leeway: 0s
    require_expiry: false
    keys: { pem_file: n.pem }
    token: [{ header: authorization, scheme: Bearer }, { header: x-token }]
";

/// Sizes of the cache: none, ample, so small that nearly everything is pushed out at once, and forgetful.
fn sizes() -> [CacheSettings; 4] {
    [
        CacheSettings { enabled: false, ..CacheSettings::default() },
        CacheSettings::default(),
        CacheSettings { max_bytes: 4096, ..CacheSettings::default() },
        CacheSettings { max_age: Duration::from_secs(3), ..CacheSettings::default() },
    ]
}

/// What the issuers hold, in several states: `auth` fetches and has a file, `other` rotates.
fn keys(state: usize, fetched: UnixTime) -> Vec<Vec<SourceKeys>> {
    let fetch = |set| SourceKeys { set: Some(set), fetched_at: Some(fetched), remote: true };
    let file = |set| SourceKeys { set: Some(set), fetched_at: None, remote: false };
    let set = |signers: &[&Signer]| {
        std::sync::Arc::new(jwks(&signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()))
    };
    let of_pem = |name: &str| std::sync::Arc::new(KeySet::from_pem(pem(name).as_bytes()).expect("a key"));
    let [a, b, c] = &*SIGNERS;
    // The same id for another key, too: `b` as `p256-a`.
    let mut renamed = b.jwk();
    renamed["kid"] = "p256-a".into();
    let auth = match state % 4 {
        0 => set(&[a]),
        1 => set(&[a, b]),
        2 => set(&[b]),
        _ => std::sync::Arc::new(jwks(&[renamed])),
    };
    let other = if state.is_multiple_of(2) { set(&[c]) } else { set(&[b, c]) };
    let nameless = if state.is_multiple_of(3) { "ed25519-b" } else { "ed25519-a" };
    vec![vec![fetch(auth), file(of_pem("p384-a"))], vec![fetch(other)], vec![file(of_pem(nameless))]]
}

static SIGNERS: LazyLock<[Signer; 3]> = LazyLock::new(|| {
    [Signer::new("ES256", "p256-a"), Signer::new("ES256", "p256-b"), Signer::new("EdDSA", "ed25519-a")]
});

/// Tokens, good and bad: of each issuer, with each key, of many times, and some that end as others do.
static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let [a, b, c] = &*SIGNERS;
    let (pem_key, nameless) = (Signer::new("ES384", "p384-a"), Signer::new("EdDSA", "ed25519-b"));
    let mut tokens = Vec::new();
    for offset in [-30, -10, 0, 7, 20, 60] {
        let times = json!({ "exp": NOW + offset, "iat": NOW - 5, "nbf": NOW - offset });
        for (signer, iss) in
            [(a, "auth"), (b, "auth"), (&pem_key, "auth"), (b, "other"), (c, "other"), (c, "auth")]
        {
            let mut claims = claims(&times);
            claims["iss"] = format!("https://{iss}.example").into();
            tokens.push(signer.token(&claims));
            tokens.push(signer.token_with(&json!({ "kid": null }), &claims));
        }
        let mut without_iss = claims(&times);
        without_iss.as_object_mut().expect("an object").remove("iss");
        tokens.push(c.token(&without_iss));
        tokens.push(nameless.token(&without_iss));
        let audience = claims(&json!({ "aud": "x", "exp": NOW + offset }));
        tokens.push(a.token(&audience));
    }
    // Other claims under a known signature, and another signature with a known end: found by the same name.
    let forged: Vec<String> = tokens
        .iter()
        .step_by(5)
        .flat_map(|token| {
            let (signed, signature) = token.rsplit_once('.').expect("three parts");
            let (header, _) = signed.split_once('.').expect("two parts");
            let boss = part(claims(&json!({ "sub": "boss" })).to_string());
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            let rest = signature.get(1..).expect("ASCII");
            [format!("{header}.{boss}.{signature}"), format!("{signed}.{first}{rest}")]
        })
        .collect();
    tokens.extend(forged);
    tokens
});

#[derive(Debug, Clone)]
enum Step {
    /// A token, where it stands, whom it is for, and how much later it is.
    Ask { token: usize, in_header: bool, route: usize, later: i64 },
    /// The clock is set.
    Clock(i64),
    /// Other keys are published.
    Keys(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let ask = (0..TOKENS.len(), any::<bool>(), 0_usize..3, 0_i64..3);
    // Few tokens are asked for often, so that what is remembered is used.
    let few = (0_usize..6, Just(false), Just(0_usize), 0_i64..2);
    let asked = |(token, in_header, route, later)| Step::Ask { token, in_header, route, later };
    prop_oneof![
        6 => ask.prop_map(asked),
        10 => few.prop_map(move |(token, in_header, route, later)| asked((token * 15 % TOKENS.len(), in_header, route, later))),
        1 => (-40_i64..40).prop_map(Step::Clock),
        1 => (0_usize..12).prop_map(Step::Keys),
    ]
}

/// Hits and evictions of all runs, so that the property cannot hold for want of a cache.
static HITS: AtomicU64 = AtomicU64::new(0);
static EVICTIONS: AtomicU64 = AtomicU64::new(0);
static ALLOWED: AtomicU64 = AtomicU64::new(0);

#[test]
fn answers_are_the_same_without_a_cache_and_with_one_of_any_size() {
    let config = ProptestConfig { cases: 96, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..80))| {
        let mut worlds: Vec<World> = sizes().into_iter().map(|size| World::with_cache(ISSUERS, vec![], size)).collect();
        let mut now = NOW;
        let publish = |worlds: &mut Vec<World>, state, now| {
            // One set for all of them, as it is published: only the cache differs.
            let keys = keys(state, UnixTime::from_seconds(now));
            for world in worlds {
                world.snapshot.trust = world.snapshot.trust.with_keys(keys.clone());
            }
        };
        publish(&mut worlds, 1, now);
        for step in steps {
            match step {
                Step::Clock(by) => now += by,
                Step::Keys(state) => publish(&mut worlds, state, now),
                Step::Ask { token, in_header, route, later } => {
                    now += later;
                    let route = ["/auth", "/other", "/nameless"][route];
                    let bearer = format!("Bearer {}", TOKENS[token]);
                    let header = if in_header { ("x-token", &*TOKENS[token]) } else { ("authorization", &*bearer) };
                    let mut answers =
                        worlds.iter().map(|world| world.judge(route, &[header], UnixTime::from_seconds(now)));
                    let without = answers.next().expect("the one without a cache");
                    ALLOWED.fetch_add(u64::from(without.0 == "allowed"), Ordering::Relaxed);
                    for with in answers {
                        prop_assert_eq!(&with, &without, "token {} at {}", token, now - NOW);
                    }
                }
            }
        }
        let stats = |world: &World| world.snapshot.trust.cache().stats();
        HITS.fetch_add(stats(&worlds[1]).hits, Ordering::Relaxed);
        EVICTIONS.fetch_add(stats(&worlds[2]).evictions, Ordering::Relaxed);
    });
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    assert!(of(&HITS) > 200, "{} hits", of(&HITS));
    assert!(of(&EVICTIONS) > 50, "{} evictions", of(&EVICTIONS));
    assert!(of(&ALLOWED) > 200, "{} allowed", of(&ALLOWED));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_token_makes_the_verifier_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), text in ".*") {
        let signer = Signer::new("ES256", "p256-a");
        let world = auth(&[signer.jwk()], "");
        for token in [text, signer.sign(&header, &payload), signer.sign(br#"{"alg":"ES256","kid":"p256-a"}"#, &payload), format!("{}.{}.AA", part(&header), part(&payload))] {
            prop_assert_ne!(world.bearer("/auth", &token), "allowed");
        }
    }

    #[test]
    fn no_key_set_makes_the_reader_panic(bytes in any::<Vec<u8>>(), name in "[a-z_]{1,8}", text in ".{0,20}") {
        drop(KeySet::from_jwks(&bytes));
        drop(KeySet::from_pem(&bytes));
        let mut jwk = Signer::new("RS256", "rsa-a").jwk();
        for member in ["n", "e", "alg", "use", &name] {
            jwk[member] = Value::from(text.clone());
            drop(KeySet::from_jwks(json!({ "keys": [jwk] }).to_string().as_bytes()));
        }
    }
}

#[test]
fn a_removed_key_ends_the_tokens_it_verified_at_once() {
    let (old, new) = (Signer::new("ES256", "p256-a"), Signer::new("ES256", "p256-b"));
    let mut world =
        World::with_cache(&auth_yaml(""), vec![vec![jwks(&[old.jwk()])]], CacheSettings::default());
    let token = old.token(&claims(&json!({})));
    check("first", world.bearer("/auth", &token), "allowed");
    check("remembered", world.bearer("/auth", &token), "allowed");
    assert!(world.snapshot.trust.cache().stats().hits > 0, "the second one was not remembered");
    let rotated = World::new(&auth_yaml(""), vec![vec![jwks(&[new.jwk()])]]);
    let keys = rotated.snapshot.trust.keys(portcullis::token::IssuerId(0)).to_vec();
    world.snapshot.trust = world.snapshot.trust.with_keys(vec![keys]);
    check("after the rotation", world.bearer("/auth", &token), "unknown_key");
    check("the new key", world.bearer("/auth", &new.token(&claims(&json!({})))), "allowed");
}
