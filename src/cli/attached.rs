//! Files that a test file names: captured requests, and keys of real tokens.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cases::{Suite, Wanted};
use crate::policy::diagnostic::{Diagnostics, SourceFile, codes};
use crate::server::wire::captured;
use crate::token::keys::KeySet;

/// More than any captured request or key set has.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// Reads what a suite names; paths stand beside its file. What cannot be used is reported at the name.
pub fn attach(suite: &mut Suite, file: &SourceFile, problems: &mut Diagnostics) {
    let mut attached = suite.attached.clone();
    for wanted in suite.wanted() {
        let (path, hint) = match wanted {
            Wanted::CheckRequest(path) => (path, "a CheckRequest as JSON, or as the message itself"),
            Wanted::Keys(path) => (path, "a JWKS, or a public key as PEM"),
        };
        let place = place(file, &path.value);
        let result = bytes(&place).and_then(|bytes| {
            match wanted {
                Wanted::CheckRequest(path) => {
                    let captured = captured(&bytes).map_err(|error| error.to_string())?;
                    attached.requests.insert(path.value.clone(), captured);
                }
                Wanted::Keys(path) => {
                    attached.keys.insert(path.value.clone(), Arc::new(keys(&bytes)?));
                }
            }
            Ok(())
        });
        if let Err(cause) = result {
            let message = format!("`{}` cannot be used: {cause}", place.display());
            problems.error(codes::TEST_FILE, path.at, message).hint(hint);
        }
    }
    suite.attached = attached;
}

/// Where a file is that a test file names: beside it.
pub fn place(file: &SourceFile, path: &str) -> PathBuf {
    Path::new(&*file.name).parent().unwrap_or_else(|| Path::new("")).join(path)
}

/// Reads a file of a bounded size.
///
/// # Errors
/// Why it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) {
        Ok(bytes)
    } else {
        Err("it has more than 8 MiB".to_owned())
    }
}

/// A JWK set, or PEM.
///
/// # Errors
/// Why it holds no keys.
pub fn keys(bytes: &[u8]) -> Result<KeySet, String> {
    let is_json = bytes.trim_ascii_start().first() == Some(&b'{');
    let set = if is_json { KeySet::from_jwks(bytes) } else { KeySet::from_pem(bytes) };
    set.map_err(|error| error.to_string())
}
