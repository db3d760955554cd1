//! Files that a test file names: captured requests, and keys of real tokens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::input;
use crate::cases::{Suite, Wanted};
use crate::policy::diagnostic::{Diagnostics, SourceFile, codes};
use crate::server::wire::captured;
use crate::token::keys::KeySet;

/// Reads what a suite names; paths stand beside its file. What cannot be used is reported at the name.
pub fn attach(suite: &mut Suite, file: &SourceFile, problems: &mut Diagnostics) {
    let mut attached = suite.attached.clone();
    for wanted in suite.wanted() {
        let (path, hint) = match wanted {
            Wanted::CheckRequest(path) => (path, "a CheckRequest as JSON, or as the message itself"),
            Wanted::Keys(path) => (path, "a JWKS, or a public key as PEM"),
        };
        let place = place(file, &path.value);
        let result = input::file(&place).and_then(|bytes| {
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

/// A JWK set, or PEM.
///
/// # Errors
/// Why it holds no keys.
pub fn keys(bytes: &[u8]) -> Result<KeySet, String> {
    let is_json = bytes.trim_ascii_start().first() == Some(&b'{');
    let set = if is_json { KeySet::from_jwks(bytes) } else { KeySet::from_pem(bytes) };
    set.map_err(|error| error.to_string())
}
