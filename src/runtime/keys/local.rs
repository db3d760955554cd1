//! Keys that are read: files, the policy itself, the environment.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use crate::token::keys::{KeySet, KeysError};
use crate::token::settings::{Algorithm, Encoding, IssuerSettings, KeySource};

/// Largest file with keys.
const MOST_BYTES: u64 = 1 << 20;
/// A file that is older is not being written any more.
const OLD: Duration = Duration::from_secs(1);
/// How often a file is looked at until two looks are equal.
const MOST_LOOKS: u32 = 20;

/// Keys of a source that is read.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Reading {
    pub set: Arc<KeySet>,
    /// SHA-256 of what was read: the same content is not reported twice.
    pub digest: [u8; 32],
}

/// Why the keys cannot be read. Never says what was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::runtime) enum LocalError {
    #[error("the file cannot be read: {0}")]
    File(String),
    #[error("the file is still being written")]
    Changing,
    #[error("the file was not read")]
    NotRead,
    #[error("the environment variable is not set, or not text")]
    Variable,
    #[error("{0}")]
    Keys(#[from] KeysError),
}

/// Reads a source; `None` for one that is fetched. Waits a little where a file is just being written.
pub(in crate::runtime) fn read(
    settings: &IssuerSettings,
    source: &KeySource,
    settle: Duration,
) -> Option<Result<Reading, LocalError>> {
    let algorithms = settings.algorithms.as_deref().unwrap_or_default();
    Some(match source {
        KeySource::JwksUrl { .. } | KeySource::Discovery { .. } => return None,
        KeySource::JwksFile(path) => file(path, settle).and_then(|bytes| keys(&bytes, KeySet::from_jwks)),
        KeySource::Jwks(text) => keys(text.as_bytes(), KeySet::from_jwks),
        KeySource::PemFile(path) => file(path, settle).and_then(|bytes| keys(&bytes, KeySet::from_pem)),
        KeySource::Pem(text) => keys(text.as_bytes(), KeySet::from_pem),
        KeySource::SecretFile { path, encoding } => {
            file(path, settle).and_then(|bytes| secret(&bytes, *encoding, algorithms))
        }
        KeySource::SecretEnv { variable, encoding } => {
            let value = std::env::var(&**variable).map_err(|_| LocalError::Variable).map(Zeroizing::new);
            value.and_then(|value| secret(value.as_bytes(), *encoding, algorithms))
        }
    })
}

fn secret(bytes: &[u8], encoding: Encoding, algorithms: &[Algorithm]) -> Result<Reading, LocalError> {
    keys(bytes, |bytes| KeySet::from_secret(bytes, encoding, algorithms))
}

fn keys(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<KeySet, KeysError>) -> Result<Reading, LocalError> {
    Ok(Reading { set: Arc::new(parse(bytes)?), digest: sha256(bytes) })
}

/// Reads a file until two looks are equal, unless it is old enough to be whole.
fn file(path: &str, settle: Duration) -> Result<Zeroizing<Vec<u8>>, LocalError> {
    let path = Path::new(path);
    let (mut bytes, is_old) = look(path)?;
    if is_old {
        return Ok(bytes);
    }
    for _ in 0..MOST_LOOKS {
        std::thread::sleep(settle);
        let (again, is_old) = look(path)?;
        if again == bytes || is_old {
            return Ok(again);
        }
        bytes = again;
    }
    Err(LocalError::Changing)
}

fn look(path: &Path) -> Result<(Zeroizing<Vec<u8>>, bool), LocalError> {
    let unreadable = |error: io::Error| LocalError::File(error.to_string());
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // Opening a pipe that nobody writes to would wait for ever.
    if !metadata.is_file() {
        return Err(LocalError::File("it is no file".to_owned()));
    }
    let is_old = metadata.modified().is_ok_and(|modified| is_older(modified, OLD));
    Ok((bounded(path, MOST_BYTES).map_err(unreadable)?, is_old))
}

/// Reads a file whose size is looked at before, and again while reading. What may be a secret is wiped.
pub(super) fn bounded(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is over {most} bytes"));
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(too_large());
    }
    // The whole capacity at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(most + 1).read_to_end(&mut bytes)?;
    let is_whole = u64::try_from(bytes.len()).is_ok_and(|length| length <= most);
    if is_whole { Ok(bytes) } else { Err(too_large()) }
}

/// Whether something was written at least that long ago; a time in the future says nothing.
pub(in crate::runtime) fn is_older(modified: SystemTime, age: Duration) -> bool {
    SystemTime::now().duration_since(modified).is_ok_and(|since| since > age)
}

/// SHA-256.
pub(in crate::runtime) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut copy = [0; 32];
    copy.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    copy
}
