//! From paths to a policy that can be published, on a thread that may wait: whole, or not at all.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::policy::diagnostic::{Severity, SourceFile, codes};
use crate::policy::{Policy, compile};
use crate::token::cache::{CacheSettings, TokenCache};
use crate::token::settings::{IssuerSettings, KeySource};
use crate::token::trust::{SourceKeys, Trust};

use super::files::{self, FilesError, Kind, parent};
use super::keys::{self, Context, LocalError, Reading, Stored, is_older, sha256};
use super::status::{Problem, ReloadFailure};

/// Files that are older are not being written any more.
const OLD: Duration = Duration::from_secs(1);
/// How often files are looked at, before the first policy, until two looks are equal.
const MOST_LOOKS: u32 = 100;

/// What the files hold at one moment.
#[derive(Debug)]
pub(super) struct Look {
    pub files: Result<Vec<SourceFile>, FilesError>,
    /// The same for the same files, names and all, and for the same trouble.
    pub digest: [u8; 32],
    /// Directories whose changes matter.
    pub directories: BTreeSet<PathBuf>,
    /// When the youngest file was written.
    youngest: Option<SystemTime>,
}

impl Look {
    /// Whether two looks saw the same, and not only the same half of two writings.
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && self.youngest == other.youngest
    }
}

/// A policy, compiled, with what can be had of its keys without waiting for a network.
#[derive(Debug)]
pub(super) struct Ready {
    pub policy: Arc<Policy>,
    /// Per issuer and source.
    pub at_hand: Vec<Vec<AtHand>>,
}

/// Keys of one source that are at hand.
#[derive(Debug)]
pub(super) enum AtHand {
    /// What reading it gave.
    Read(Result<Reading, LocalError>),
    /// What an earlier process fetched.
    Stored(Option<Stored>),
}

/// Looks once.
pub(super) fn look(paths: &[PathBuf]) -> Look {
    let found = files::look(paths, Kind::Policies);
    let digest = match &found.files {
        Ok(files) => {
            let parts = files.iter().flat_map(|file| [&file.name, &file.text]);
            let digests: Vec<u8> = parts.flat_map(|part| sha256(part.as_bytes())).collect();
            sha256(&digests)
        }
        Err(error) => sha256(error.to_string().as_bytes()),
    };
    let directories = found.directories.into_iter().collect();
    Look { files: found.files, digest, directories, youngest: found.youngest }
}

/// Looks until two looks are equal, unless the files are old enough to be whole.
pub(super) fn settled(paths: &[PathBuf], settle: Duration) -> Result<Look, ReloadFailure> {
    let mut before = look(paths);
    if before.youngest.is_some_and(|youngest| is_older(youngest, OLD)) {
        return Ok(before);
    }
    for _ in 0..MOST_LOOKS {
        std::thread::sleep(settle);
        let now = look(paths);
        if now.is_same(&before) {
            return Ok(now);
        }
        before = now;
    }
    Err(ReloadFailure::Changing)
}

/// Compiles what was found. A panic of the compiler is a failed reload, not the end of reloading.
pub(super) fn compiled(
    files: Result<Vec<SourceFile>, FilesError>,
    context: &Context,
) -> Result<Ready, ReloadFailure> {
    let files = files?;
    let compiled = catch_unwind(AssertUnwindSafe(|| compile(&files))).map_err(|_| ReloadFailure::Internal)?;
    let policy = compiled.map_err(|problems| ReloadFailure::Invalid(Problem::list(&problems, &files)))?;
    let mut policy = policy;
    policy.reading.header_bytes = context.options.header_bytes;
    let now = context.options.clock.now();
    let stored =
        |issuer: &IssuerSettings, source: &KeySource| context.store.as_ref()?.load(issuer, source, now);
    let of_issuer = |issuer: &Arc<IssuerSettings>| {
        let of_source = |source: &KeySource| match keys::read(issuer, source, context.options.pace.settle) {
            Some(reading) => AtHand::Read(reading),
            None => AtHand::Stored(stored(issuer, source)),
        };
        issuer.sources.iter().map(of_source).collect()
    };
    let at_hand: Vec<Vec<AtHand>> = policy.issuers.iter().map(of_issuer).collect();
    refuse_one_key_for_two(&policy, &at_hand)?;
    Ok(Ready { policy: Arc::new(policy), at_hand })
}

/// Files that hold one key under two names: what the compiler, which reads none, could not see.
fn refuse_one_key_for_two(policy: &Policy, at_hand: &[Vec<AtHand>]) -> Result<(), ReloadFailure> {
    let source = |source: &AtHand| {
        let set = match source {
            AtHand::Read(Ok(reading)) => Some(Arc::clone(&reading.set)),
            AtHand::Read(Err(_)) | AtHand::Stored(_) => None,
        };
        SourceKeys { set, fetched_at: None, remote: false }
    };
    let keys = at_hand.iter().map(|sources| sources.iter().map(source).collect()).collect();
    let forgetful = CacheSettings { enabled: false, ..CacheSettings::default() };
    let trust = Trust::new(policy.issuers.clone(), keys, Arc::new(TokenCache::new(forgetful)));
    let Some((one, other)) = trust.nameless_with_one_key() else { return Ok(()) };
    Err(ReloadFailure::Invalid(vec![Problem {
        code: codes::NAMELESS_WITH_ONE_KEY,
        severity: Severity::Error,
        message: format!(
            "issuers `{}` and `{}` take tokens without `iss` of one key",
            trust.name(one),
            trust.name(other)
        ),
        place: None,
        hint: Some("nobody could tell whose token is whose: give each its own key".to_owned()),
    }]))
}

/// Directories of the files with keys that a policy names.
pub(super) fn key_directories(policy: &Policy) -> BTreeSet<PathBuf> {
    let sources = policy.issuers.iter().flat_map(|issuer| &issuer.sources);
    let paths = sources.filter_map(|source| match source {
        KeySource::JwksFile(path) | KeySource::PemFile(path) | KeySource::SecretFile { path, .. } => {
            Some(path)
        }
        KeySource::JwksUrl { .. }
        | KeySource::Discovery { .. }
        | KeySource::Jwks(_)
        | KeySource::Pem(_)
        | KeySource::SecretEnv { .. } => None,
    });
    paths.map(|path| parent(Path::new(&**path))).collect()
}
