//! Files that an issuer names: beside the policy file that names them, wherever the process was started.

use std::path::Path;

use crate::token::settings::{Access, KeySource};

/// Paths of a source as seen from the policy file.
pub(super) fn beside(source: KeySource, policy: &str) -> KeySource {
    let path = |path: Box<str>| resolved(&path, policy);
    let access = |access: Access| Access {
        ca_file: access.ca_file.map(path),
        bearer_token_file: access.bearer_token_file.map(path),
        insecure_http: access.insecure_http,
    };
    match source {
        KeySource::JwksUrl { url, access: written } => KeySource::JwksUrl { url, access: access(written) },
        KeySource::Discovery { url, access: written } => {
            KeySource::Discovery { url, access: access(written) }
        }
        KeySource::JwksFile(file) => KeySource::JwksFile(path(file)),
        KeySource::PemFile(file) => KeySource::PemFile(path(file)),
        KeySource::SecretFile { path: file, encoding } => {
            KeySource::SecretFile { path: path(file), encoding }
        }
        other @ (KeySource::Jwks(_) | KeySource::Pem(_) | KeySource::SecretEnv { .. }) => other,
    }
}

fn resolved(path: &str, policy: &str) -> Box<str> {
    let directory = Path::new(policy).parent().unwrap_or(Path::new(""));
    directory.join(path).to_string_lossy().into()
}
