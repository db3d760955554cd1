//! Public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037), and their thumbprints (RFC 7638).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::token::keys::rsa_numbers;
use crate::token::settings::Algorithm;

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn members<const N: usize>(members: [(&str, String); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// From a PKCS#1 `RSAPublicKey`.
pub(super) fn rsa(der: &[u8]) -> Option<Map<String, Value>> {
    let (n, e) = rsa_numbers(der)?;
    Some(members([("kty", "RSA".to_owned()), ("n", base64url(n)), ("e", base64url(e))]))
}

/// The name of an algorithm's curve.
pub(super) fn curve_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es384 => "P-384",
        Algorithm::Es512 => "P-521",
        Algorithm::EdDsa => "Ed25519",
        Algorithm::Es256
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512
        | Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => "P-256",
    }
}

/// From an uncompressed point: 4, then both coordinates.
pub(super) fn curve(algorithm: Algorithm, point: &[u8]) -> Option<Map<String, Value>> {
    let coordinates = point.strip_prefix(&[4])?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    let curve = curve_name(algorithm).to_owned();
    Some(members([("kty", "EC".to_owned()), ("crv", curve), ("x", base64url(x)), ("y", base64url(y))]))
}

pub(super) fn ed25519(bytes: &[u8]) -> Map<String, Value> {
    let curve = curve_name(Algorithm::EdDsa).to_owned();
    members([("kty", "OKP".to_owned()), ("crv", curve), ("x", base64url(bytes))])
}

/// SHA-256 over the members in the order of their names, without white space.
pub(super) fn thumbprint(public: &Map<String, Value>) -> String {
    let mut names: Vec<&String> = public.keys().collect();
    names.sort();
    let pairs: Vec<String> =
        names.into_iter().filter_map(|name| Some(format!("\"{name}\":{}", public.get(name)?))).collect();
    let text = format!("{{{}}}", pairs.join(","));
    base64url(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_rfc_7638_section_3_1() {
        let key = r#"{"kty": "RSA", "e": "AQAB", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}"#;
        let key = serde_json::from_str(key).expect("a key");
        assert_eq!(thumbprint(&key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
