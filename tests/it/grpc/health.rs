//! `grpc.health.v1`, asked once and watched: truthful from the start to the end.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::PATIENCE;
use crate::keys::mock::{Answer, Mock};
use crate::keys::signer::Signer;
use crate::keys::world::until;
use crate::stand::Stand;

const RULES: &str = "routes:\n  - { match: /open, allow: anyone }\n";
const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_truthful_from_the_start_through_trouble_to_the_end() {
    let mock = Mock::start(Answer::status("503 Service Unavailable")).await;
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("keys.yaml");
    let issuer = format!(
        "late: {{ issuer: https://late.example, audiences: [crm], keys: {{ jwks_url: \"{}\" }} }}",
        mock.url("/")
    );
    std::fs::write(&keys, format!("version: 1\nissuers: {{ {issuer} }}\n")).expect("an issuer");
    let path = keys.to_str().expect("text");
    let stand =
        Stand::new(RULES, &["--policies", path, "--shutdown-delay", "60s", "--reload-interval", "100ms"]);
    let channel = tonic::transport::Channel::from_shared(format!("http://{}", stand.grpc));
    let mut client = HealthClient::new(channel.expect("an address").connect().await.expect("connected"));
    let service = || HealthCheckRequest { service: "envoy.service.auth.v3.Authorization".to_owned() };
    let mut watched = client.watch(service()).await.expect("a stream").into_inner();
    let mut next = async || {
        let told = tokio::time::timeout(PATIENCE, watched.message()).await.expect("told in time");
        told.expect("a message").expect("it goes on").status
    };
    let now = async |mut client: HealthClient<_>| {
        client.check(service()).await.expect("an answer").into_inner().status
    };
    assert_eq!((next().await, now(client.clone()).await), (NOT_SERVING, NOT_SERVING), "keys are awaited");
    let signer = Signer::new("late-1");
    mock.answer(Answer::json(json!({ "keys": [signer.jwk()] }).to_string()));
    assert_eq!((next().await, now(client.clone()).await), (SERVING, SERVING));
    // Neither an outage nor a policy that is refused takes away what is live.
    mock.answer(Answer::HangsUp);
    stand.rewrite("rutes: []\n");
    let is_refused = async || stand.value("portcullis_policy_last_reload_successful") == Some(0.0);
    until(is_refused, || "the policy is refused".to_owned()).await;
    assert_eq!(now(client.clone()).await, SERVING);
    let nothing = tokio::time::timeout(Duration::from_millis(10), watched.message()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    stand.serving.send(Signal::TERM);
    let told = tokio::time::timeout(PATIENCE, watched.message()).await.expect("told in time");
    let told = told.expect("a message").expect("it goes on").status;
    assert_eq!((told, now(client).await), (NOT_SERVING, NOT_SERVING), "and decisions go on");
}
