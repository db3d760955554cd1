//! What is answered while policies change: version N opens `/vN` and nothing else.

use std::fs;
use std::ops::AddAssign;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use portcullis::runtime::ReloadFailure;

use super::{opening, replace};
use crate::keys::world::{World, until};

const ROUNDS: u64 = 30;

/// Which versions may answer.
#[derive(Default)]
struct Versions {
    /// A reload of it was acknowledged: no older one may answer what is asked from now on.
    acknowledged: AtomicU64,
    /// Its file may be seen: no newer one can answer.
    begun: AtomicU64,
    answers: AtomicU64,
    stop: AtomicBool,
}

/// Answers by what they had to be.
#[derive(Debug, Default)]
struct Tally {
    /// Only the live version could answer, and opens what was asked for.
    live: u64,
    /// What was asked for is of a version that is gone.
    gone: u64,
    /// Of one that is not there yet.
    coming: u64,
    /// An exchange was going on: either is right.
    either: u64,
    wrong: Vec<String>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.live += other.live;
        self.gone += other.gone;
        self.coming += other.coming;
        self.either += other.either;
        self.wrong.extend(other.wrong);
    }
}

/// Asks for what the live version opens, the one before it, and the one after it.
async fn asks(world: &World, versions: &Versions) -> Tally {
    let mut tally = Tally::default();
    // An answer of a version ends those before it, too.
    let mut seen = 0;
    let mut turn = 0;
    while !versions.stop.load(Ordering::SeqCst) {
        let oldest = versions.acknowledged.load(Ordering::SeqCst).max(seen);
        let asked = (oldest + turn % 3).saturating_sub(1);
        turn += 1;
        let found = world.ask(&format!("/v{asked}"), None).await;
        let newest = versions.begun.load(Ordering::SeqCst);
        let (count, is_right) = if asked < oldest {
            (&mut tally.gone, found == "no_route")
        } else if asked > newest {
            (&mut tally.coming, found == "no_route")
        } else if oldest == newest {
            (&mut tally.live, found == "allowed")
        } else {
            (&mut tally.either, matches!(found, "allowed" | "no_route"))
        };
        *count += 1;
        if !is_right {
            tally.wrong.push(format!("/v{asked} while {oldest} to {newest} may answer: {found}"));
        }
        if found == "allowed" {
            seen = seen.max(asked);
        }
        versions.answers.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_reload_is_acknowledged_no_old_answer_is_given_and_none_is_lost() {
    let world = Arc::new(World::serve(&opening("/v0")));
    let versions = Arc::new(Versions::default());
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (world, versions) = (Arc::clone(&world), Arc::clone(&versions));
        load.spawn(async move { asks(&world, &versions).await });
    }
    for round in 1..=ROUNDS {
        versions.begun.store(round, Ordering::SeqCst);
        replace(&world.path("policy.yaml"), &opening(&format!("/v{round}")));
        world.runtime.reload().await.expect("a valid policy");
        versions.acknowledged.store(round, Ordering::SeqCst);
        let enough = versions.answers.load(Ordering::SeqCst) + 100;
        let answered = async || versions.answers.load(Ordering::SeqCst) >= enough;
        until(answered, || "answers by the new version".to_owned()).await;
    }
    // Whatever is asked for at once is done together.
    let all: Vec<_> = (0..50).map(|_| world.runtime.reload()).collect();
    for reload in all {
        reload.await.expect("a valid policy");
    }
    fs::write(world.path("policy.yaml"), "version: 1\nrutes: []\n").expect("a file");
    assert!(matches!(world.runtime.reload().await, Err(ReloadFailure::Invalid(_))));
    versions.stop.store(true, Ordering::SeqCst);
    let mut tally = Tally::default();
    while let Some(one) = load.join_next().await {
        tally += one.expect("requests");
    }
    assert_eq!(tally.wrong, Vec::<String>::new());
    let Tally { live, gone, coming, either, .. } = tally;
    assert!(live > 0 && gone > 0 && coming > 0, "{live}, {gone}, {coming}");
    world.saw(
        20,
        format_args!(
            "{ROUNDS} reloads one after the other and 50 at once: {live} by the live version, {gone} refused what only \
             an old one opened, {coming} what only the next one opens, {either} in an exchange; 0 wrong, 0 lost"
        ),
    );
}
