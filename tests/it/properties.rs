//! Invariants of decisions that one can say in a sentence, over random policies, requests, tokens, keys and moments.
//! `docs/security.md` says which they are.

use std::sync::Arc;

use portcullis::engine::Snapshot;
use portcullis::policy::compile;
use portcullis::token::cache::CacheSettings;
use serde_json::{Value, json};

use crate::model::compare::{compiled, decided, snapshots, sources, trust};
use crate::model::generate::{self, World};
use crate::model::random::Random;
use crate::model::reference::Answer;
use crate::model::seed;
use crate::model::target::Sent;
use crate::model::token::{Held, Keys};

/// Policies in every test, and requests for each.
const POLICIES: usize = 60;
const REQUESTS: usize = 40;

/// A random policy with its keys.
struct Setting {
    world: World,
    snapshots: Vec<Snapshot>,
}

impl Setting {
    /// The set with something changed, if it still is a policy. Its keys are all there.
    fn changed(&self, change: impl FnOnce(&mut Value)) -> Option<Snapshot> {
        let mut set = self.world.set.clone();
        set["version"] = 1.into();
        change(&mut set);
        let policy = Arc::new(compile(&sources(&[set.to_string()])).ok()?);
        let trust = trust(&policy, &self.world.keys[0], self.snapshots[0].trust.cache());
        Some(Snapshot { policy, trust })
    }

    fn with_keys(&self, keys: &Keys) -> Snapshot {
        let policy = Arc::clone(&self.snapshots[0].policy);
        let cache = Arc::new(portcullis::token::cache::TokenCache::new(CacheSettings::default()));
        Snapshot { trust: trust(&policy, keys, &cache), policy }
    }
}

fn is_allowed(answer: &Answer) -> bool {
    matches!(answer.reason, "allowed" | "preflight")
}

/// Shows many requests, each with a moment and what is decided of it.
fn everywhere(see: impl FnMut(&Setting, &Sent, i64, &Answer, &mut Random)) {
    everywhere_in(|_, _| {}, see);
}

/// The same in worlds that are changed before.
fn everywhere_in(
    change: impl Fn(&mut World, &mut Random),
    mut see: impl FnMut(&Setting, &Sent, i64, &Answer, &mut Random),
) {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut policies = 0;
    while policies < POLICIES {
        let mut world = World::new(&mut random);
        change(&mut world, &mut random);
        let Some((policy, _)) = compiled(&mut world, &mut random) else { continue };
        policies += 1;
        let snapshots = snapshots(&Arc::new(policy), &world, CacheSettings::default());
        let setting = Setting { world, snapshots };
        for _ in 0..REQUESTS {
            let sent = generate::request(&setting.world, &mut random);
            let now = generate::moment(&mut random);
            let answer = decided(&setting.snapshots[0], &sent, now);
            see(&setting, &sent, now, &answer, &mut random);
        }
    }
}

#[test]
fn without_routes_nobody_gets_in() {
    let mut count = 0;
    everywhere(|setting, sent, now, answer, random| {
        // Compiling takes longer than deciding: what was allowed is worth it, now and then.
        if is_allowed(answer) && random.chance(20) {
            let remove =
                |set: &mut Value| set["routes"] = json!([{ "match": "/never/met", "allow": "nobody" }]);
            let bare = setting.changed(remove).expect("a policy");
            assert!(!is_allowed(&decided(&bare, sent, now)), "{sent:?}\n{}", setting.world.set);
            count += 1;
        }
    });
    assert!(count > 30, "only {count} requests");
}

