//! What the log and the metrics tell of it, and what they never do.

use std::fs;
use std::time::Duration;

use portcullis::telemetry::Metrics;
use serde_json::json;

use super::mock::{Answer, Mock};
use super::serving::Serving;
use super::signer::{Signer, jwks};
use super::world::{World, fetched, inline, policy, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_the_issuer_and_the_trouble_and_never_a_key_or_a_credential() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("a file");
    write("credential", "canary-credential");
    write("secret", "canary-secret-canary-secret-canary-secret");
    let good = Signer::new("k1");
    let bad = json!({ "kty": "oct", "kid": "k2", "k": "canary-key-canary-key-canary-key-canary-key" });
    let mock = Mock::start(Answer::json("{\"keys\":[{\"kty\":\"oct\",\"k\":\"canary\"")).await;
    let shaky = format!("keys: {{ jwks_url: \"{}\", bearer_token_file: credential }}", mock.url("/"));
    let secret = "algorithms: [HS256], keys: { secret_file: secret }".to_owned();
    write("policy.yaml", &policy(&[("shaky", shaky), ("secret", secret)]));
    let mut serving = Serving::start(&directory.path().join("policy.yaml"), &["--log-level", "trace"]);
    let mut fails = |told: &str| {
        loop {
            let line = serving.until("keys not renewed");
            assert_eq!((&line["level"], &line["issuer"]), (&json!("WARN"), &json!("shaky")), "{line}");
            if line["problem"].as_str().is_some_and(|problem| problem.starts_with(told)) {
                break;
            }
        }
    };
    fails("its answer cannot be used");
    mock.answer(Answer::with("500 Internal Server Error", "", b"{\"k\":\"canary\"}"));
    fails("it answers 500");
    mock.answer(Answer::json(json!({ "keys": [bad] }).to_string()));
    fails("its answer cannot be used");
    mock.answer(Answer::json(json!({ "keys": [good.jwk(), bad] }).to_string()));
    let published = serving.until("keys published");
    assert_eq!(
        (&published["issuer"], &published["keys"], &published["rejected"]),
        (&json!("shaky"), &json!(1), &json!(1))
    );
    let left_out = serving.until("key left out");
    assert_eq!((&left_out["issuer"], &left_out["key"]), (&json!("shaky"), &json!("k2")));
    assert_eq!(left_out["cause"], "is a shared secret, which does not belong into a key set");
    serving.until("ready");
    write("secret", "canary");
    let weak = serving.until("keys not renewed");
    assert_eq!(weak["issuer"], "secret");
    let sent = mock.requests().iter().any(|request| request.contains("canary-credential"));
    assert!(sent, "the canary was there to be told");
    assert!(!serving.told.contains("canary"), "{}", serving.told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetches_are_counted_by_what_came_of_them() {
    let (good, bad) = (Signer::new("k1"), json!({ "kty": "oct", "kid": "k2", "k": "c2VjcmV0" }));
    let mock = Mock::start(Answer::status("500 Internal Server Error")).await;
    let metrics = Metrics::new();
    let world = World::serve_with(&policy(&[("shaky", fetched(&mock.url("/")))]), |options| {
        options.metrics = metrics.clone();
    });
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 0).await;
    mock.answer(Answer::json("<html>"));
    until(async || world.error("shaky").starts_with("its answer"), || world.error("shaky")).await;
    mock.answer(Answer::fresh(json!({ "keys": [good.jwk(), bad] }).to_string()));
    world.until_ready().await;
    let told = metrics.render(None);
    for line in [
        "portcullis_keys{issuer=\"shaky\"} 1",
        "portcullis_keys_rejected_total{issuer=\"shaky\",cause=\"symmetric\"} 1",
        "portcullis_key_fetches_total{issuer=\"shaky\",result=\"ok\"} 1",
    ] {
        assert!(told.lines().any(|known| known == line), "{line}: {told}");
    }
    for series in [
        "portcullis_key_fetches_total{issuer=\"shaky\",result=\"status\"}",
        "portcullis_key_fetches_total{issuer=\"shaky\",result=\"invalid\"}",
        "portcullis_key_fetch_duration_seconds_count{issuer=\"shaky\"}",
        "portcullis_keys_last_success_timestamp_seconds{issuer=\"shaky\"}",
    ] {
        assert!(told.lines().any(|known| known.starts_with(series)), "{series}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_are_counted_and_an_issuer_that_goes_takes_its_figures_along() {
    let good = Signer::new("k1");
    let metrics = Metrics::new();
    let issuer = |name| policy(&[(name, inline(&jwks(&[&good])))]);
    let world = World::serve_with(&issuer("first"), |options| {
        options.metrics = metrics.clone();
        // Only what is asked for is counted.
        (options.watch, options.interval) = (false, Duration::from_hours(1));
    });
    fs::write(world.path("policy.yaml"), "version: 1\nrutes: []\n").expect("a file");
    assert!(world.runtime.reload().await.is_err());
    let has = |line: &str| metrics.render(None).lines().any(|known| known == line);
    assert!(has("portcullis_policy_reloads_total{result=\"failure\"} 1"));
    assert!(has("portcullis_policy_last_reload_successful 0"));
    assert!(has("portcullis_keys{issuer=\"first\"} 1"));
    fs::write(world.path("policy.yaml"), issuer("second")).expect("a file");
    world.runtime.reload().await.expect("a valid policy");
    assert!(has("portcullis_policy_last_reload_successful 1"));
    assert!(has("portcullis_keys{issuer=\"second\"} 1"));
    assert!(!metrics.render(None).contains("portcullis_keys{issuer=\"first\"}"));
    world.clock.turn(3600);
    until(async || has("portcullis_clock_jumps_total 1"), || "the clock was set".to_owned()).await;
}
