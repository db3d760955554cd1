//! Shared secrets.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::token::settings::{Algorithm, Encoding};

use super::{Key, KeySet, KeysError, Material, RejectedKey, fingerprint};

pub(super) fn read(bytes: &[u8], encoding: Encoding, algorithms: &[Algorithm]) -> Result<KeySet, KeysError> {
    let secret = Zeroizing::new(decode(bytes, encoding)?);
    // A public key used as a secret is known to everybody (CVE-2026-34950, CVE-2026-48526).
    let text = String::from_utf8_lossy(&secret);
    if text.contains("-----BEGIN") || text.trim_start().starts_with('{') || text.trim_start().starts_with("ssh-") {
        return Err(KeysError::Unreadable("the secret looks like a public key"));
    }
    let mut set = KeySet::default();
    let mut forms = Vec::new();
    for algorithm in algorithms {
        let (hash, length) = match algorithm {
            Algorithm::Hs256 => (hmac::HMAC_SHA256, 32),
            Algorithm::Hs384 => (hmac::HMAC_SHA384, 48),
            Algorithm::Hs512 => (hmac::HMAC_SHA512, 64),
            _ => continue,
        };
        // RFC 7518 section 3.2: a key of the size of the hash or larger.
        if secret.len() < length {
            let key = format!("secret for {}", algorithm.name());
            set.rejected.push(RejectedKey { key: key.into(), cause: "weak" });
        } else {
            forms.push((*algorithm, hmac::Key::new(hash, &secret)));
        }
    }
    if !forms.is_empty() {
        let fingerprint = fingerprint(&[b"secret", &secret]);
        set.keys.push(Key { id: None, fits_any_id: true, fingerprint, material: Material::Secret(forms) });
    }
    Ok(set)
}

fn decode(bytes: &[u8], encoding: Encoding) -> Result<Vec<u8>, KeysError> {
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

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.len() % 2 != 0 || !text.is_ascii() {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect()
}
