//! The last good public keys on disk (`key_cache`), so that a restart during an issuer's outage is no outage.
//!
//! What is written is built anew from the members that make a public key: whatever else an issuer published,
//! by mistake or not, stays out.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::time::UnixTime;
use crate::token::json;
use crate::token::keys::KeySet;
use crate::token::settings::{IssuerSettings, KeySource};

use super::local::{bounded, sha256};

/// Members of a public key. `k`, `d` and the like are not among them.
const PUBLIC: [&str; 10] = ["kty", "kid", "use", "key_ops", "alg", "crv", "x", "y", "n", "e"];
/// Types whose keys may be public.
const TYPES: [&str; 3] = ["RSA", "EC", "OKP"];
/// A clock that runs a little ahead of the one that wrote the file.
const AHEAD: Duration = Duration::from_mins(1);
/// Largest file: a set grows when it is written down.
const MOST_BYTES: u64 = 16 << 20;

/// A directory with one file per source.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Store(Arc<Path>);

/// Keys that were fetched by an earlier process.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Stored {
    pub set: Arc<KeySet>,
    pub fetched_at: UnixTime,
}

impl Store {
    /// Makes the directory if it is not there. Where that fails, keys are fetched all the same.
    pub fn open(directory: &Path) -> Self {
        if let Err(error) = fs::create_dir_all(directory) {
            warn!(directory = %directory.display(), %error, "the key cache cannot be made");
        }
        Self(directory.into())
    }

    /// Keys of a source, if they are young enough. A file that is broken or too old is ignored.
    pub fn load(&self, settings: &IssuerSettings, source: &KeySource, now: UnixTime) -> Option<Stored> {
        let path = self.path(settings, source);
        let bytes = match bounded(&path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                warn!(issuer = %settings.name, path = %path.display(), %error, "cached keys cannot be read");
                return None;
            }
        };
        let stored = read(&bytes);
        if stored.is_none() {
            warn!(issuer = %settings.name, path = %path.display(), "cached keys are broken and are ignored");
        }
        let is_young = |stored: &Stored| {
            stored.fetched_at <= now.plus(AHEAD) && now <= stored.fetched_at.plus(settings.refresh.max_stale)
        };
        stored.filter(is_young)
    }

    /// Writes keys down: whole, or not at all.
    pub fn save(&self, settings: &IssuerSettings, source: &KeySource, body: &[u8], fetched_at: UnixTime) {
        let path = self.path(settings, source);
        let Some(keys) = public(body) else { return };
        let text =
            json!({ "version": 1, "fetched_at": fetched_at.millis(), "jwks": { "keys": keys } }).to_string();
        if let Err(error) = replace(&path, text.as_bytes()) {
            warn!(issuer = %settings.name, path = %path.display(), %error, "keys cannot be cached");
        }
    }

    /// Named after what the keys are of and where they are from: keys never move to another issuer.
    fn path(&self, settings: &IssuerSettings, source: &KeySource) -> PathBuf {
        let of = format!("{:?} {:?} {source:?}", settings.name, settings.iss);
        let mut name = String::new();
        for byte in sha256(of.as_bytes()).iter().take(16) {
            let _ = write!(name, "{byte:02x}");
        }
        name.push_str(".json");
        self.0.join(name)
    }
}

fn read(bytes: &[u8]) -> Option<Stored> {
    let mut document = json::object(bytes).ok()?;
    let is_known = document.get("version").and_then(Value::as_i64) == Some(1);
    let fetched_at = document.get("fetched_at").and_then(Value::as_i64).map(UnixTime::from_millis)?;
    let jwks = document.remove("jwks").filter(|_| is_known)?.to_string();
    let set = KeySet::from_jwks(jwks.as_bytes()).ok()?;
    Some(Stored { set: Arc::new(set), fetched_at })
}

/// The public keys of a set, member by member.
fn public(body: &[u8]) -> Option<Vec<Value>> {
    let document = json::object(body).ok()?;
    let keys = document.get("keys")?.as_array()?;
    let is_public = |key: &&Map<String, Value>| {
        key.get("kty").and_then(Value::as_str).is_some_and(|kind| TYPES.contains(&kind))
            && !key.contains_key("d")
    };
    let copy = |key: &Map<String, Value>| {
        let members = PUBLIC.iter().filter_map(|name| Some(((*name).to_owned(), key.get(*name)?.clone())));
        Value::Object(members.collect())
    };
    Some(keys.iter().filter_map(Value::as_object).filter(is_public).map(copy).collect())
}

/// A reader sees the old content or the new one, also after a crash.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    // The new name must last too.
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}
