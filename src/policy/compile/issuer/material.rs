//! Key material that can be looked at without a server: what stands in the policy itself is read when the
//! policy is compiled, and keys that two issuers without `iss` would share are found where they can be.

use std::collections::HashMap;
use std::rc::Rc;

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{self, Text};
use crate::token::keys::{KeySet, KeysError};
use crate::token::settings::{Algorithm, IssuerSettings, KeySource, Place};
use crate::token::trust::MOST_NAMELESS;

/// An issuer of tokens without `iss`, and what is known of its keys.
struct Nameless<'p> {
    name: &'p Text,
    sources: &'p [KeySource],
    inline: Rc<[KeySet]>,
}

/// Reads the keys that stand in the policy, and reports those that cannot be used.
pub(super) fn report(written: &[document::Issuer], compiled: &[IssuerSettings], problems: &mut Diagnostics) {
    let mut at_place: HashMap<&Place, Vec<Nameless<'_>>> = HashMap::new();
    for (issuer, settings) in written.iter().zip(compiled) {
        let all_known =
            issuer.algorithms.as_ref().map(Vec::len) == settings.algorithms.as_ref().map(Vec::len);
        let allowed = settings.algorithms.as_deref().filter(|_| all_known);
        let is_nameless = settings.iss.is_empty() && !issuer.iss.is_empty();
        let inline: Rc<[KeySet]> = inline(issuer, allowed, problems).into();
        for place in settings.places.iter().filter(|_| is_nameless) {
            let known = at_place.entry(place).or_default();
            // More of them are an error of its own.
            if known.len() >= MOST_NAMELESS {
                continue;
            }
            let new = Nameless { name: &issuer.name, sources: &settings.sources, inline: Rc::clone(&inline) };
            if let Some(first) = known.iter().find(|known| share_a_key(known, &new)) {
                problems
                    .error(
                        codes::NAMELESS_WITH_ONE_KEY,
                        new.name.at,
                        format!("issuers `{}` and `{}` take tokens without `iss` of one key", first.name.value, new.name.value),
                    )
                    .see(first.name.at, "the first one")
                    .hint("nobody could tell whose token is whose: one issuer, and guards to tell its tokens apart");
            }
            known.push(new);
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

/// Whether the keys of two issuers are the same ones as far as can be seen here: one place that they are read
/// from, or one key in the policy.
fn share_a_key(one: &Nameless<'_>, other: &Nameless<'_>) -> bool {
    let is_one_place = |source: &KeySource| {
        place_of(source)
            .is_some_and(|place| other.sources.iter().filter_map(place_of).any(|other| other == place))
    };
    one.sources.iter().any(is_one_place)
        || one.inline.iter().any(|one| other.inline.iter().any(|other| one.shares_a_key_with(other)))
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
