//! The engine against a plain one that shares nothing with it: random policies, requests, tokens and keys, and
//! the same answer every time, whatever the order in which a policy is written.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::as_conversions,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "the reference is written as plainly as the page it is read from, not as the engine would be"
)]

mod generate;
mod random;
mod reference;
mod target;
mod token;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use portcullis::decision::{Decision, Rule};
use portcullis::engine::{self, Snapshot};
use portcullis::policy::diagnostic::{Diagnostics, SourceFile, codes};
use portcullis::policy::{Policy, compile};
use portcullis::request::{Headers, Incoming, Source};
use portcullis::time::UnixTime;
use portcullis::token::Attempt;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use portcullis::token::trust::{SourceKeys, Trust};
use serde_json::{Value, json};

use super::policy::shown;
use generate::{NOW, World};
use random::Random;
use reference::{Answer, REASONS, Set};
use target::Sent;
use token::{Availability, Key, Keys};

/// Pairs of a policy and a request in every run.
const PAIRS: usize = 100_000;
/// Requests for each policy.
const REQUESTS: usize = 150;

/// What only the edge says.
const OF_THE_EDGE: [&str; 3] = ["policy_unavailable", "overloaded", "internal_error"];

/// A seed of one's own, or one that is printed.
fn seed() -> u64 {
    let given = env::var("PORTCULLIS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        elapsed.as_secs() ^ u64::from(elapsed.subsec_nanos()) << 32
    });
    println!("PORTCULLIS_SEED={seed}");
    seed
}

fn sources(files: &[String]) -> Vec<SourceFile> {
    let file = |(index, text): (usize, &String)| SourceFile {
        name: format!("{index}.yaml").into(),
        text: text.as_str().into(),
    };
    files.iter().enumerate().map(file).collect()
}

/// Compiles a random set; routes that overlap are taken out until none does, and each time it is looked whether
/// the request that is shown is really one that both would match.
fn compiled(world: &mut World, random: &mut Random) -> Option<(Policy, Vec<String>)> {
    for _ in 0..40 {
        let files = world.files(random);
        let problems = match compile(&sources(&files)) {
            Ok(policy) => return Some((policy, files)),
            Err(problems) => problems,
        };
        let known = [codes::ROUTES_OVERLAP, codes::REGEX_BEATEN, codes::HOLE_TOO_WIDE, codes::GUARD_MISSING];
        for problem in &problems.problems {
            assert!(known.contains(&problem.code), "{}\n{}", shown(&problems), files.join("\n"));
            check_overlap(&problem.message, &files);
        }
        let at = problems.problems[0].at.expect("a place");
        let file = usize::try_from(at.file).expect("few files");
        remove_rule_at(world, &files[file], usize::try_from(at.start).expect("a small file"));
    }
    None
}

/// `two routes of equal rank match `GET https://host.example/a``: they do, to the reference, too.
fn check_overlap(message: &str, files: &[String]) {
    let Some(example) = message.strip_prefix("two routes of equal rank match `") else { return };
    let (method, url) =
        example.strip_suffix('`').and_then(|example| example.split_once(' ')).expect("an example");
    let rest = url.strip_prefix("https://").expect("a URL");
    let slash = rest.find('/').expect("a path");
    let (host, path) = rest.split_at(slash);
    let sent = Sent {
        method: method.to_owned(),
        host: host.to_owned(),
        target: path.to_owned(),
        headers: Vec::new(),
        address: None,
        principal: String::new(),
    };
    let count = Set::read(files).routes_of_equal_rank(&sent);
    assert!(count >= 2, "{message}: {count} routes of equal rank\n{}", files.join("\n"));
}

/// Takes out the rule in which a problem stands.
fn remove_rule_at(world: &mut World, file: &str, start: usize) {
    let mut remove = |section: &str| {
        let rules = world.set.get_mut(section).and_then(Value::as_array_mut);
        let Some(rules) = rules else { return };
        let found = rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| {
                file.find(&rule.to_string()).map(|at| (index, at, at + rule.to_string().len()))
            })
            .find(|(_, at, end)| (*at..*end).contains(&start));
        if let Some((index, ..)) = found {
            rules.remove(index);
        }
    };
    remove("routes");
    remove("forbid");
    for section in ["routes", "forbid"] {
        if world.set.get(section).is_some_and(|rules| rules.as_array().is_some_and(Vec::is_empty)) {
            world.set.as_object_mut().expect("a map").remove(section);
        }
    }
}

