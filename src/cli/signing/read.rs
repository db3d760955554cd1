//! Private keys as people have them: PEM, a private JWK, or a secret.

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{SigningKey, curve};
use crate::token::keys::decode_secret;
use crate::token::settings::{Algorithm, Encoding};

const CURVES: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512];

pub(super) fn read(bytes: &[u8], encoding: Encoding) -> Result<(SigningKey, Option<String>), String> {
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim_start();
    if text.starts_with('{') {
        let key: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| "it is no JSON Web Key".to_owned())?;
        let id = key.get("kid").and_then(Value::as_str).map(str::to_owned);
        return Ok((jwk(&key)?, id));
    }
    if text.contains("-----BEGIN ") {
        return Ok((pem(text)?, None));
    }
    let secret = decode_secret(bytes, encoding).map_err(|error| error.to_string())?;
    let key = SigningKey::Secret(Zeroizing::new(secret));
    if key.algorithms().is_empty() {
        return Err("it is neither PEM nor a JWK, and as a secret it is shorter than 32 bytes".to_owned());
    }
    Ok((key, None))
}

fn pem(text: &str) -> Result<SigningKey, String> {
    let mut seen = Vec::new();
    for section in text.split("-----BEGIN ").skip(1) {
        let (label, rest) = section.split_once("-----").ok_or("a section of the PEM is cut off")?;
        let (body, _) = rest.split_once("-----END ").ok_or("a section of the PEM is cut off")?;
        let base64: Zeroizing<String> =
            Zeroizing::new(body.chars().filter(|letter| !letter.is_ascii_whitespace()).collect());
        let der = STANDARD.decode(&*base64).map(Zeroizing::new);
        let der = der.map_err(|_| format!("`{label}` is no base64"))?;
        let key = match label {
            "PRIVATE KEY" => pkcs8(&der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok().map(SigningKey::Rsa),
            "EC PRIVATE KEY" => each_curve(|kind| EcdsaKeyPair::from_private_key_der(kind, &der).ok()),
            // `openssl ecparam -genkey` writes the curve before the key.
            "EC PARAMETERS" => continue,
            "ENCRYPTED PRIVATE KEY" => {
                return Err("the key is encrypted: `openssl pkey -in FILE` decrypts it".to_owned());
            }
            other => {
                seen.push(other.to_owned());
                continue;
            }
        };
        return key.ok_or_else(|| {
            "its type is not known: RSA of 2048 bits and more, P-256, P-384, P-521 or Ed25519".to_owned()
        });
    }
    Err(format!("it holds no private key, but {}", seen.join(", ")))
}

fn pkcs8(der: &[u8]) -> Option<SigningKey> {
    let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(SigningKey::Rsa);
    let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(SigningKey::Ed25519);
    each_curve(|kind| EcdsaKeyPair::from_pkcs8(kind, der).ok()).or_else(ed25519).or_else(rsa)
}

fn each_curve(
    read: impl Fn(&'static aws_lc_rs::signature::EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair>,
) -> Option<SigningKey> {
    CURVES
        .into_iter()
        .find_map(|algorithm| read(curve(algorithm)?).map(|pair| SigningKey::Ecdsa(algorithm, pair)))
}

fn jwk(key: &Map<String, Value>) -> Result<SigningKey, String> {
    let number = |name: &str| {
        let text = key.get(name).and_then(Value::as_str).ok_or_else(|| format!("the JWK has no `{name}`"))?;
        let bytes =
            URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{name}` of the JWK is no base64url"))?;
        Ok::<_, String>(Zeroizing::new(bytes))
    };
    let unfit = || "its members make no key".to_owned();
    match key.get("kty").and_then(Value::as_str) {
        Some("oct") => Ok(SigningKey::Secret(number("k")?)),
        Some("OKP") => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&number("d")?, &number("x")?);
            pair.map(SigningKey::Ed25519).map_err(|_| unfit())
        }
        Some("EC") => {
            let mut point = vec![4];
            point.extend_from_slice(&number("x")?);
            point.extend_from_slice(&number("y")?);
            let private = number("d")?;
            let pair = |kind| EcdsaKeyPair::from_private_key_and_public_key(kind, &private, &point).ok();
            each_curve(pair).ok_or_else(unfit)
        }
        Some("RSA") => Err("RSA keys are read as PEM".to_owned()),
        _ => Err("its `kty` is none of EC, OKP and oct".to_owned()),
    }
}
