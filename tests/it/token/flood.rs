//! Floods of tokens, good and bad. The oracle knows what is to become of each, and counts wrong allows.

use std::collections::BTreeMap;

use portcullis::token::cache::CacheSettings;
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use serde_json::{Value, json};

use super::mint::{Signer, part};
use super::{NOW, World, auth_yaml, check, claims, jwks};

const SECRET: &[u8] = b"a secret of 48 bytes, which is long for SHA-256!";
const CACHE: u64 = 256 * 1024;

/// A cache that holds a few hundred tokens.
fn small() -> CacheSettings {
    CacheSettings { max_bytes: CACHE, ..CacheSettings::default() }
}

/// What became of each kind of token, beside what is written in the table.
#[derive(Default)]
struct Oracle {
    wrong_allows: u64,
    wrong: BTreeMap<(&'static str, &'static str), u64>,
}

impl Oracle {
    fn saw(&mut self, what: &'static str, got: &'static str, wanted: &str) {
        if got != wanted {
            self.wrong_allows += u64::from(got == "allowed");
            *self.wrong.entry((what, got)).or_default() += 1;
        }
    }

    #[track_caller]
    fn is_content(&self) {
        assert!(self.wrong.is_empty(), "{} wrong allows; {:?}", self.wrong_allows, self.wrong);
    }
}

/// Fault: a flood of tokens that are all good, all different, and more than the memory holds.
#[test]
fn a_flood_of_good_tokens_stays_within_the_memory_and_pushes_out_nobody_who_keeps_coming() {
    let keys = KeySet::from_secret(SECRET, Encoding::Raw, &[Algorithm::Hs256]).expect("a secret");
    let world =
        World::with_cache(&auth_yaml("    algorithms: [HS256]\n    leeway: 0s\n"), vec![vec![keys]], small());
    let signer = Signer::hmac("HS256", SECRET);
    let token = |changes: &Value| signer.token_with(&json!({ "kid": null }), &claims(changes));
    let regular = token(&json!({ "sub": "regular" }));
    let mut oracle = Oracle::default();
    let cache = world.snapshot.trust.cache();
    let (mut asked, mut saved) = (0, 0);
    for number in 0..20_000 {
        let new = token(&json!({ "sub": number.to_string() }));
        oracle.saw("a new token", world.bearer("/auth", &new), "allowed");
        if number % 10 == 0 {
            let before = cache.stats().hits;
            oracle.saw("who keeps coming", world.bearer("/auth", &regular), "allowed");
            asked += 1;
            saved += cache.stats().hits - before;
        }
        if number % 100 == 0 {
            // The end of a token, by which it is found, under other claims; and one that is over.
            let (_, signature) = new.rsplit_once('.').expect("three parts");
            let (header, _) = new.split_once('.').expect("three parts");
            let other = claims(&json!({ "sub": "boss" })).to_string();
            let forged = format!("{header}.{}.{signature}", part(other));
            oracle.saw("other claims, a known end", world.bearer("/auth", &forged), "bad_signature");
            let over = token(&json!({ "exp": NOW, "sub": number }));
            oracle.saw("a token that is over", world.bearer("/auth", &over), "expired");
            // What is written is counted a moment later: a few hundred entries at most are under way.
            assert!(cache.stats().bytes <= 4 * CACHE, "{:?}", cache.stats());
        }
    }
    oracle.is_content();
    let stats = cache.stats();
    assert!(stats.evictions > 10_000, "it was more than the memory holds: {stats:?}");
    crate::figures::saw(
        22,
        format_args!(
            "20,000 good tokens through {} KiB: {} KiB at the end, {} pushed out, {saved} of {asked} verifications of who keeps coming saved, {} wrong allows",
            CACHE >> 10,
            stats.bytes >> 10,
            stats.evictions,
            oracle.wrong_allows
        ),
    );
    assert!(saved * 10 > asked * 9, "who keeps coming was verified anew {} times of {asked}", asked - saved);
}

