//! Issuers that are down, slow, or broken: their tokens wait, everybody else's do not.

use std::net::TcpListener;
use std::time::Duration;

use super::mock::{Answer, Mock};
use super::signer::{Signer, jwks};
use super::world::{World, fetched, inline, iss, policy, until};
use crate::stand::{Stand, request};

/// Three kinds of request, and what becomes of each: this is the oracle.
struct Table<'a> {
    world: &'a World,
    good: &'a Signer,
    other: &'a Signer,
    stranger: &'a Signer,
}

impl Table<'_> {
    /// While the issuer `down` is in trouble; `down` is what its good tokens get, `forged` what a stranger's do.
    async fn holds(&self, when: &str, down: &str, forged: &str) {
        let others = self.other.token(&iss("steady"));
        let own = self.good.token(&iss("shaky"));
        let strangers = self.stranger.token(&iss("shaky"));
        self.world
            .table(
                when,
                &[
                    ("an open route without a token", "/open", None, "allowed"),
                    ("another issuer's token", "/steady", Some(&others), "allowed"),
                    ("its own token", "/shaky", Some(&own), down),
                    ("no token", "/shaky", None, "missing_token"),
                    ("a token of the other", "/shaky", Some(&others), "guard_mismatch"),
                    ("a stranger's token", "/shaky", Some(&strangers), forged),
                ],
            )
            .await;
    }
}

/// Fault: an issuer's keys cannot be fetched when the process starts, and later they can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_down_at_start_holds_up_readiness_and_its_own_tokens_only() {
    let (good, other, stranger) = (Signer::new("k1"), Signer::new("k1"), Signer::new("k1"));
    let address = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("a bound address")
    };
    let world = World::serve(&policy(&[
        ("shaky", fetched(&format!("http://{address}/jwks"))),
        ("steady", inline(&jwks(&[&other]))),
    ]));
    let table = Table { world: &world, good: &good, other: &other, stranger: &stranger };
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 3).await;
    table.holds("down", "keys_unavailable", "keys_unavailable").await;
    assert!(!world.runtime.readiness().ready);
    assert_eq!(world.runtime.readiness().awaited, ["keys of issuer `shaky`"]);
    assert!(world.error("shaky").starts_with("no connection"), "{}", world.error("shaky"));

    let _mock = Mock::at(address, Answer::json(jwks(&[&good]))).await;
    world.until_ready().await;
    table.holds("up", "allowed", "bad_signature").await;
    assert_eq!(world.runtime.readiness().awaited, Vec::<String>::new());
    world.saw(1, "ready when the issuer was there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_need_not_be_there_does_not_hold_up_readiness() {
    let world =
        World::serve(&policy(&[("shaky", format!("{}, required: false", fetched("http://127.0.0.1:1/")))]));
    assert!(world.runtime.readiness().ready);
    assert_eq!(world.ask("/shaky", Some(&Signer::new("k1").token(&iss("shaky")))).await, "keys_unavailable");
}

/// Fault: an issuer goes down after its keys were fetched, for longer than keys are trusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_good_keys_serve_through_an_outage_until_they_are_too_old() {
    let (good, other, stranger) = (Signer::new("k1"), Signer::new("k1"), Signer::new("k1"));
    let mock = Mock::start(Answer::json(jwks(&[&good]))).await;
    let world = World::serve(&policy(&[
        ("shaky", fetched(&mock.url("/jwks"))),
        ("steady", inline(&jwks(&[&other]))),
    ]));
    let table = Table { world: &world, good: &good, other: &other, stranger: &stranger };
    world.until_ready().await;
    let address = mock.address;
    drop(mock);
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 2).await;
    table.holds("down later", "allowed", "bad_signature").await;

    // Tokens that last an hour would be over: these are judged by another clock than the keys' age.
    let late = good.token_until(&iss("shaky"), super::signer::now() + 48 * 3600);
    let forged = stranger.token_until(&iss("shaky"), super::signer::now() + 48 * 3600);
    let rows = |own, strangers| {
        [
            ("its own token", "/shaky", Some(&*late), own),
            ("a stranger's token", "/shaky", Some(&*forged), strangers),
            ("an open route without a token", "/open", None, "allowed"),
        ]
    };
    world.clock.turn(24 * 3600 - 60);
    world.table("a minute before they are too old", &rows("allowed", "bad_signature")).await;
    world.clock.turn(120);
    world.table("a minute after", &rows("keys_unavailable", "keys_unavailable")).await;
    assert!(world.runtime.readiness().ready, "an outage does not take the others' answers away");

    let _mock = Mock::at(address, Answer::json(jwks(&[&good]))).await;
    world.until("/shaky", &late, "allowed").await;
    world.saw(2, "none changed for 24 h without a minute, 503 a minute after");
}

