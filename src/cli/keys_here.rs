//! Keys that are here, without asking anybody: those that stand in the policy, in its files and variables, and
//! those given on the command line.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use super::attached::keys;
use super::input::bytes;
use super::terminal::Terminal;
use super::trouble::Trouble;
use crate::cases::Run;
use crate::engine::Snapshot;
use crate::policy::Policy;
use crate::runtime::local_keys;
use crate::time::UnixTime;
use crate::token::keys::KeySet;
use crate::token::trust::SourceKeys;

/// `--keys`.
#[derive(Debug, Clone, clap::Args)]
pub struct Given {
    /// Public keys of an issuer: a JWKS or PEM file; several allowed. Without them the signature cannot be checked
    #[arg(long = "keys", value_name = "[ISSUER=]FILE")]
    files: Vec<String>,
}

/// Random bytes for one question, or one run of tests. From the kernel: the cryptographic library gathers entropy of
/// its own before it gives any, and that takes longer than all the rest of an answer.
///
/// # Errors
/// A machine without randomness.
pub fn secret() -> anyhow::Result<[u8; 32]> {
    let mut secret = [0; 32];
    let read = File::open("/dev/urandom").and_then(|mut kernel| kernel.read_exact(&mut secret));
    read.context("there is no randomness")?;
    Ok(secret)
}

/// Why there is no yes: a signature that nobody here can check.
pub fn unverified() -> Trouble {
    Trouble::new(
        "the signature was not checked: the issuer's keys are not here",
        "give them with `--keys FILE`, or be content with everything else: `--unverified`",
    )
}

/// A policy with the keys that are here.
///
/// # Errors
/// A file given that holds no keys, or belongs to nobody known.
pub fn snapshot(
    policy: &Arc<Policy>,
    given: &Given,
    now: UnixTime,
    terminal: &Terminal,
) -> Result<Snapshot, Trouble> {
    let known = |set: Arc<KeySet>| SourceKeys { set: Some(set), fetched_at: Some(now), remote: true };
    let mut all: Vec<Vec<SourceKeys>> = Vec::new();
    for settings in &policy.issuers {
        let mut sets = Vec::new();
        for read in local_keys(settings) {
            match read {
                Ok(set) => sets.push(known(set)),
                Err(cause) => {
                    terminal.tell(&format!("note: keys of issuer {} are not here: {cause}\n", settings.name));
                }
            }
        }
        all.push(sets);
    }
    for text in &given.files {
        let (issuer, path) = match text.split_once('=') {
            Some((name, path)) => (Some(name), PathBuf::from(path)),
            None => (None, PathBuf::from(text)),
        };
        let set = bytes(&path).and_then(|bytes| keys(&bytes)).map_err(|cause| {
            Trouble::new(
                format!("`{}` holds no keys: {cause}", path.display()),
                "give a JWKS, or public keys as PEM",
            )
        })?;
        let position = match issuer {
            Some(name) => policy.issuers.iter().position(|known| *known.name == *name),
            None if policy.issuers.len() == 1 => Some(0),
            None => None,
        };
        let names: Vec<&str> = policy.issuers.iter().map(|issuer| &*issuer.name).collect();
        let slot = position.and_then(|position| all.get_mut(position)).ok_or_else(|| {
            Trouble::new(
                format!("whose keys `{}` holds is not said", path.display()),
                format!("write `--keys NAME={}` with one of: {}", path.display(), names.join(", ")),
            )
        })?;
        slot.push(known(Arc::new(set)));
    }
    let mut snapshot = Run::new(Arc::clone(policy), [0; 32], now).snapshot();
    snapshot.trust = snapshot.trust.with_keys(all);
    Ok(snapshot)
}