#[test]
fn a_route_that_goes_opens_nothing_but_what_it_had_taken_from_a_wider_one() {
    let (mut count, mut opened) = (0, 0);
    everywhere(|setting, sent, now, answer, random| {
        if is_allowed(answer) || !random.chance(15) {
            return;
        }
        let routes = setting.world.set["routes"].as_array().expect("routes");
        // Every other time the one that decided.
        let won = |route: &Value| route["name"].as_str() == answer.route.as_deref();
        let winner = routes.iter().position(won).filter(|_| random.chance(50));
        let gone = winner.unwrap_or_else(|| random.below(routes.len()));
        let name = routes[gone]["name"].as_str().expect("a name").to_owned();
        let remove = |set: &mut Value| {
            set["routes"].as_array_mut().expect("routes").remove(gone);
        };
        let Some(less) = setting.changed(remove) else { return };
        count += 1;
        if is_allowed(&decided(&less, sent, now)) {
            opened += 1;
            // Preflights ask for the route of another method.
            let is_preflight = sent.method == "OPTIONS";
            // What a route admits of a path is read by the door for all routes.
            let opts_out = routes[gone].get("paths").is_some();
            assert!(
                answer.route.as_deref() == Some(&*name) || is_preflight || opts_out,
                "{name} is gone, and {sent:?} is allowed; it was {answer:?}\n{}",
                setting.world.set
            );
        }
    });
    assert!(count > 100 && opened > 0, "{count} requests, {opened} of them opened");
}

/// Whether a fence refused that is there for those without a token.
fn is_fenced_as_nobody(set: &Value, answer: &Answer) -> bool {
    let Some(name) = answer.rule.strip_prefix("forbid ") else { return false };
    let fences = set["forbid"].as_array().expect("fences");
    let fence = fences.iter().find(|fence| fence["name"] == name).expect("the fence");
    fence["match"].to_string().contains(r#""token":"absent""#)
}

#[test]
fn keys_that_go_open_nothing_that_is_not_open_without_a_token() {
    let (mut count, mut still, mut exempted) = (0, 0, 0);
    everywhere(|setting, sent, now, answer, _| {
        let never: Keys = setting.world.keys[0]
            .iter()
            .map(|(name, (keys, _))| (name.clone(), (keys.clone(), Held::Never)))
            .collect();
        let without_keys = decided(&setting.with_keys(&never), sent, now);
        count += 1;
        if is_allowed(&without_keys) {
            still += 1;
            assert_eq!(without_keys.subject, None, "{sent:?}: nobody was verified");
            // Whoever is let in so was let in before, or would be as nobody in particular.
            let mut anonymous = sent.clone();
            anonymous.headers.retain(|(name, _)| !matches!(&**name, "authorization" | "x-token" | "cookie"));
            let (path, query) = anonymous.target.split_once('?').unwrap_or((&anonymous.target, ""));
            let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("t=")).collect();
            anonymous.target = format!("{path}?{}", kept.join("&"));
            let as_nobody = decided(&setting.snapshots[0], &anonymous, now);
            let is_kept_in = !is_allowed(answer) && is_fenced_as_nobody(&setting.world.set, &as_nobody);
            exempted += usize::from(is_kept_in);
            assert!(
                is_allowed(answer) || is_allowed(&as_nobody) || is_kept_in,
                "{sent:?} was {answer:?}, and is {without_keys:?} without keys\n{}",
                setting.world.set
            );
        }
    });
    assert!(count > 1000 && still > 100, "{count} requests, {still} of them open without keys");
    assert!(exempted * 20 < still, "{exempted} of {still} were not looked at");
}

#[test]
fn case_port_and_a_trailing_dot_of_the_host_change_nothing() {
    everywhere(|setting, sent, now, answer, _| {
        if sent.host.is_empty() || sent.host.contains([':', ' ', '@']) || sent.host.ends_with('.') {
            return;
        }
        for host in [sent.host.to_ascii_uppercase(), format!("{}:443", sent.host), format!("{}.", sent.host)]
        {
            let other = Sent { host, ..sent.clone() };
            assert_eq!(
                &decided(&setting.snapshots[0], &other, now),
                answer,
                "{other:?}\n{}",
                setting.world.set
            );
        }
    });
}

/// Headers by which a client may try to be taken for another, or for asking something else.
const STRANGE: [(&str, &str); 14] = [
    ("x-forwarded-host", "{host}"),
    ("x-forwarded-uri", "/admin"),
    ("x-forwarded-method", "DELETE"),
    ("x-forwarded-proto", "https"),
    ("x-original-url", "/admin"),
    ("x-rewrite-url", "/admin"),
    ("x-envoy-original-path", "/admin"),
    ("forwarded", "for=10.0.0.1;host=\"{host}\""),
    ("x-auth-role", "r1"),
    ("x_auth_role", "r1"),
    ("connection", "x-a"),
    ("user-agent", "kube-probe/1.30"),
    ("proxy-authorization", "Bearer x"),
    ("host", "two.test"),
];

