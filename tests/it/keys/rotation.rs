//! New keys, old keys, and ids that nobody knows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::mock::{Answer, Mock};
use super::signer::{Signer, jwks};
use super::world::{World, fetched, iss, policy, until};

/// Fault: keys are rotated, the old one stays for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_beside_the_old_one_denies_nobody() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    // Fresh for long: only the unknown id makes us ask again.
    let mock = Mock::start(Answer::fresh(jwks(&[&old]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/")))]));
    world.until_ready().await;
    assert_eq!(world.ask("/shaky", Some(&old.token(&iss("shaky")))).await, "allowed");
    mock.answer(Answer::fresh(jwks(&[&old, &new])));
    until_cooled_down(&world).await;
    let (by_new, by_old) = (new.token(&iss("shaky")), old.token(&iss("shaky")));
    let (forged_new, forged_old) =
        (Signer::new("new").token(&iss("shaky")), Signer::new("old").token(&iss("shaky")));
    let rows = [
        ("the new key's token, at its first request", "/shaky", Some(&*by_new), "allowed"),
        ("the old key's token", "/shaky", Some(&*by_old), "allowed"),
        ("a stranger's token with the new id", "/shaky", Some(&*forged_new), "bad_signature"),
        ("a stranger's token with the old id", "/shaky", Some(&*forged_old), "bad_signature"),
    ];
    world.table("both keys", &rows).await;
    assert_eq!(mock.hits(), 2, "one fetch for it");
    world.saw(9, "one fetch for the new key, nobody denied");
}

/// Fault: keys are rotated, the old one is removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_removed_ends_its_tokens_at_once_remembered_or_not() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let mock = Mock::start(Answer::json(jwks(&[&old]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/")))]));
    world.until_ready().await;
    let (remembered, unseen) =
        (old.token(&iss("shaky")), old.token_until(&iss("shaky"), super::signer::now() + 60));
    for _ in 0..3 {
        assert_eq!(world.ask("/shaky", Some(&remembered)).await, "allowed");
    }
    mock.answer(Answer::json(jwks(&[&new])));
    world.until_issuer("shaky", |issuer| issuer.sources[0].keys[0].id.as_deref() == Some("new")).await;
    let by_new = new.token(&iss("shaky"));
    let rows = [
        ("a remembered token of the old key", "/shaky", Some(&*remembered), "unknown_key"),
        ("another one of the old key", "/shaky", Some(&*unseen), "unknown_key"),
        ("the new key's token", "/shaky", Some(&*by_new), "allowed"),
    ];
    world.table("the old key is gone", &rows).await;
    world.saw(10, "no token of the old key once the new set was live");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_replaced_under_its_old_id_ends_the_old_tokens() {
    let (old, new) = (Signer::new("k1"), Signer::new("k1"));
    let mock = Mock::start(Answer::json(jwks(&[&old]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/")))]));
    world.until_ready().await;
    let (by_old, by_new) = (old.token(&iss("shaky")), new.token(&iss("shaky")));
    let rows = |of_old, of_new| {
        [
            ("the old key's token", "/shaky", Some(&*by_old), of_old),
            ("the new key's token", "/shaky", Some(&*by_new), of_new),
        ]
    };
    world.table("before", &rows("allowed", "bad_signature")).await;
    mock.answer(Answer::json(jwks(&[&new])));
    world.until("/shaky", &by_new, "allowed").await;
    world.table("after", &rows("bad_signature", "allowed")).await;
}

/// Fault: a flood of tokens with key ids that nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_key_ids_causes_one_fetch_a_cooldown_and_harms_no_known_token() {
    // Within one cooldown the keys are known to be fresh; after it, one fetch finds out.
    for (cooldown, most_fetches) in [("1h", 1), ("100ms", usize::MAX)] {
        let good = Arc::new(Signer::new("good"));
        let mock = Mock::start(Answer::fresh(jwks(&[&good]))).await;
        let issuer =
            format!("keys: {{ jwks_url: \"{}\" }}, refresh: {{ cooldown: {cooldown} }}", mock.url("/"));
        let world = Arc::new(World::serve(&policy(&[("shaky", issuer)])));
        let begun = Instant::now();
        world.until_ready().await;
        let mut flood = tokio::task::JoinSet::new();
        for task in 0..8 {
            let (world, good) = (Arc::clone(&world), Arc::clone(&good));
            flood.spawn(async move {
                let id: &'static str = format!("unknown {task}").leak();
                for round in 0..100 {
                    let stranger = Signer::new(id);
                    let found = world.ask("/shaky", Some(&stranger.token(&iss("shaky")))).await;
                    assert!(matches!(found, "unknown_key" | "keys_unavailable"), "round {round}: {found}");
                    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed");
                }
            });
        }
        while let Some(ended) = flood.join_next().await {
            ended.expect("a flood that was judged as expected");
        }
        let cooldowns = usize::try_from(begun.elapsed().as_millis() / 100).expect("a short flood") + 1;
        assert!(
            mock.hits() <= most_fetches.min(cooldowns),
            "{} fetches in {cooldowns} cooldowns",
            mock.hits()
        );
        world.saw(21, format_args!("cooldown {cooldown}: {} fetches for 800 unknown keys", mock.hits()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_key_ids_share_a_fetch_and_wait_for_it_together() {
    let good = Signer::new("good");
    let mock = Mock::start(Answer::fresh(jwks(&[&good]))).await;
    let world = Arc::new(World::serve(&policy(&[("shaky", fetched(&mock.url("/")))])));
    world.until_ready().await;
    until_cooled_down(&world).await;
    mock.answer(Answer::Hangs(Vec::new()));
    let stranger = Arc::new(Signer::new("nobody knows it"));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (world, stranger) = (Arc::clone(&world), Arc::clone(&stranger));
        waiting.spawn(async move { world.ask("/shaky", Some(&stranger.token(&iss("shaky")))).await });
    }
    until(async || mock.hits() == 2, || "a fetch".to_owned()).await;
    while let Some(found) = waiting.join_next().await {
        assert_eq!(found.expect("an answer"), "keys_unavailable", "nobody could find out");
    }
    // Then the back-off rules; as long as the issuer hangs, a fetch takes 500 ms.
    let failed = usize::try_from(world.issuer("shaky").sources[0].failures).expect("a small number");
    assert!(mock.hits() <= 2 + failed, "{} fetches, {failed} failures", mock.hits());
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_goes_away_cancels_nothing() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let mock = Mock::start(Answer::fresh(jwks(&[&old]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/")))]));
    world.until_ready().await;
    mock.answer(Answer::fresh(jwks(&[&old, &new])));
    until_cooled_down(&world).await;
    {
        let published = world.runtime.live().load_full().expect("a live policy");
        let issuer = portcullis::token::IssuerId(0);
        let mut asked = std::pin::pin!(published.want_keys(issuer));
        std::future::poll_fn(|context| {
            let _ = asked.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    }
    world.until_issuer("shaky", |issuer| issuer.sources[0].keys.len() == 2).await;
    assert_eq!(mock.hits(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_for_keys_of_an_issuer_without_fetched_ones_is_answered_at_once() {
    let good = Signer::new("good");
    let world = World::serve(&policy(&[("steady", super::world::inline(&jwks(&[&good])))]));
    for issuer in [0, 1, u16::MAX] {
        let asked = world.runtime.want_keys(portcullis::token::IssuerId(issuer));
        tokio::time::timeout(Duration::from_mins(1), asked).await.expect("an answer");
    }
    let stranger = Signer::new("nobody knows it");
    assert_eq!(world.ask("/steady", Some(&stranger.token(&iss("steady")))).await, "unknown_key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sources_are_one_issuer_and_the_trouble_of_one_is_not_the_others() {
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let up = Mock::start(Answer::fresh(jwks(&[&first]))).await;
    let down = Mock::start(Answer::HangsUp).await;
    let issuer = format!(
        "keys: [{{ jwks_url: \"{}\" }}, {{ jwks_url: \"{}\" }}], refresh: {{ cooldown: 50ms }}",
        up.url("/"),
        down.url("/")
    );
    let world = World::serve(&policy(&[("shaky", issuer)]));
    world.until("/shaky", &first.token(&iss("shaky")), "allowed").await;
    assert_eq!(world.ask("/shaky", Some(&second.token(&iss("shaky")))).await, "keys_unavailable");
    assert!(!world.runtime.readiness().ready, "one source has not had its keys");
    down.answer(Answer::json(jwks(&[&second])));
    world.until_ready().await;
    for signer in [&first, &second] {
        assert_eq!(world.ask("/shaky", Some(&signer.token(&iss("shaky")))).await, "allowed");
    }
}

/// Waits until the last fetch is longer ago than the cooldown of 50 ms.
async fn until_cooled_down(world: &World) {
    let fetched = world.issuer("shaky").sources[0].last_good.expect("a good fetch");
    let over = fetched.plus(Duration::from_millis(60));
    until(async || world.clock.now() > over, || "time passes".to_owned()).await;
}