/// Fault: an issuer answers slowly, byte by byte, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_answers_slowly_is_given_up_and_asked_once_at_a_time() {
    let (good, other, stranger) = (Signer::new("k1"), Signer::new("k1"), Signer::new("k1"));
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"keys\":[".to_vec();
    for (name, slow) in [
        ("says nothing", Answer::Hangs(Vec::new())),
        ("stops in the head", Answer::Hangs(b"HTTP/1.1 200 OK\r\ncontent".to_vec())),
        ("stops in the body", Answer::Hangs(head.clone())),
        ("drips", Answer::Drips(head)),
    ] {
        let mock = Mock::start(slow).await;
        let world = World::serve(&policy(&[
            ("shaky", format!("keys: {{ jwks_url: \"{}\" }}, refresh: {{ timeout: 50ms }}", mock.url("/"))),
            ("steady", inline(&jwks(&[&other]))),
        ]));
        let table = Table { world: &world, good: &good, other: &other, stranger: &stranger };
        world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 3).await;
        table.holds(name, "keys_unavailable", "keys_unavailable").await;
        assert_eq!(world.error("shaky"), "no whole answer within 50 ms", "{name}");
        let asked = mock.hits();
        let failed = usize::try_from(world.issuer("shaky").sources[0].failures).expect("a small number");
        assert!(asked <= failed + 1, "{name}: asked {asked} times, given up {failed} times");
        mock.answer(Answer::json(jwks(&[&good])));
        world.until_ready().await;
        table.holds("up again", "allowed", "bad_signature").await;
        world.saw(3, format_args!("{name}: asked {asked} times, given up {failed} times"));
    }
}

/// Fault: the same, seen by a request whose token names a key that is not there. It waits a little, not for the issuer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_does_not_wait_for_an_issuer_that_hangs() {
    let mock = Mock::start(Answer::Hangs(Vec::new())).await;
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("keys.yaml");
    let patient = format!("keys: {{ jwks_url: \"{}\" }}, refresh: {{ timeout: 60s }}", mock.url("/"));
    let issuer = format!("shaky: {{ issuer: \"{}\", audiences: [crm], {patient} }}", iss("shaky"));
    std::fs::write(&keys, format!("version: 1\nissuers: {{ {issuer} }}\n")).expect("an issuer");
    let rules = "routes:\n  - { match: /shaky, guard: shaky, allow: authenticated }\n";
    let path = keys.to_str().expect("text");
    let stand = Stand::new(rules, &["--policies", path, "--limits-deadline", "60s"]);
    let bearer = format!("Bearer {}", Signer::new("k1").token(&iss("shaky")));
    for _ in 0..3 {
        let answer = stand.check(request("GET", "/shaky", &[("authorization", &bearer)])).await;
        assert_eq!(answer.status.expect("a status").code, 14, "it could not be judged");
    }
    // The fetch would be counted when it is given up, after a minute.
    let fetched = |result| {
        stand.value(&format!("portcullis_key_fetches_total{{issuer=\"shaky\",result=\"{result}\"}}"))
    };
    assert_eq!((fetched("ok"), fetched("timeout"), mock.hits()), (Some(0.0), Some(0.0), 1));
    crate::figures::saw(3, "3 requests answered 503 while the one fetch for their key still waits");
}

