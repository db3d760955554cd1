//! The last good public keys survive a restart.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::mock::{Answer, Mock};
use super::signer::{Signer, jwks};
use super::world::{World, fetched, iss, policy, until};

fn serve(policy: &str, cache: &Path) -> World {
    World::serve_with(policy, |options| options.key_cache = Some(cache.to_owned()))
}

fn files(cache: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(cache).map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect());
    entries.unwrap_or_default()
}

/// Lets a first process fetch keys and write them down; gives the policy.
async fn fetched_before(good: &Signer, cache: &Path, answer: Answer) -> String {
    let mock = Mock::start(answer).await;
    let policy = policy(&[("shaky", fetched(&mock.url("/jwks")))]);
    let world = serve(&policy, cache);
    world.until("/shaky", &good.token(&iss("shaky")), "allowed").await;
    let is_there = || files(cache).iter().any(|path| path.extension().is_some_and(|ending| ending == "json"));
    until(async || is_there(), || "a file".to_owned()).await;
    policy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_survive_a_restart_during_an_outage_until_they_are_too_old() {
    let good = Signer::new("k1");
    let cache = tempfile::tempdir().expect("a directory");
    let directory = cache.path().join("made/when/needed");
    let policy = fetched_before(&good, &directory, Answer::fresh(jwks(&[&good]))).await;

    let world = serve(&policy, &directory);
    assert!(world.runtime.readiness().ready, "at once");
    let late = good.token_until(&iss("shaky"), super::signer::now() + 48 * 3600);
    assert_eq!(world.ask("/shaky", Some(&late)).await, "allowed");
    assert_eq!(world.ask("/shaky", Some(&Signer::new("k1").token(&iss("shaky")))).await, "bad_signature");
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 1).await;
    assert_eq!(world.ask("/shaky", Some(&late)).await, "allowed");
    world.clock.turn(24 * 3600 + 60);
    assert_eq!(world.ask("/shaky", Some(&late)).await, "keys_unavailable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_public_keys_are_written_down_and_only_for_us() {
    use std::os::unix::fs::PermissionsExt;

    let good = Signer::new("k1");
    let cache = tempfile::tempdir().expect("a directory");
    let private = {
        let mut key = Signer::new("k2").jwk();
        key["d"] = json!("canary");
        key
    };
    let with_more = {
        let mut key = good.jwk();
        key["x5c"] = json!(["canary"]);
        key
    };
    let secret =
        json!({ "kty": "oct", "kid": "k3", "k": "canary-canary-canary-canary-canary-canary-canary" });
    let set = json!({ "keys": [private, secret, with_more], "canary": "canary" }).to_string();
    fetched_before(&good, cache.path(), Answer::fresh(set)).await;
    let [file] = files(cache.path()).try_into().expect("one file");
    let text = fs::read_to_string(&file).expect("a file");
    assert!(!text.contains("canary"), "{text}");
    let written: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(written["jwks"], json!({ "keys": [good.jwk()] }));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_whole_young_and_ours_is_ignored() {
    let (good, stranger) = (Signer::new("k1"), Signer::new("k1"));
    let cache = tempfile::tempdir().expect("a directory");
    let policy = fetched_before(&good, cache.path(), Answer::fresh(jwks(&[&good]))).await;
    let [file] = files(cache.path()).try_into().expect("one file");
    let whole = fs::read_to_string(&file).expect("a file");
    let with = |change: fn(&mut Value)| {
        let mut written: Value = serde_json::from_str(&whole).expect("JSON");
        change(&mut written);
        written.to_string()
    };
    for (name, text) in [
        ("half", whole.split_at(whole.len() / 2).0.to_owned()),
        ("empty", String::new()),
        ("another version", with(|file| file["version"] = json!(2))),
        ("without a time", with(|file| file["fetched_at"] = json!("now"))),
        ("of the future", with(|file| file["fetched_at"] = json!(9_999_999_999_999_i64))),
        ("of the past", with(|file| file["fetched_at"] = json!(1_000_000_000_000_i64))),
        ("without keys", with(|file| file["jwks"] = json!({ "keys": [] }))),
    ] {
        fs::write(&file, text).expect("a file");
        let world = serve(&policy, cache.path());
        assert!(!world.runtime.readiness().ready, "{name}");
        assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "keys_unavailable", "{name}");
    }
    // Keys of one place are not keys of another, nor of another issuer.
    fs::write(&file, &whole).expect("a file");
    for changed in
        [policy.replace("/jwks", "/other"), policy.replace("https://shaky.example", "https://evil.example")]
    {
        let world = serve(&changed, cache.path());
        assert!(!world.runtime.readiness().ready);
        assert_eq!(world.ask("/shaky", Some(&stranger.token(&iss("shaky")))).await, {
            if changed.contains("evil") { "unknown_issuer" } else { "keys_unavailable" }
        });
    }
    assert!(serve(&policy, cache.path()).runtime.readiness().ready, "the oracle can say yes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_written_costs_nothing_but_the_cache() {
    let good = Signer::new("k1");
    let directory = tempfile::tempdir().expect("a directory");
    let no_directory = directory.path().join("a file");
    fs::write(&no_directory, "").expect("a file");
    let mock = Mock::start(Answer::json(jwks(&[&good]))).await;
    let world = serve(&policy(&[("shaky", fetched(&mock.url("/jwks")))]), &no_directory);
    world.until_ready().await;
    until(async || mock.hits() > 2, || "fetches go on".to_owned()).await;
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed");
}
