//! A policy whose one issuer's keys are at hand, for measurements: every one judges by the same.

#![allow(dead_code, unreachable_pub, reason = "each user needs another part of it")]
#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a measurement that cannot go on stops")]
#![allow(missing_docs, clippy::must_use_candidate, reason = "for measurements")]

use std::sync::Arc;

use portcullis::engine::Snapshot;
use portcullis::policy::diagnostic::SourceFile;
use portcullis::policy::{Policy, compile};
use portcullis::time::UnixTime;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::keys::KeySet;
use portcullis::token::settings::IssuerSettings;
use portcullis::token::trust::{SourceKeys, Trust};

use super::mint::{self, Signer};

/// When everything is judged.
pub const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

pub fn policy(text: &str) -> Policy {
    compile(&[SourceFile { name: "policy.yaml".into(), text: text.into() }]).expect("a policy")
}

/// The keys of one issuer, fetched just now.
pub fn keys(signers: &[Signer]) -> Vec<Vec<SourceKeys>> {
    let jwks: Vec<_> = signers.iter().map(Signer::jwk).collect();
    let set = KeySet::from_jwks(mint::jwks(&jwks).as_bytes()).expect("keys");
    vec![vec![SourceKeys { set: Some(Arc::new(set)), fetched_at: Some(NOW), remote: true }]]
}

/// Trust in them, with nothing remembered yet.
pub fn trust(issuers: &[Arc<IssuerSettings>], keys: &[Vec<SourceKeys>], cache: CacheSettings) -> Trust {
    Trust::new(issuers.to_vec(), keys.to_vec(), Arc::new(TokenCache::new(cache)))
}

pub fn snapshot(policy: Policy, signers: &[Signer]) -> Snapshot {
    let trust = trust(&policy.issuers, &keys(signers), CacheSettings::default());
    Snapshot { policy: Arc::new(policy), trust }
}
