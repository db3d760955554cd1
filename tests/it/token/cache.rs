//! The cache changes speed, never an answer; and no bytes of any kind make the verifier panic.

use std::time::Duration;

use portcullis::time::UnixTime;
use portcullis::token::cache::CacheSettings;
use portcullis::token::keys::KeySet;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::mint::{Signer, part};
use super::{NOW, World, auth, auth_yaml, check, claims, jwks};

fn worlds() -> (Signer, Signer, Vec<World>) {
    let (good, foreign) = (Signer::new("ES256", "p256-a"), Signer::new("ES256", "p256-b"));
    let sizes = [
        CacheSettings { enabled: false, ..CacheSettings::default() },
        CacheSettings::default(),
        // So small that nearly everything is pushed out at once.
        CacheSettings { max_bytes: 4096, ..CacheSettings::default() },
        CacheSettings { max_age: Duration::from_secs(1), ..CacheSettings::default() },
    ];
    let world =
        |cache| World::with_cache(&auth_yaml("    leeway: 0s\n"), vec![vec![jwks(&[good.jwk()])]], cache);
    let worlds = sizes.into_iter().map(world).collect();
    (good, foreign, worlds)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_the_same_with_any_cache(asked in proptest::collection::vec((0_usize..12, -40_i64..40), 1..40)) {
        let (good, foreign, worlds) = worlds();
        let token = |kind: usize| match kind % 6 {
            0 | 1 => good.token(&claims(&json!({ "sub": kind, "exp": NOW + 10 }))),
            2 => good.token(&claims(&json!({ "exp": NOW - 10 }))),
            3 => good.token(&claims(&json!({ "nbf": NOW + 10 }))),
            4 => foreign.token_with(&json!({ "kid": "p256-a" }), &claims(&json!({}))),
            _ => good.token(&claims(&json!({ "aud": "x" }))),
        };
        let tokens: Vec<String> = (0..12).map(|kind| format!("Bearer {}", token(kind))).collect();
        for (kind, offset) in asked {
            let now = UnixTime::from_seconds(NOW + offset);
            let mut answers = worlds.iter().map(|world| world.judge("/auth", &[("authorization", &tokens[kind])], now));
            let without = answers.next().expect("the one without cache");
            for with in answers {
                prop_assert_eq!(&with, &without);
            }
        }
    }

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
