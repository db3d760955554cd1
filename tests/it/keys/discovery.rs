//! Keys found through metadata, and credentials for those who ask for some.

use serde_json::json;

use super::mock::{Answer, Mock};
use super::signer::{Signer, jwks};
use super::world::{World, until};

/// An issuer named after its server, with routes as `world::policy` has them.
fn policy(iss: &str, keys: &str) -> String {
    format!(
        "version: 1\nissuers:\n  shaky: {{ issuer: \"{iss}\", audiences: [crm], keys: {keys} }}\n\
         routes:\n  - {{ match: /shaky, guard: shaky, allow: authenticated }}\n"
    )
}

fn metadata(issuer: &str, jwks_uri: &str) -> Answer {
    Answer::json(json!({ "issuer": issuer, "jwks_uri": jwks_uri, "other": ["members"] }).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_are_found_where_openid_connect_and_rfc_8414_say() {
    let good = Signer::new("k1");
    for (path, place) in [
        ("", "/.well-known/openid-configuration"),
        ("/", "/.well-known/openid-configuration"),
        ("/tenant/a", "/tenant/a/.well-known/openid-configuration"),
        ("", "/.well-known/oauth-authorization-server"),
        ("/tenant/a", "/.well-known/oauth-authorization-server/tenant/a"),
    ] {
        let mock = Mock::start(Answer::status("404 Not Found")).await;
        let issuer = mock.url(path);
        mock.answer_at(place, metadata(&issuer, &mock.url("/the/keys")));
        mock.answer_at("/the/keys", Answer::fresh(jwks(&[&good])));
        let world = World::serve(&policy(&issuer, "{ discovery: true }"));
        world.until_ready().await;
        assert_eq!(world.ask("/shaky", Some(&good.token(&issuer))).await, "allowed", "{path} {place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_another_issuer_are_refused() {
    let stranger = Signer::new("k1");
    let mock = Mock::start(Answer::fresh(jwks(&[&stranger]))).await;
    let issuer = mock.url("");
    let place = mock.url("/metadata");
    let world = World::serve(&policy(&issuer, &format!("{{ discovery: \"{place}\" }}")));
    let table = [
        (
            metadata("https://evil.example", &mock.url("/keys")),
            format!("its metadata are of issuer `https://evil.example`, not of `{issuer}`"),
        ),
        (
            metadata(&format!("{issuer}/"), &mock.url("/keys")),
            format!("its metadata are of issuer `{issuer}/`, not of"),
        ),
        (
            Answer::json(json!({ "jwks_uri": mock.url("/keys") }).to_string()),
            "its metadata cannot be used: they have no `issuer`".to_owned(),
        ),
        (
            Answer::json(json!({ "issuer": issuer }).to_string()),
            "its metadata cannot be used: they have no `jwks_uri`".to_owned(),
        ),
        (Answer::json("[]"), "its metadata cannot be used: they are no JSON object".to_owned()),
        (
            metadata(&issuer, "http://keys.example.com/jwks"),
            "`http://keys.example.com/jwks` is plain http".to_owned(),
        ),
        (metadata(&issuer, "file:///etc/passwd"), "`file:///etc/passwd` is ".to_owned()),
        (metadata(&issuer, "no url"), "`no url` is no URL".to_owned()),
        (Answer::with("302 Found", "location: /keys\r\n", b""), "it redirects to `/keys`".to_owned()),
    ];
    for (answer, told) in table {
        mock.answer_at("/metadata", answer);
        until(
            async || world.error("shaky").starts_with(&told),
            || format!("{told}: {}", world.error("shaky")),
        )
        .await;
        assert_eq!(world.ask("/shaky", Some(&stranger.token(&issuer))).await, "keys_unavailable", "{told}");
    }
    assert!(
        mock.requests().iter().all(|request| request.starts_with("GET /metadata")),
        "nobody asked for the keys"
    );
    mock.answer_at("/metadata", metadata(&issuer, &mock.url("/keys")));
    world.until_ready().await;
    assert_eq!(
        world.ask("/shaky", Some(&stranger.token(&issuer))).await,
        "allowed",
        "it is no stranger any more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_moves_its_keys_is_followed_by_its_metadata() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let mock = Mock::start(Answer::status("404 Not Found")).await;
    let issuer = mock.url("");
    mock.answer_at("/.well-known/openid-configuration", metadata(&issuer, &mock.url("/old")));
    mock.answer_at("/old", Answer::json(jwks(&[&old])));
    mock.answer_at("/new", Answer::json(jwks(&[&new])));
    let world = World::serve(&policy(&issuer, "{ discovery: true }"));
    world.until_ready().await;
    mock.answer_at("/.well-known/openid-configuration", metadata(&issuer, &mock.url("/new")));
    world.until("/shaky", &new.token(&issuer), "allowed").await;
    assert_eq!(world.ask("/shaky", Some(&old.token(&issuer))).await, "unknown_key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bearer_token_goes_to_the_host_that_the_policy_names_and_is_read_anew() {
    let good = Signer::new("k1");
    let home = Mock::start(Answer::status("404 Not Found")).await;
    let away = Mock::start(Answer::json(jwks(&[&good]))).await;
    let issuer = home.url("");
    home.answer_at("/metadata", metadata(&issuer, &away.url("/keys")));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("token");
    std::fs::write(&file, "first-credential\n").expect("a file");
    let keys =
        format!("{{ discovery: \"{}\", bearer_token_file: {} }}", home.url("/metadata"), file.display());
    let world = World::serve(&policy(&issuer, &keys));
    world.until_ready().await;
    let holds = |requests: Vec<String>, text: &str| requests.iter().any(|request| request.contains(text));
    assert!(holds(home.requests(), "authorization: Bearer first-credential\r\n"));
    std::fs::write(&file, "second-credential").expect("a file");
    until(
        async || holds(home.requests(), "authorization: Bearer second-credential\r\n"),
        || "read anew".to_owned(),
    )
    .await;
    assert!(!holds(away.requests(), "authorization"), "it is no other host's business");

    std::fs::remove_file(&file).expect("no file");
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 0).await;
    assert!(world.error("shaky").starts_with("the bearer token cannot be read"), "{}", world.error("shaky"));
    let told = format!("{:?}", world.runtime.status());
    assert!(!told.contains("credential"), "a credential is never told");
}