#[test]
fn headers_that_no_rule_names_change_nothing() {
    everywhere(|setting, sent, now, answer, random| {
        let mut more = sent.clone();
        for (name, value) in STRANGE {
            if random.chance(50) {
                // One that names another host is refused.
                more.headers.push((name.to_owned(), value.replace("{host}", &sent.host)));
            }
        }
        random.shuffle(&mut more.headers[sent.headers.len()..]);
        assert_eq!(&decided(&setting.snapshots[0], &more, now), answer, "{more:?}\n{}", setting.world.set);
    });
}

/// Opts out of what makes a path readable in several ways.
fn opt_out(world: &mut World, random: &mut Random) {
    let mut paths = json!({ "encoded_slashes": "segment", "semicolons": "literal" });
    if random.chance(30) {
        paths["empty_segments"] = "merge".into();
    }
    world.set["paths"] = paths;
}

/// The same request with slashes escaped, and parameters behind names.
fn spelt_otherwise(sent: &Sent, random: &mut Random) -> Sent {
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    let mut spelt = String::new();
    for (index, segment) in path.split('/').skip(1).enumerate() {
        let slash = if index > 0 && random.chance(25) { random.pick(&["%2F", "%2f"]) } else { "/" };
        let parameter = if random.chance(25) { random.pick(&[";v=1", ";", "%3Bx", ";a%2Fb"]) } else { "" };
        spelt = format!("{spelt}{slash}{segment}{parameter}");
    }
    let target = if query.is_empty() { spelt } else { format!("{spelt}?{query}") };
    Sent { target, ..sent.clone() }
}

/// Ways in which somebody behind us may read a target: parameters cut off, escapes undone, escaped slashes split,
/// and what is empty then left out.
fn other_readings(target: &str) -> Vec<String> {
    let (path, query) =
        target.split_once('?').map_or((target, String::new()), |(path, query)| (path, format!("?{query}")));
    let cut = |path: &str| {
        let names = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
        let names = names.filter(|name| !name.is_empty());
        names.fold(String::new(), |path, name| format!("{path}/{name}"))
    };
    let path = path.replace("%3B", ";");
    let split = path.replace("%2F", "/").replace("%2f", "/");
    let decoded = path.replace("%61", "a");
    [cut(&path), split.clone(), cut(&split), decoded.clone(), format!("{}/", decoded.trim_end_matches('/'))]
        .into_iter()
        .map(|path| format!("{}{query}", if path.is_empty() { "/" } else { &path }))
        .collect()
}

#[test]
fn no_reading_of_an_allowed_path_lies_behind_a_fence() {
    let mut count = 0;
    everywhere_in(opt_out, |setting, sent, now, _, random| {
        let snapshot = &setting.snapshots[0];
        let has_fences = setting.world.set.get("forbid").is_some();
        for sent in [(); 4].map(|()| spelt_otherwise(sent, random)) {
            if decided(snapshot, &sent, now).reason != "allowed" {
                continue;
            }
            let path = sent.target.split('?').next().expect("a path");
            let is_ambiguous = [";", "%3B", "%2F", "%2f"].iter().any(|sign| path.contains(sign));
            for target in other_readings(&sent.target) {
                count += usize::from(target != sent.target && is_ambiguous && has_fences);
                let other = Sent { target, ..sent.clone() };
                let found = decided(snapshot, &other, now);
                // A token that only a matching fence looks for, and that is bad, is the fence's to refuse, too.
                assert!(
                    !found.rule.starts_with("forbid"),
                    "{sent:?} is allowed, and read as {} it is {found:?}\n{}",
                    other.target,
                    setting.world.set
                );
            }
        }
    });
    assert!(count > 400, "only {count} readings that somebody else has");
}
