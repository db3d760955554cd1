//! Key material that can be looked at without a server: what stands in the policy itself is read when the
//! policy is compiled, and keys that two issuers without `iss` would share are found where they can be.

use std::collections::HashMap;

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{self, Text};
use crate::token::keys::{KeySet, KeysError};
use crate::token::settings::{Algorithm, IssuerSettings, KeySource};

/// What makes two keys one as far as can be seen here: the place they are read from, or what they are made of.
#[derive(PartialEq, Eq, Hash)]
enum Mark<'p> {
    Read(&'static str, &'p str),
    Written([u8; 32]),
}

/// Reads the keys that stand in the policy, and reports those that cannot be used. Of issuers of tokens without
/// `iss` no two may share a key, wherever they look: whoever holds a token chooses where he puts it.
pub(super) fn report(written: &[document::Issuer], compiled: &[IssuerSettings], problems: &mut Diagnostics) {
    let mut owners: HashMap<Mark<'_>, &Text> = HashMap::new();
    for (issuer, settings) in written.iter().zip(compiled) {
        let all_known =
            issuer.algorithms.as_ref().map(Vec::len) == settings.algorithms.as_ref().map(Vec::len);
        let allowed = settings.algorithms.as_deref().filter(|_| all_known);
        let inline = inline(issuer, allowed, problems);
        let is_nameless = settings.iss.is_empty() && !issuer.iss.is_empty();
        if !is_nameless {
            continue;
        }
        let read = settings.sources.iter().filter_map(place_of).map(|(kind, place)| Mark::Read(kind, place));
        let of_policy = inline.iter().flat_map(KeySet::origins).map(|origin| Mark::Written(*origin));
        let mut first: Option<&Text> = None;
        for mark in read.chain(of_policy) {
            let owner = *owners.entry(mark).or_insert(&issuer.name);
            if owner.at != issuer.name.at {
                first = first.or(Some(owner));
            }
        }
        if let Some(first) = first {
            problems
                .error(
                    codes::NAMELESS_WITH_ONE_KEY,
                    issuer.name.at,
                    format!(
                        "issuers `{}` and `{}` take tokens without `iss` of one key",
                        first.value, issuer.name.value
                    ),
                )
                .see(first.at, "the first one")
                .hint(
                    "nobody could tell whose token is whose: one issuer, and guards to tell its tokens apart",
                );
        }
    }
}

/// The key sets of an issuer that stand in the policy.
fn inline(
    issuer: &document::Issuer,
    allowed: Option<&[Algorithm]>,
    problems: &mut Diagnostics,
) -> Vec<KeySet> {
    let mut sets = Vec::new();
    for source in &issuer.keys {
        if let Some(jwks) = &source.jwks {
            sets.extend(read(jwks, KeySet::from_jwks(jwks.value.as_bytes()), allowed, problems));
        }
        if let Some(pem) = &source.pem {
            sets.extend(read(pem, KeySet::from_pem(pem.value.as_bytes()), allowed, problems));
        }
    }
    sets
}

fn read(
    written: &Text,
    set: Result<KeySet, KeysError>,
    allowed: Option<&[Algorithm]>,
    problems: &mut Diagnostics,
) -> Option<KeySet> {
    let set = match set {
        Ok(set) => set,
        Err(error) => {
            problems
                .error(codes::KEYS_UNUSABLE, written.at, format!("these keys cannot be used: {error}"))
                .hint("`jwks` is a JSON Web Key set of public keys, `pem` a public key or certificate; a secret is named by `secret_file` or `secret_env`");
            return None;
        }
    };
    for key in set.rejected() {
        problems
            .warning(
                codes::KEY_LEFT_OUT,
                written.at,
                format!("{key}; it is left out, and the others are used"),
            )
            .hint("remove it from the policy");
    }
    let is_allowed = |algorithm: Algorithm| allowed.is_none_or(|list| list.contains(&algorithm));
    if !set.algorithms().any(is_allowed) {
        let names: Vec<&str> = allowed.unwrap_or_default().iter().map(|algorithm| algorithm.name()).collect();
        problems
            .error(
                codes::KEYS_UNUSABLE,
                written.at,
                format!("these keys cannot be used: none is for {}", names.join(", ")),
            )
            .hint("list the keys' own algorithms in `algorithms`, or leave that out");
    }
    Some(set)
}

/// Where keys are read from, if that is not the policy: one place holds the same keys for everybody.
fn place_of(source: &KeySource) -> Option<(&'static str, &str)> {
    match source {
        KeySource::JwksUrl { url, .. } => Some(("URL", url)),
        KeySource::Discovery { url, .. } => url.as_deref().map(|url| ("URL", url)),
        KeySource::JwksFile(path) | KeySource::PemFile(path) | KeySource::SecretFile { path, .. } => {
            Some(("file", path))
        }
        KeySource::SecretEnv { variable, .. } => Some(("variable", variable)),
        KeySource::Jwks(_) | KeySource::Pem(_) => None,
    }
}
