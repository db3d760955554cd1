//! One side and the other: a random set compiled, and what the engine decides in the words of the reference.

use std::sync::Arc;

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

use super::generate::World;
use super::random::Random;
use super::reference::{Answer, REASONS, Set};
use super::target::Sent;
use super::token::{Held, Key, Keys};

pub fn sources(files: &[String]) -> Vec<SourceFile> {
    let file = |(index, text): (usize, &String)| SourceFile {
        name: format!("{index}.yaml").into(),
        text: text.as_str().into(),
    };
    files.iter().enumerate().map(file).collect()
}

/// Compiles a random set; routes that overlap are taken out until none does, and each time it is looked whether
/// the request that is shown is really one that both would match.
pub fn compiled(world: &mut World, random: &mut Random) -> Option<(Policy, Vec<String>)> {
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
pub fn trust(policy: &Policy, keys: &Keys, cache: &Arc<TokenCache>) -> Trust {
    let source = |issuer: &str| {
        let (known, held) = &keys[issuer];
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
        let fetched_at = match held {
            Held::Fetched(then) => Some(UnixTime::from_seconds(*then)),
            Held::Local | Held::Never => None,
        };
        let set = (*held != Held::Never).then(|| Arc::new(set));
        vec![SourceKeys { set, fetched_at, remote }]
    };
    let sources = policy.issuers.iter().map(|issuer| source(&issuer.name)).collect();
    Trust::new(policy.issuers.clone(), sources, Arc::clone(cache))
}

/// What the engine decides, in the words of the reference.
pub fn decided(snapshot: &Snapshot, sent: &Sent, now: i64) -> Answer {
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
        Ok(request) => engine::authorize(snapshot, request, UnixTime::from_seconds(now), Attempt::Final)
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

/// Snapshots of one policy, one for each state of its keys, with a memory that they share.
pub fn snapshots(policy: &Arc<Policy>, world: &World, settings: CacheSettings) -> Vec<Snapshot> {
    let cache = Arc::new(TokenCache::new(settings));
    let snapshot = |keys| Snapshot { policy: Arc::clone(policy), trust: trust(policy, keys, &cache) };
    world.keys.iter().map(snapshot).collect()
}

fn shown(problems: &Diagnostics) -> String {
    let line = |problem: &portcullis::policy::diagnostic::Diagnostic| {
        format!("{} {} {:?}", problem.code, problem.message, problem.at)
    };
    problems.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