/// The keys of a state, as the engine takes them.
fn trust(policy: &Policy, keys: &Keys, cache: &Arc<TokenCache>) -> Trust {
    let now = UnixTime::from_seconds(NOW);
    let source = |issuer: &str| {
        let (known, availability) = &keys[issuer];
        let set = match &known[0] {
            Key::Secret(secret) => {
                KeySet::from_secret(secret, Encoding::Raw, &[Algorithm::Hs256]).expect("a secret")
            }
            Key::Ed25519 { kid, public } => {
                use base64::Engine;
                let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(public);
                let jwks =
                    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x, "use": "sig" }] });
                KeySet::from_jwks(jwks.to_string().as_bytes()).expect("a key set")
            }
        };
        let remote = matches!(known[0], Key::Ed25519 { .. });
        let fetched_at = match availability {
            Availability::Fresh => Some(now),
            Availability::Old => Some(UnixTime::from_seconds(NOW - 3600)),
            Availability::Stale => Some(UnixTime::from_seconds(NOW - 3 * 86_400)),
            Availability::Absent => None,
        };
        let set = (*availability != Availability::Absent).then(|| Arc::new(set));
        vec![SourceKeys { set, fetched_at: fetched_at.filter(|_| remote), remote }]
    };
    let sources = policy.issuers.iter().map(|issuer| source(&issuer.name)).collect();
    Trust::new(policy.issuers.clone(), sources, Arc::clone(cache))
}

/// What the engine decides, in the words of the reference.
fn decided(snapshot: &Snapshot, sent: &Sent) -> Answer {
    let incoming = Incoming {
        method: &sent.method,
        host: &sent.host,
        target: &sent.target,
        headers: Headers::new(sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))),
        source: Source { address: sent.address, principal: &sent.principal },
    };
    let label = |decision: &Decision| {
        let label = decision.reason_label();
        ["allowed", "preflight"]
            .into_iter()
            .chain(REASONS)
            .find(|known| *known == label)
            .expect("a known reason")
    };
    let rule = |rule: Rule| {
        let name = snapshot.policy.rule(rule).map(|meta| meta.name.to_string()).unwrap_or_default();
        match rule {
            Rule::None => String::new(),
            Rule::Route(_) => format!("route {name}"),
            Rule::Forbid(_) => format!("forbid {name}"),
        }
    };
    let read = engine::read(snapshot, &incoming);
    let judgement = match &read {
        Ok(request) => engine::authorize(snapshot, request, UnixTime::from_seconds(NOW), Attempt::Final)
            .expect("a final attempt needs nothing"),
        Err(denial) => engine::refused(denial.clone()),
    };
    Answer {
        reason: label(&judgement.decision),
        route: judgement
            .route
            .and_then(|id| snapshot.policy.route(id))
            .map(|route| route.meta.name.to_string()),
        rule: rule(judgement.decision.rule()),
        guard: judgement.guard.to_owned(),
        subject: judgement.caller.as_ref().and_then(|caller| caller.subject.as_deref().map(str::to_owned)),
        shadows: judgement
            .shadows
            .iter()
            .map(|shadow| format!("{}: {}", rule(shadow.rule), label(&shadow.decision)))
            .collect(),
    }
}

