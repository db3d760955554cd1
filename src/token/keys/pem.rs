//! PEM (RFC 7468): public keys (SPKI, PKCS#1) and the keys of X.509 certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::fault::KeyFault;
use super::{Key, KeySet, KeysError, MOST_KEYS, RejectedKey, der, public};

pub(super) fn read(bytes: &[u8]) -> Result<KeySet, KeysError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KeysError::Unreadable("it is no PEM: no text"))?;
    let sections =
        sections(text).ok_or(KeysError::Unreadable("it is no PEM: a section is cut off or no base64"))?;
    if sections.is_empty() {
        return Err(KeysError::Unreadable("it is no PEM: no `-----BEGIN …-----`"));
    }
    if sections.len() > MOST_KEYS {
        return Err(KeysError::Unreadable("it holds over 200 keys"));
    }
    let mut set = KeySet::default();
    for (index, (label, der)) in sections.into_iter().enumerate() {
        match one(label, &der) {
            Ok(key) => set.keys.push(key),
            Err(fault) => set.rejected.push(RejectedKey::unnamed(index, fault)),
        }
    }
    Ok(set)
}

/// Labels and contents. The library that reads PEM for TLS knows no `RSA PUBLIC KEY`, so this is ours.
fn sections(text: &str) -> Option<Vec<(&str, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----")?;
        let (body, after) = after.split_once(&format!("-----END {label}-----"))?;
        let base64: String = body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        found.push((label, STANDARD.decode(base64).ok()?));
        rest = after;
    }
    Some(found)
}

/// A certificate only carries a key here: neither its dates nor who signed it are looked at.
fn one(label: &str, der: &[u8]) -> Result<Key, KeyFault> {
    match label {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => public::from_der(der),
        "CERTIFICATE" => public::from_der(der::key_of_certificate(der).ok_or(KeyFault::Malformed)?),
        other if other.ends_with("PRIVATE KEY") => Err(KeyFault::Private),
        _ => Err(KeyFault::UnknownType),
    }
}