/// Fault: an issuer's host name cannot be resolved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_nobodys_is_a_failed_fetch_and_nothing_more() {
    let (good, other, stranger) = (Signer::new("k1"), Signer::new("k1"), Signer::new("k1"));
    let world = World::serve(&policy(&[
        ("shaky", fetched("https://keys.portcullis.invalid/jwks.json")),
        ("steady", inline(&jwks(&[&other]))),
    ]));
    let table = Table { world: &world, good: &good, other: &other, stranger: &stranger };
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 0).await;
    table.holds("a name that is nobody's", "keys_unavailable", "keys_unavailable").await;
    world.saw(12, "the others' as ever");
}

/// Fault: an issuer answers 429 with Retry-After; other errors are among the answers that are no key set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_says_when_to_come_again_is_not_asked_before() {
    let good = Signer::new("good");
    let mock = Mock::start(Answer::json(jwks(&[&good]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/")))]));
    world.until_ready().await;
    mock.answer(Answer::with("429 Too Many Requests", "retry-after: 86400\r\n", b""));
    world.until_issuer("shaky", |issuer| issuer.sources[0].failures == 1).await;

    let asked = mock.hits();
    let source = world.issuer("shaky").sources.remove(0);
    let next = source.next.expect("a next time");
    let soonest = world.clock.now().plus(Duration::from_secs(200));
    let latest = world.clock.now().plus(Duration::from_secs(301));
    assert!(soonest < next && next < latest, "five minutes at most: {next:?}");
    // Not even for key ids that nobody knows, once the cooldown of 50 ms is over.
    let over = source.last_good.expect("a good fetch").plus(Duration::from_millis(60));
    until(async || world.clock.now() > over, || "time passes".to_owned()).await;
    let (own, forged) = (good.token(&iss("shaky")), Signer::new("good").token(&iss("shaky")));
    for _ in 0..50 {
        let unknown = Signer::new("nobody knows it").token(&iss("shaky"));
        world
            .table(
                "told to come again tomorrow",
                &[
                    ("an id that nobody knows", "/shaky", Some(&unknown), "keys_unavailable"),
                    ("its own token", "/shaky", Some(&own), "allowed"),
                    ("a stranger's token", "/shaky", Some(&forged), "bad_signature"),
                ],
            )
            .await;
    }
    assert_eq!(mock.hits(), asked);
    world.saw(4, "no fetch before the time that was told, though 50 unknown key ids asked for one");
}

/// Fault: the wall clock is set forward by an hour, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_the_clock_causes_one_fetch_and_no_token_outlives_it() {
    let good = Signer::new("k1");
    let mock = Mock::start(Answer::fresh(jwks(&[&good]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/")))]));
    world.until_ready().await;
    let until = |seconds| good.token_until(&iss("shaky"), super::signer::now() + seconds);
    let (half_an_hour, two_hours) = (until(1800), until(7200));
    let forged = Signer::new("k1").token(&iss("shaky"));
    let rows = |half_an_hour_left| {
        [
            ("a token with half an hour left", "/shaky", Some(&*half_an_hour), half_an_hour_left),
            ("a token with two hours left", "/shaky", Some(&*two_hours), "allowed"),
            ("a stranger's token", "/shaky", Some(&*forged), "bad_signature"),
        ]
    };
    for when in ["at first", "now they are remembered"] {
        world.table(when, &rows("allowed")).await;
    }
    assert_eq!(mock.hits(), 1);

    world.clock.turn(3600);
    world.table("an hour later", &rows("expired")).await;
    super::world::until(async || mock.hits() == 2, || "a fetch on the new clock".to_owned()).await;
    world.clock.turn(-3600);
    world.table("and back", &rows("allowed")).await;
    super::world::until(async || mock.hits() == 3, || "a fetch on the new clock".to_owned()).await;
    world.saw(14, "one fetch for each of two jumps of an hour");
}
