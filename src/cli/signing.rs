//! Private keys and secrets that make tokens. The server has none of them: only `token mint` and
//! `keys generate` do. Nothing here is ever shown.

mod jwk;
mod read;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::token::settings::{Algorithm, Encoding};

/// The algorithms of RSA keys, the usual one first.
const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];
/// Those of shared secrets.
const HMAC: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// What signs.
pub enum SigningKey {
    /// RSA.
    Rsa(RsaKeyPair),
    /// A curve, by its algorithm.
    Ecdsa(Algorithm, EcdsaKeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// A shared secret.
    Secret(Zeroizing<Vec<u8>>),
}

/// A new key: as PKCS#8, or a secret as text.
pub enum Made {
    /// DER of a private key.
    Private(Zeroizing<Vec<u8>>),
    /// Text.
    Secret(Zeroizing<String>),
}

impl SigningKey {
    /// Reads PEM (PKCS#8, PKCS#1, SEC 1), a private JWK, or else a secret. With its `kid`, where it has one.
    ///
    /// # Errors
    /// What is wrong with it; never what it holds.
    pub fn read(bytes: &[u8], encoding: Encoding) -> Result<(Self, Option<String>), String> {
        read::read(bytes, encoding)
    }

    /// What it can sign with, the usual one first.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        match self {
            Self::Rsa(_) => RSA.to_vec(),
            Self::Ecdsa(algorithm, _) => vec![*algorithm],
            Self::Ed25519(_) => vec![Algorithm::EdDsa],
            // RFC 7518 section 3.2: a secret is at least as long as the hash.
            Self::Secret(secret) => {
                let lengths = HMAC.into_iter().zip([32, 48, 64]);
                lengths
                    .filter(|(_, length)| secret.len() >= *length)
                    .map(|(algorithm, _)| algorithm)
                    .collect()
            }
        }
    }

    /// A signature; `None` where the key is not for the algorithm.
    pub fn sign(&self, algorithm: Algorithm, signed: &[u8]) -> Option<Vec<u8>> {
        if !self.algorithms().contains(&algorithm) {
            return None;
        }
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(rsa_encoding(algorithm)?, &SystemRandom::new(), signed, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(_, key) => Some(key.sign(&SystemRandom::new(), signed).ok()?.as_ref().to_vec()),
            Self::Ed25519(key) => Some(key.sign(signed).as_ref().to_vec()),
            Self::Secret(secret) => {
                let key = hmac::Key::new(hash(algorithm)?, secret);
                Some(hmac::sign(&key, signed).as_ref().to_vec())
            }
        }
    }

    /// The members of its public JWK that make the key; `None` for a secret.
    pub fn public(&self) -> Option<Map<String, Value>> {
        match self {
            Self::Rsa(key) => jwk::rsa(key.public_key().as_ref()),
            Self::Ecdsa(algorithm, key) => jwk::curve(*algorithm, key.public_key().as_ref()),
            Self::Ed25519(key) => Some(jwk::ed25519(key.public_key().as_ref())),
            Self::Secret(_) => None,
        }
    }

    /// The thumbprint of the public key (RFC 7638), which serves as its `kid`.
    pub fn thumbprint(&self) -> Option<String> {
        self.public().map(|public| jwk::thumbprint(&public))
    }
}

impl Made {
    /// Draws a key for an algorithm; `bits` is the size of RSA keys.
    ///
    /// # Errors
    /// A size that there is not, or no randomness.
    pub fn generate(algorithm: Algorithm, bits: u32) -> Result<Self, String> {
        let random = SystemRandom::new();
        let no_randomness = |_| "there is no randomness".to_owned();
        let private = |der: &[u8]| Ok(Self::Private(Zeroizing::new(der.to_vec())));
        if RSA.contains(&algorithm) {
            let size = match bits {
                2048 => rsa::KeySize::Rsa2048,
                3072 => rsa::KeySize::Rsa3072,
                4096 => rsa::KeySize::Rsa4096,
                other => return Err(format!("RSA keys of {other} bits are not made: 2048, 3072 or 4096")),
            };
            let pair = RsaKeyPair::generate(size).map_err(no_randomness)?;
            let der: aws_lc_rs::encoding::Pkcs8V1Der<'static> =
                aws_lc_rs::encoding::AsDer::as_der(&pair).map_err(no_randomness)?;
            return private(der.as_ref());
        }
        if let Some(curve) = curve(algorithm) {
            let document = EcdsaKeyPair::generate_pkcs8(curve, &random).map_err(no_randomness)?;
            return private(document.as_ref());
        }
        if algorithm == Algorithm::EdDsa {
            let document = Ed25519KeyPair::generate_pkcs8v1(&random).map_err(no_randomness)?;
            return private(document.as_ref());
        }
        let mut secret = Zeroizing::new([0; 64]);
        aws_lc_rs::rand::fill(&mut *secret).map_err(no_randomness)?;
        Ok(Self::Secret(Zeroizing::new(jwk::base64url(&*secret))))
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::EdDsa => return None,
    })
}

fn curve(algorithm: Algorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    Some(match algorithm {
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::EdDsa => return None,
    })
}

fn hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    let position = HMAC.iter().position(|known| *known == algorithm)?;
    [hmac::HMAC_SHA256, hmac::HMAC_SHA384, hmac::HMAC_SHA512].get(position).copied()
}