/// Makes the garbage of one kind, each time another one.
type Make<'m> = Box<dyn Fn(u32) -> String + 'm>;

/// Fault: a flood of garbage: bad signatures, 60,000 dots, 60 kB, and whatever else costs nothing to send.
#[test]
fn a_flood_of_garbage_pushes_out_no_good_token_and_is_refused_as_the_table_says() {
    let (good, foreign) = (Signer::new("ES256", "p256-a"), Signer::new("ES256", "p256-b"));
    let world = World::with_cache(&auth_yaml(""), vec![vec![jwks(&[good.jwk()])]], small());
    let token = good.token(&claims(&json!({})));
    check("the good one", world.bearer("/auth", &token), "allowed");
    check("remembered", world.bearer("/auth", &token), "allowed");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let (header, payload) = signed.split_once('.').expect("two parts");
    let header_of = |changes: &str| part(format!("{{\"alg\":\"ES256\",\"kid\":\"p256-a\",{changes}}}"));
    let table: Vec<(&str, Make<'_>, &str)> = vec![
        ("60,000 dots", Box::new(|_| ".".repeat(60_000)), "too_large"),
        ("60 kB", Box::new(|number| format!("{number}{}", "a".repeat(60_000))), "too_large"),
        ("16,000 dots", Box::new(|number| format!("{number}{}", ".".repeat(16_000))), "malformed_token"),
        ("no dot", Box::new(|number| number.to_string()), "malformed_token"),
        (
            "a bad signature of its own",
            Box::new(|number| {
                foreign.token_with(&json!({ "kid": "p256-a", "n": number }), &claims(&json!({})))
            }),
            "bad_signature",
        ),
        (
            "other claims under the known signature",
            Box::new(|number| {
                let other = claims(&json!({ "sub": number.to_string() })).to_string();
                format!("{header}.{}.{signature}", part(other))
            }),
            "bad_signature",
        ),
        (
            "another header over the known claims",
            Box::new(|number| format!("{}.{payload}.{signature}", header_of(&format!("\"n\":{number}")))),
            "bad_signature",
        ),
        (
            "another end of the known signature",
            Box::new(|number| format!("{signed}.{}{number:04}", signature.get(..82).expect("86 digits"))),
            "bad_signature",
        ),
        (
            "an unknown key",
            Box::new(|number| good.token_with(&json!({ "kid": number.to_string() }), &claims(&json!({})))),
            "unknown_key",
        ),
        (
            "an unknown issuer",
            Box::new(|number| good.token(&claims(&json!({ "iss": number.to_string() })))),
            "unknown_issuer",
        ),
        (
            "`none`",
            Box::new(|number| format!("{}.{payload}.{number}", part("{\"alg\":\"none\"}"))),
            "disallowed_algorithm",
        ),
        (
            "signed, and for somebody else",
            Box::new(|number| good.token(&claims(&json!({ "aud": "x", "n": number })))),
            "wrong_audience",
        ),
    ];
    let mut oracle = Oracle::default();
    for number in 1000..2000 {
        for (what, make, wanted) in &table {
            let got = world.bearer("/auth", &make(number));
            // Digits at the end may leave bits that mean nothing: not base64url then.
            let wanted = match (*what, got) {
                ("another end of the known signature" | "`none`", "malformed_token") => "malformed_token",
                _ => wanted,
            };
            oracle.saw(what, got, wanted);
        }
    }
    oracle.is_content();
    let before = world.snapshot.trust.cache().stats();
    check("the good one still", world.bearer("/auth", &token), "allowed");
    let after = world.snapshot.trust.cache().stats();
    assert_eq!(after.hits, before.hits + 1, "the good token was pushed out: {after:?}");
    let garbage = 1000 * table.len();
    let allowed = oracle.wrong_allows;
    crate::figures::saw(
        23,
        format_args!("{garbage} pieces of {} kinds, {allowed} wrong allows", table.len()),
    );
    assert!(after.bytes <= CACHE, "{after:?}");
}
