//! Keys: read one by one, bound to what they are for, parsed once.

mod jwk;
mod pem;
mod secret;

use std::fmt;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use aws_lc_rs::{digest, hmac};

use super::settings::Algorithm;

/// Most keys of a set.
pub const MOST_KEYS: usize = 200;

/// Where a key set comes from: shared secrets are never taken from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Over HTTP.
    Fetched,
    /// A file or the policy itself.
    Configured,
}

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
    /// One word for the metric.
    pub cause: &'static str,
}

/// Why a whole set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// It is not what it should be.
    #[error("{0}")]
    Unreadable(&'static str),
    /// It holds no key that can be used.
    #[error("it holds no usable key{}", .0.as_ref().map(|key| format!(": key `{}` is left out ({})", key.key, key.cause)).unwrap_or_default())]
    NoUsableKey(Option<RejectedKey>),
}

/// One key, ready to verify.
pub(super) struct Key {
    id: Option<Box<str>>,
    /// PEM and secret keys have no id and fit any.
    fits_any_id: bool,
    /// SHA-256 over what the key is: the same key read again has the same one.
    fingerprint: [u8; 32],
    material: Material,
}

enum Material {
    /// One parsed form per algorithm that the key is for.
    Public(Vec<(Algorithm, ParsedPublicKey)>),
    Secret(Vec<(Algorithm, hmac::Key)>),
    /// Policy tests only: stands for whatever algorithm the issuer allows.
    Fixture(hmac::Key),
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeySet {
    /// Reads a JWK set (RFC 7517). Keys that cannot be used are left out and listed.
    ///
    /// # Errors
    /// What is no JWK set, or has no usable key.
    pub fn from_jwks(json: &[u8], origin: Origin) -> Result<Self, KeysError> {
        jwk::read(json, origin)?.not_empty()
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
        encoding: super::settings::Encoding,
        algorithms: &[Algorithm],
    ) -> Result<Self, KeysError> {
        secret::read(bytes, encoding, algorithms)?.not_empty()
    }

    /// For policy tests: "verifies" what carries an HMAC of this secret, whatever allowed algorithm the
    /// header names. The secret is drawn anew for every run.
    pub(crate) fn fixture(secret: [u8; 32]) -> Self {
        let key = Key {
            id: None,
            fits_any_id: true,
            fingerprint: fingerprint(&[&secret]),
            material: Material::Fixture(hmac::Key::new(hmac::HMAC_SHA256, &secret)),
        };
        Self { keys: vec![key], rejected: Vec::new() }
    }

    fn not_empty(self) -> Result<Self, KeysError> {
        if self.keys.is_empty() { Err(KeysError::NoUsableKey(self.rejected.into_iter().next())) } else { Ok(self) }
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

    /// Keys that were left out.
    #[must_use]
    pub fn rejected(&self) -> &[RejectedKey] {
        &self.rejected
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
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

    /// Whether the key is for an algorithm, by its type, `alg`, `use` and `key_ops`.
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        matches!(self.material, Material::Fixture(_)) || self.algorithms().any(|known| known == algorithm)
    }

    /// Whether a shared secret: never used unless its algorithm is listed.
    pub fn is_fixture(&self) -> bool {
        matches!(self.material, Material::Fixture(_))
    }

    fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        let (public, secret): (&[(Algorithm, ParsedPublicKey)], &[(Algorithm, hmac::Key)]) = match &self.material {
            Material::Public(forms) => (forms, &[]),
            Material::Secret(forms) => (&[], forms),
            Material::Fixture(_) => (&[], &[]),
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

/// What aws-lc-rs calls a public-key algorithm. RSA keys of 2048 to 8192 bits only; ECDSA signatures in the
/// fixed form of RFC 7518 section 3.4.
fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDsa => &signature::ED25519,
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
    })
}

/// The algorithms of RSA keys.
const RSA: [Algorithm; 6] =
    [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];

/// Parses a public key once for each algorithm it is for.
fn public_key(
    id: Option<Box<str>>,
    fits_any_id: bool,
    algorithms: &[Algorithm],
    der_or_point: &[u8],
) -> Option<Key> {
    let parse = |algorithm: &Algorithm| {
        let parsed = ParsedPublicKey::new(verification(*algorithm)?, der_or_point).ok()?;
        Some((*algorithm, parsed))
    };
    let forms: Vec<_> = algorithms.iter().map(parse).collect::<Option<_>>()?;
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let id_bytes = id.as_deref().unwrap_or_default().as_bytes();
    let fingerprint = fingerprint(&[b"public", names.join(",").as_bytes(), id_bytes, der_or_point]);
    Some(Key { id, fits_any_id, fingerprint, material: Material::Public(forms) })
}