/// The smallest set, and the smallest request, for which the two still differ.
fn smallest(world: &mut World, keys: &Keys, sent: &Sent) -> (String, Sent, Answer, Answer) {
    let judge = |set: &Value, sent: &Sent| -> Option<(Answer, Answer)> {
        let mut set = set.clone();
        set.as_object_mut()?.insert("version".into(), 1.into());
        let files = vec![set.to_string()];
        let policy = Arc::new(compile(&sources(&files)).ok()?);
        let cache = Arc::new(TokenCache::new(CacheSettings::default()));
        let snapshot = Snapshot { trust: trust(&policy, keys, &cache), policy };
        let (found, wanted) = (decided(&snapshot, sent), Set::read(&files).decide(sent, keys, NOW));
        (found != wanted).then_some((found, wanted))
    };
    let (mut set, mut sent) = (world.set.clone(), sent.clone());
    let mut is_smaller = true;
    while is_smaller {
        is_smaller = false;
        for section in ["routes", "forbid"] {
            let count = set.get(section).and_then(Value::as_array).map_or(0, Vec::len);
            for index in (0..count).rev() {
                let mut less = set.clone();
                let rules = less[section].as_array_mut().expect("a list");
                rules.remove(index);
                if rules.is_empty() {
                    less.as_object_mut().expect("a map").remove(section);
                }
                if judge(&less, &sent).is_some() {
                    set = less;
                    is_smaller = true;
                    break;
                }
            }
        }
        for index in (0..sent.headers.len()).rev() {
            let mut less = sent.clone();
            less.headers.remove(index);
            if judge(&set, &less).is_some() {
                sent = less;
                is_smaller = true;
            }
        }
    }
    let (found, wanted) = judge(&set, &sent).unwrap_or_else(|| {
        let nothing =
            Set::read(&[json!({ "version": 1, "routes": [] }).to_string()]).decide(&sent, keys, NOW);
        (nothing.clone(), nothing)
    });
    (format!("{set:#}"), sent, found, wanted)
}

#[test]
fn the_engine_decides_as_the_reference_does() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut pairs, mut allows) = (0, 0);
    while pairs < PAIRS {
        let mut world = World::new(&mut random);
        let Some((policy, files)) = compiled(&mut world, &mut random) else { continue };
        let reference = Set::read(&files);
        let policy = Arc::new(policy);
        // The same in another order.
        let other = Arc::new(compile(&sources(&world.files(&mut random))).expect("the same set"));
        let cache =
            Arc::new(TokenCache::new(CacheSettings { max_bytes: 1 << 20, ..CacheSettings::default() }));
        for _ in 0..REQUESTS {
            let sent = generate::request(&world, &mut random);
            let keys = world.keys[if random.chance(85) { 0 } else { 1 + random.below(2) }].clone();
            let snapshot = Snapshot { policy: Arc::clone(&policy), trust: trust(&policy, &keys, &cache) };
            let wanted = reference.decide(&sent, &keys, NOW);
            let found = decided(&snapshot, &sent);
            if found != wanted {
                let (set, sent, small_found, small_wanted) = smallest(&mut world, &keys, &sent);
                panic!(
                    "PORTCULLIS_SEED={seed}, pair {pairs}\nengine    {found:?}\nreference {wanted:?}\n\
                     smallest:\n{set}\n{sent:?}\n{:?}\nengine    {small_found:?}\nreference {small_wanted:?}",
                    keys.iter().map(|(name, (_, availability))| (name, availability)).collect::<Vec<_>>()
                );
            }
            if random.chance(25) {
                let fresh =
                    Arc::new(TokenCache::new(CacheSettings { enabled: false, ..CacheSettings::default() }));
                let snapshot = Snapshot { policy: Arc::clone(&other), trust: trust(&other, &keys, &fresh) };
                assert_eq!(
                    decided(&snapshot, &sent),
                    wanted,
                    "PORTCULLIS_SEED={seed}: written in another order"
                );
            }
            *seen.entry(wanted.reason).or_default() += 1;
            allows += usize::from(matches!(wanted.reason, "allowed" | "preflight"));
            pairs += 1;
        }
    }
    println!("{pairs} pairs, {allows} allowed: {seen:?}");
    assert!(allows * 5 >= pairs, "only {allows} of {pairs} are allowed");
    let wanted: BTreeSet<&str> = REASONS.into_iter().chain(["allowed", "preflight"]).collect();
    let missing: Vec<&&str> = wanted
        .iter()
        .filter(|reason| !seen.contains_key(**reason) && !OF_THE_EDGE.contains(reason))
        .collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
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
