//! Keys: read one by one, bound to what they are for, parsed once.

mod der;
mod fault;
mod jwk;
mod pem;
mod public;
mod secret;
mod small_order;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::{digest, hmac};

use super::settings::{Algorithm, Encoding};

pub(crate) use der::rsa_numbers;
pub use fault::KeyFault;
pub(crate) use secret::decode as decode_secret;

/// Most keys of a set.
pub const MOST_KEYS: usize = 200;

/// Keys of one source. Immutable.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    rejected: Vec<RejectedKey>,
}

/// A key that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedKey {
    /// Its id, or its position in the set.
    pub key: Box<str>,
    /// Why.
    pub fault: KeyFault,
    id: Option<Box<str>>,
}

/// Why a whole set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It is not what it should be.
    #[error("{0}")]
    Unreadable(&'static str),
    /// It holds no key that can be used.
    #[error("it holds no usable key{}", .0.as_ref().map(|key| format!(": {key}")).unwrap_or_default())]
    NoUsableKey(Option<RejectedKey>),
}

/// One key, ready to verify.
pub(super) struct Key {
    id: Option<Box<str>>,
    /// PEM and secret keys have no id and fit any.
    fits_any_id: bool,
    /// SHA-256 over what the key is and what it is for: the same key read again has the same one.
    fingerprint: [u8; 32],
    /// SHA-256 over what the key is made of, whatever it is called and said to be for.
    origin: [u8; 32],
    material: Material,
}

enum Material {
    /// One parsed form per algorithm that the key is for.
    Public(Vec<(Algorithm, ParsedPublicKey)>),
    Secret(Vec<(Algorithm, hmac::Key)>),
    /// Policy tests only: stands for whatever algorithm the issuer allows.
    Fixture(hmac::Key),
}

/// `Debug` names a key and shows nothing of it.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeySet {
    /// Reads a JWK set (RFC 7517). Keys that cannot be used are left out and listed; shared secrets are
    /// among them, wherever the set comes from.
    ///
    /// # Errors
    /// What is no JWK set, or has no usable key.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeysError> {
        jwk::read(json)?.not_empty()
    }

    /// Reads PEM public keys (SPKI or PKCS#1) or X.509 certificates.
    ///
    /// # Errors
    /// What is no PEM, or has no usable key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeysError> {
        pem::read(pem)?.not_empty()
    }

    /// Takes a shared secret for the HMAC algorithms listed.
    ///
    /// # Errors
    /// What cannot be decoded, is shorter than every listed hash, or is a public key in disguise.
    pub fn from_secret(
        bytes: &[u8],
        encoding: Encoding,
        algorithms: &[Algorithm],
    ) -> Result<Self, KeysError> {
        secret::read(bytes, encoding, algorithms)?.not_empty()
    }

    /// For policy tests: "verifies" what carries an HMAC of this secret, whatever allowed algorithm the
    /// header names. The secret is drawn anew for every run.
    pub(crate) fn fixture(secret: [u8; 32]) -> Self {
        let fingerprint = fingerprint(&[b"fixture", &secret]);
        let key = Key {
            id: None,
            fits_any_id: true,
            fingerprint,
            origin: fingerprint,
            material: Material::Fixture(hmac::Key::new(hmac::HMAC_SHA256, &secret)),
        };
        Self { keys: vec![key], rejected: Vec::new() }
    }

    fn not_empty(self) -> Result<Self, KeysError> {
        if self.keys.is_empty() {
            Err(KeysError::NoUsableKey(self.rejected.into_iter().next()))
        } else {
            Ok(self)
        }
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none can.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Ids and algorithms, for showing.
    pub fn describe(&self) -> impl Iterator<Item = (Option<&str>, Vec<&'static str>)> {
        self.keys.iter().map(|key| (key.id.as_deref(), key.algorithms().map(Algorithm::name).collect()))
    }

    /// The algorithms that its keys are for.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.keys.iter().flat_map(Key::algorithms)
    }

    /// Keys that were left out.
    #[must_use]
    pub fn rejected(&self) -> &[RejectedKey] {
        &self.rejected
    }

    /// Whether a key stands in both, under whatever name.
    #[must_use]
    pub fn shares_a_key_with(&self, other: &Self) -> bool {
        self.origins().any(|one| other.origins().any(|other| one == other))
    }

    /// What each key is made of: the same for one key under two names or in two forms. That of policy tests, which
    /// every issuer has, is not told.
    pub fn origins(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.keys.iter().filter(|key| !matches!(key.material, Material::Fixture(_))).map(Key::origin)
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl RejectedKey {
    fn named(id: &str, fault: KeyFault) -> Self {
        Self { key: id.into(), fault, id: Some(id.into()) }
    }

    fn unnamed(index: usize, fault: KeyFault) -> Self {
        Self { key: format!("#{index}").into(), fault, id: None }
    }

    fn of_secret(algorithm: Algorithm, fault: KeyFault) -> Self {
        Self { key: format!("secret for {}", algorithm.name()).into(), fault, id: None }
    }

    /// Its `kid`, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl fmt::Display for RejectedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key `{}` {}", self.key, self.fault)
    }
}

impl Key {
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub fn fits_any_id(&self) -> bool {
        self.fits_any_id
    }

    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    pub fn origin(&self) -> &[u8; 32] {
        &self.origin
    }

    /// Whether the key is for an algorithm, by its type, `alg`, `use` and `key_ops`.
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        matches!(self.material, Material::Fixture(_)) || self.algorithms().any(|known| known == algorithm)
    }

    fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        let (public, secret) = match &self.material {
            Material::Public(forms) => (forms.as_slice(), &[][..]),
            Material::Secret(forms) => (&[][..], forms.as_slice()),
            Material::Fixture(_) => (&[][..], &[][..]),
        };
        public.iter().map(|(algorithm, _)| *algorithm).chain(secret.iter().map(|(algorithm, _)| *algorithm))
    }

    /// Whether the signature is this key's.
    pub fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(forms) => forms
                .iter()
                .find(|(known, _)| *known == algorithm)
                .is_some_and(|(_, key)| key.verify_sig(signed, signature).is_ok()),
            Material::Secret(forms) => forms
                .iter()
                .find(|(known, _)| *known == algorithm)
                .is_some_and(|(_, key)| hmac::verify(key, signed, signature).is_ok()),
            Material::Fixture(key) => hmac::verify(key, signed, signature).is_ok(),
        }
    }
}

/// SHA-256 over parts whose borders cannot be confused.
fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests;
