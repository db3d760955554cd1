//! The engine against a plain one that shares nothing with it: random policies, requests, tokens and keys, and
//! the same answer every time, whatever the order in which a policy is written.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    dead_code,
    reason = "the reference is written as plainly as the page it is read from, not as the engine would be"
)]

pub mod compare;
mod explains;
pub mod generate;
pub mod random;
pub mod reference;
mod shrink;
pub mod target;
pub mod token;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::policy::diagnostic::Diagnostics;
use portcullis::policy::{Policy, compile};
use portcullis::token::cache::CacheSettings;

use super::policy::shown;
use compare::{compiled, decided, snapshots, sources};
use generate::{NOW, World};
use random::Random;
use reference::{Answer, REASONS, Set};
use shrink::smallest;
use target::Sent;

/// Pairs of a policy and a request in every run; `PORTCULLIS_PAIRS` asks for another number.
const PAIRS: usize = 100_000;
/// With fewer pairs than this, not every reason need have occurred.
const ENOUGH: usize = 50_000;
/// Requests for each policy.
const REQUESTS: usize = 150;

/// What only the edge says.
const OF_THE_EDGE: [&str; 3] = ["policy_unavailable", "overloaded", "internal_error"];

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// A seed of one's own, or one that is printed.
pub fn seed() -> u64 {
    let seed = number("PORTCULLIS_SEED").unwrap_or_else(|| {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        elapsed.as_secs() ^ u64::from(elapsed.subsec_nanos()) << 32
    });
    println!("PORTCULLIS_SEED={seed}");
    seed
}

/// One request at one moment, and what the reference says of it.
struct Judged {
    sent: Sent,
    keys: usize,
    now: i64,
    wanted: Answer,
}

/// Several threads ask the same again, each in its own order, with one small memory for all of them.
fn ask_again_at_once(policy: &Arc<Policy>, world: &World, judged: &[Judged], seed: u64, random: &mut Random) {
    let settings =
        CacheSettings { max_bytes: 16 << 10, max_age: Duration::from_secs(3), ..CacheSettings::default() };
    let snapshots = snapshots(policy, world, settings);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut order: Vec<&Judged> = judged.iter().collect();
            random.shuffle(&mut order);
            let snapshots = &snapshots;
            scope.spawn(move || {
                for one in order {
                    let found = decided(&snapshots[one.keys], &one.sent, one.now);
                    assert_eq!(found, one.wanted, "PORTCULLIS_SEED={seed}: by several threads");
                }
            });
        }
    });
}

#[test]
fn the_engine_decides_as_the_reference_does() {
    let seed = seed();
    let wanted_pairs = number("PORTCULLIS_PAIRS").map_or(PAIRS, |pairs| usize::try_from(pairs).expect("few"));
    let mut random = Random::new(seed);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut pairs, mut allows) = (0, 0);
    while pairs < wanted_pairs {
        let mut world = World::new(&mut random);
        let Some((policy, files)) = compiled(&mut world, &mut random) else { continue };
        let reference = Set::read(&files);
        let policy = Arc::new(policy);
        // The same in another order.
        let other = Arc::new(compile(&sources(&world.files(&mut random))).expect("the same set"));
        let cache = CacheSettings { max_bytes: 1 << 20, ..CacheSettings::default() };
        let snapshots_with_memory = snapshots(&policy, &world, cache);
        let forgetful =
            snapshots(&other, &world, CacheSettings { enabled: false, ..CacheSettings::default() });
        let forgetful_of_this_order =
            snapshots(&policy, &world, CacheSettings { enabled: false, ..CacheSettings::default() });
        let mut judged = Vec::new();
        for _ in 0..REQUESTS {
            let sent = generate::request(&world, &mut random);
            let keys = if random.chance(85) { 0 } else { 1 + random.below(2) };
            let now = generate::moment(&mut random);
            let wanted = reference.decide(&sent, &world.keys[keys], now);
            let found = decided(&snapshots_with_memory[keys], &sent, now);
            if found != wanted {
                let keys = &world.keys[keys];
                let (set, sent, small_found, small_wanted) = smallest(&world, keys, &sent, now);
                panic!(
                    "PORTCULLIS_SEED={seed}, pair {pairs}, at {}\nengine    {found:?}\nreference {wanted:?}\n\
                     smallest:\n{set}\n{sent:?}\n{:?}\nengine    {small_found:?}\nreference {small_wanted:?}",
                    now - NOW,
                    keys.iter().map(|(name, (_, held))| (name, held)).collect::<Vec<_>>()
                );
            }
            if random.chance(25) {
                assert_eq!(
                    decided(&forgetful[keys], &sent, now),
                    wanted,
                    "PORTCULLIS_SEED={seed}: written in another order"
                );
            }
            if random.chance(3) {
                explains::agrees(&forgetful_of_this_order[keys], &sent, now, &wanted);
            }
            *seen.entry(wanted.reason).or_default() += 1;
            allows += usize::from(matches!(wanted.reason, "allowed" | "preflight"));
            pairs += 1;
            judged.push(Judged { sent, keys, now, wanted });
        }
        if random.chance(25) {
            ask_again_at_once(&policy, &world, &judged, seed, &mut random);
        }
    }
    println!("{pairs} pairs, {allows} allowed: {seen:?}");
    assert!(allows * 5 >= pairs, "only {allows} of {pairs} are allowed");
    let wanted: BTreeSet<&str> = REASONS.into_iter().chain(["allowed", "preflight"]).collect();
    let missing: Vec<&&str> = wanted
        .iter()
        .filter(|reason| !seen.contains_key(**reason) && !OF_THE_EDGE.contains(reason))
        .collect();
    assert!(missing.is_empty() || pairs < ENOUGH, "never seen: {missing:?}");
}

#[test]
fn a_problem_of_a_random_set_is_a_known_one() {
    let mut random = Random::new(seed());
    for _ in 0..200 {
        let mut world = World::new(&mut random);
        // Every problem that occurs is looked at on the way.
        if let Some((policy, _)) = compiled(&mut world, &mut random) {
            let problems = Diagnostics { problems: policy.warnings };
            for problem in &problems.problems {
                assert_eq!(super::diagnostics::ill_said(problem), None, "{}", shown(&problems));
            }
        }
    }
}
