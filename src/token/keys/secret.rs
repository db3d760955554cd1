//! Shared secrets.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::token::settings::{Algorithm, Encoding};

use super::fault::KeyFault;
use super::{Key, KeySet, KeysError, Material, RejectedKey, fingerprint, public};

pub(super) fn read(bytes: &[u8], encoding: Encoding, algorithms: &[Algorithm]) -> Result<KeySet, KeysError> {
    let secret = Zeroizing::new(decode(bytes, encoding)?);
    if looks_public(&secret) {
        return Err(KeysError::Unreadable(
            "the secret is a key in PEM, JWK or another public form, which others know",
        ));
    }
    let mut set = KeySet::default();
    let mut forms = Vec::new();
    for algorithm in algorithms {
        let (hash, length) = match algorithm {
            Algorithm::Hs256 => (hmac::HMAC_SHA256, 32),
            Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
            Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512
            | Algorithm::Es256
            | Algorithm::Es384
            | Algorithm::Es512
            | Algorithm::EdDsa => continue,
        };
        // RFC 7518 section 3.2: a key of the size of the hash or larger.
        if secret.len() < length {
            set.rejected.push(RejectedKey::of_secret(*algorithm, KeyFault::Weak));
        } else {
            forms.push((*algorithm, hmac::Key::new(hash, &secret)));
        }
    }
    if !forms.is_empty() {
        let names: Vec<&str> = forms.iter().map(|(algorithm, _)| algorithm.name()).collect();
        let origin = fingerprint(&[b"secret", &secret]);
        let fingerprint = fingerprint(&[b"secret", names.join(",").as_bytes(), &origin]);
        set.keys.push(Key {
            id: None,
            fits_any_id: true,
            fingerprint,
            origin,
            material: Material::Secret(forms),
        });
    }
    Ok(set)
}

/// A public key used as a secret is known to everybody: CVE-2016-10555, CVE-2026-34950 and CVE-2026-48526 came
/// in as PEM, as JWK text and as bare DER.
fn looks_public(secret: &[u8]) -> bool {
    let compact: Zeroizing<Vec<u8>> =
        Zeroizing::new(secret.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let compact = compact.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&compact);
    let holds = |text: &[u8]| compact.windows(text.len()).any(|window| window == text);
    let in_base64 = || STANDARD.decode(compact).is_ok_and(|der| public::from_der(&der).is_ok());
    holds(b"-----BEGIN")
        || compact.first() == Some(&b'{') && (holds(b"\"kty\"") || holds(b"\"keys\""))
        || compact.starts_with(b"ssh-")
        || compact.starts_with(b"ecdsa-sha2-")
        || public::from_der(secret).is_ok()
        || in_base64()
}

/// The bytes of a secret as it is written down.
pub(crate) fn decode(bytes: &[u8], encoding: Encoding) -> Result<Vec<u8>, KeysError> {
    let text = || {
        std::str::from_utf8(bytes).map(str::trim).map_err(|_| KeysError::Unreadable("the secret is not text"))
    };
    let wrong = |_| KeysError::Unreadable("the secret is not encoded as `encoding` says");
    match encoding {
        // A file written with an editor ends with a line break that nobody meant.
        Encoding::Raw => {
            let stripped = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            Ok(stripped.strip_suffix(b"\r").unwrap_or(stripped).to_vec())
        }
        Encoding::Base64 => STANDARD.decode(text()?).map_err(wrong),
        Encoding::Base64Url => URL_SAFE_NO_PAD.decode(text()?.trim_end_matches('=')).map_err(wrong),
        Encoding::Hex => hex(text()?).ok_or(KeysError::Unreadable("the secret is not hexadecimal")),
    }
}

/// Digits only: the number parser of the library takes a sign.
fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    // The whole capacity at once: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.as_bytes().chunks(2) {
        bytes.push(std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())?);
    }
    Some(bytes)
}
