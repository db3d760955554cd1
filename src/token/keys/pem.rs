//! PEM (RFC 7468): public keys (SPKI, PKCS#1) and the keys of X.509 certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::token::settings::Algorithm;

use super::{Key, KeySet, KeysError, MOST_KEYS, RSA, RejectedKey, public_key};

pub(super) fn read(bytes: &[u8]) -> Result<KeySet, KeysError> {
    let text = std::str::from_utf8(bytes).map_err(|_| KeysError::Unreadable("it is no PEM: no text"))?;
    let sections = sections(text).ok_or(KeysError::Unreadable("it is no PEM"))?;
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
            Err(cause) => set.rejected.push(RejectedKey { key: format!("#{index}").into(), cause }),
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

fn one(label: &str, der: &[u8]) -> Result<Key, &'static str> {
    match label {
        "PUBLIC KEY" => spki(der),
        "RSA PUBLIC KEY" => public_key(None, true, &RSA, der).ok_or("malformed"),
        "CERTIFICATE" => {
            let certificate = CertificateDer::from(der);
            let certificate = EndEntityCert::try_from(&certificate).map_err(|_| "malformed")?;
            spki(certificate.subject_public_key_info().as_ref())
        }
        other if other.ends_with("PRIVATE KEY") => Err("private"),
        _ => Err("unknown_type"),
    }
}

/// The first kind of key that the bytes are.
fn spki(der: &[u8]) -> Result<Key, &'static str> {
    let kinds: [&[Algorithm]; 5] =
        [&RSA, &[Algorithm::Es256], &[Algorithm::Es384], &[Algorithm::Es512], &[Algorithm::EdDsa]];
    kinds.into_iter().find_map(|algorithms| public_key(None, true, algorithms, der)).ok_or("unknown_type")
}
