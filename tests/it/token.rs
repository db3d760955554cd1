//! The verifier, held to a written table: which token is refused for which reason.

mod cache;
mod flood;
mod form;
mod hostile;
mod issuers;
mod keys;
#[path = "../support/mint.rs"]
pub mod mint;
mod shapes;
mod vectors;

use std::sync::Arc;

use portcullis::decision::{Decision, Denied};
use portcullis::engine::{self, Snapshot};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::SourceFile;
use portcullis::request::{Headers, Incoming, Source};
use portcullis::time::UnixTime;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::keys::KeySet;
use portcullis::token::trust::{SourceKeys, Trust};
use portcullis::token::{Attempt, Identity};
use serde_json::{Value, json};

/// When everything here is judged.
const NOW: i64 = 1_800_000_000;

/// One policy, its keys, and a cache that is off unless a test turns it on.
pub struct World {
    snapshot: Snapshot,
}

impl World {
    /// A policy of these issuers (YAML below `issuers:`, two spaces in), each with one route `/NAME`, and the
    /// keys of each in the order of the policy.
    fn new(issuers: &str, keys: Vec<Vec<KeySet>>) -> Self {
        Self::with_cache(issuers, keys, CacheSettings { enabled: false, ..CacheSettings::default() })
    }

    fn with_cache(issuers: &str, keys: Vec<Vec<KeySet>>, cache: CacheSettings) -> Self {
        let names: Vec<&str> = issuers
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split(':').next())
            .collect();
        let route = |name: &&str| format!("  - {{ match: /{name}, guard: {name}, allow: authenticated }}");
        let routes = names.iter().map(route).collect::<Vec<_>>().join("\n");
        let text = format!("version: 1\nissuers:\n{issuers}\nroutes:\n{routes}");
        let policy = compile(&[SourceFile { name: "policy.yaml".into(), text: text.as_str().into() }]);
        let policy = Arc::new(policy.unwrap_or_else(|problems| panic!("{problems:?}\n{text}")));
        let source = |set| SourceKeys { set: Some(Arc::new(set)), fetched_at: Some(now()), remote: true };
        let keys = keys.into_iter().map(|sets| sets.into_iter().map(source).collect()).collect();
        let trust = Trust::new(policy.issuers.clone(), keys, Arc::new(TokenCache::new(cache)));
        Self { snapshot: Snapshot { policy, trust } }
    }

    /// What becomes of a GET with these headers: the word for metrics.
    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> &'static str {
        self.ask_at(path, headers, now())
    }

    fn ask_at(&self, path: &str, headers: &[(&str, &str)], now: UnixTime) -> &'static str {
        self.judge(path, headers, now).0
    }

    /// The same, and who it is.
    fn judge(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        now: UnixTime,
    ) -> (&'static str, Option<Arc<Identity>>) {
        let incoming = Incoming {
            method: "GET",
            host: "crm.example.com",
            target: path,
            headers: Headers::new(headers.iter().map(|(name, value)| (*name, value.as_bytes()))),
            source: Source::default(),
        };
        let request = match engine::read(&self.snapshot, &incoming) {
            Ok(request) => request,
            Err(denial) => return (denial.reason.label(), None),
        };
        let judgement = engine::authorize(&self.snapshot, &request, now, Attempt::Final)
            .expect("a final attempt decides");
        match judgement.decision {
            Decision::Allow(_) => ("allowed", judgement.caller),
            Decision::Deny(denial) => (denial.reason.label(), None),
        }
    }

    fn bearer(&self, path: &str, token: &str) -> &'static str {
        self.ask(path, &[("authorization", &format!("Bearer {token}"))])
    }
}

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW)
}

/// Claims that are good for issuer `auth`, with changes over them; null takes a claim out.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({ "iss": "https://auth.example", "aud": "crm", "sub": "7", "exp": NOW + 60 });
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims.as_object_mut().expect("an object").retain(|_, value| *value != json!("(none)"));
    claims
}

fn jwks(keys: &[Value]) -> KeySet {
    KeySet::from_jwks(mint::jwks(keys).as_bytes()).expect("a key set")
}

/// Issuer `auth` with these keys, and whatever else its settings say.
fn auth(keys: &[Value], settings: &str) -> World {
    World::new(&auth_yaml(settings), vec![vec![jwks(keys)]])
}

fn auth_yaml(settings: &str) -> String {
    format!(
        "  auth:\n    issuer: https://auth.example\n    audiences: [crm]\n    keys: {{ jwks_url: https://auth.example/jwks }}\n{settings}"
    )
}

/// A reason that exists, so that a table cannot hold one that never comes.
#[track_caller]
fn check(what: &str, got: &str, wanted: &str) {
    assert!(
        wanted == "allowed" || Denied::from_label(wanted).is_some(),
        "{what}: there is no reason `{wanted}`"
    );
    assert_eq!(got, wanted, "{what}");
}
