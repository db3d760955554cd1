//! Any text as a condition.

use std::sync::Arc;

use portcullis::decision::Decision;
use portcullis::engine::{self, Snapshot};
use portcullis::policy::compile;
use portcullis::policy::condition::{Condition, Facts};
use portcullis::policy::diagnostic::{At, Diagnostics, SourceFile, Spanned};
use portcullis::policy::tri::Tri;
use portcullis::request::{Headers, Incoming};
use portcullis::token::Attempt;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::keys::KeySet;
use portcullis::token::settings::{Algorithm, Encoding};
use portcullis::token::trust::{SourceKeys, Trust};
use serde_json::json;

use super::{NOW, SECRET, good_tokens, incoming};

/// It compiles or not; judging it ends, and what is made of it by `!`, `&&` and `||` follows Kleene's tables.
pub fn condition(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    if source.len() > 4096 {
        return;
    }
    let Some(snapshot) = asking(source) else { return };
    let laws = laws(source);
    let bearers: Vec<String> = good_tokens().iter().map(|token| format!("Bearer {token}")).collect();
    for bearer in [None, Some(&bearers[0]), Some(&bearers[1])] {
        let headers = bearer.map(|bearer| ("authorization", bearer.as_bytes()));
        let headers = Headers::new(headers.into_iter().chain([("x-a", b"1".as_slice())]));
        let incoming = Incoming { headers, ..incoming("GET", "a.example", "/a/7?q=1&q=2") };
        let request = engine::read(&snapshot, &incoming).expect("well formed");
        let judge = || engine::authorize(&snapshot, &request, NOW, Attempt::Final).expect("final");
        let judgement = judge();
        assert_eq!(judgement.decision, judge().decision, "{source}");
        let facts = Facts {
            request: &request,
            captures: &judgement.captures,
            caller: judgement.caller.as_deref().map(|caller| (caller, "auth")),
            guards: &snapshot.policy.guards,
            client_address: None,
            now: NOW,
        };
        let own = compiled(source).expect("it compiled").evaluate(&facts);
        let is_allowed = matches!(judgement.decision, Decision::Allow(_));
        assert!(!is_allowed || own == Tri::Yes, "{source} is {own:?}, and opens");
        for (made, condition, expected) in &laws {
            assert_eq!(condition.evaluate(&facts), expected(own), "{made}, where {source} is {own:?}");
        }
    }
}

/// What a condition made of another is, by what that is.
type Table = fn(Tri) -> Tri;
/// The condition made, and its table.
type Law = (String, Condition, Table);

fn laws(source: &str) -> Vec<Law> {
    // A comment would go on to the end of the line.
    let inner = format!("({source}\n)");
    let not = |own| match own {
        Tri::Yes => Tri::No,
        Tri::No => Tri::Yes,
        Tri::Unknown => Tri::Unknown,
    };
    let made: [(String, Table); 6] = [
        (inner.clone(), |own| own),
        (format!("!{inner}"), not),
        (format!("{inner} && true"), |own| own),
        (format!("true && {inner}"), |own| own),
        (format!("{inner} || false"), |own| own),
        (format!("false || {inner}"), |own| own),
    ];
    let law = |(made, expected): (String, Table)| match compiled(&made) {
        Ok(condition) => Some((made, condition, expected)),
        Err(problem) => {
            let is_too_much = problem.contains("over 4 KiB") || problem.contains("nested too deeply");
            assert!(is_too_much, "{source:?} is a condition, and {made:?} is none: {problem}");
            None
        }
    };
    made.into_iter().filter_map(law).collect()
}

fn compiled(source: &str) -> Result<Condition, String> {
    let mut problems = Diagnostics::default();
    let written = Spanned { value: source.into(), at: At::default() };
    let condition = Condition::compile(&written, &["id".into()], &mut problems);
    condition.ok_or_else(|| problems.problems.iter().map(|problem| problem.message.as_str()).collect())
}

/// A policy with one route that asks for the condition.
fn asking(source: &str) -> Option<Snapshot> {
    let rule = json!({ "match": "/a/{id}", "token": "optional", "require": { "when": source } });
    let issuer = json!({ "issuer": "https://auth.example", "audiences": ["crm"], "algorithms": ["HS256"],
        "keys": { "secret_env": "S" } });
    let set = json!({ "version": 1, "issuers": { "auth": issuer }, "routes": [rule] });
    let file = SourceFile { name: "policy.yaml".into(), text: set.to_string().into() };
    let policy = Arc::new(compile(&[file]).ok()?);
    let secret = KeySet::from_secret(SECRET, Encoding::Raw, &[Algorithm::Hs256]).expect("a secret");
    let keys = vec![vec![SourceKeys { set: Some(Arc::new(secret)), fetched_at: None, remote: false }]];
    let cache = Arc::new(TokenCache::new(CacheSettings::default()));
    Some(Snapshot { trust: Trust::new(policy.issuers.clone(), keys, cache), policy })
}
