//! Public keys: parsed once for each algorithm that they are for.

use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};

use crate::token::settings::Algorithm;

use super::fault::KeyFault;
use super::small_order::is_of_small_order;
use super::{Key, Material, der, fingerprint};

/// The algorithms of RSA keys.
pub(super) const RSA: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// What a public key is made of.
pub(super) enum Numbers<'k> {
    /// Modulus and exponent.
    Rsa { n: &'k [u8], e: &'k [u8] },
    /// A point of the curve of this algorithm, as the library takes it: raw, or `SubjectPublicKeyInfo`.
    Point(Algorithm, &'k [u8]),
}

/// Whether a key has an id of its own, or fits any.
pub(super) enum Name {
    /// A JSON Web Key: fits its `kid`; without one, tokens without one.
    Id(Option<Box<str>>),
    /// A PEM key fits any `kid`.
    Any,
}

/// Makes a key for those of its type's algorithms that it is said to be for.
pub(super) fn key(
    name: Name,
    numbers: &Numbers<'_>,
    is_for: impl Fn(Algorithm) -> bool,
) -> Result<Key, KeyFault> {
    let all: &[Algorithm] = match numbers {
        Numbers::Rsa { .. } => &RSA,
        Numbers::Point(algorithm, _) => std::slice::from_ref(algorithm),
    };
    let mut forms = Vec::new();
    for algorithm in all.iter().copied().filter(|algorithm| is_for(*algorithm)) {
        forms.push((algorithm, parse(algorithm, numbers)?));
    }
    if forms.is_empty() {
        return Err(KeyFault::WrongAlgorithm);
    }
    let names: Vec<&str> = forms.iter().map(|(algorithm, _)| algorithm.name()).collect();
    let origin = match numbers {
        Numbers::Rsa { n, e } => fingerprint(&[b"rsa", n, e]),
        Numbers::Point(algorithm, point) => fingerprint(&[algorithm.name().as_bytes(), point]),
    };
    let (id, fits_any_id) = match name {
        Name::Id(id) => (id, false),
        Name::Any => (None, true),
    };
    let id_bytes = id.as_deref().unwrap_or_default().as_bytes();
    let fingerprint = fingerprint(&[b"public", names.join(",").as_bytes(), id_bytes, &origin]);
    Ok(Key { id, fits_any_id, fingerprint, origin, material: Material::Public(forms) })
}

fn parse(algorithm: Algorithm, numbers: &Numbers<'_>) -> Result<ParsedPublicKey, KeyFault> {
    let parsed = match (verification(algorithm), numbers) {
        (Verification::Rsa(parameters), Numbers::Rsa { n, e }) => {
            is_sound(n, e)?;
            RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
        }
        (Verification::Point(verification), Numbers::Point(_, point)) => {
            // The point stands last, however it is written.
            let is_everybodys =
                algorithm == Algorithm::EdDsa && point.last_chunk().is_some_and(is_of_small_order);
            if is_everybodys {
                return Err(KeyFault::Weak);
            }
            ParsedPublicKey::new(verification, point)
        }
        (Verification::Rsa(_) | Verification::Point(_) | Verification::None, _) => {
            return Err(KeyFault::WrongAlgorithm);
        }
    };
    parsed.map_err(|_| KeyFault::Malformed)
}

/// The library looks at the size only when it verifies, and not at the exponent.
fn is_sound(n: &[u8], e: &[u8]) -> Result<(), KeyFault> {
    let unused = n.first().map_or(0, |first| first.leading_zeros());
    let bits = n.len() * 8 - usize::try_from(unused).unwrap_or(0);
    if bits < 2048 {
        return Err(KeyFault::Weak);
    }
    if bits > 8192 {
        return Err(KeyFault::TooLarge);
    }
    // The library verifies nothing with a longer exponent; real ones have 17 bits.
    if e.len() > 4 {
        return Err(KeyFault::TooLarge);
    }
    // With 1 everybody signs; an even number is no exponent.
    let is_odd = e.last().is_some_and(|last| last % 2 == 1);
    if is_odd && e != [1] { Ok(()) } else { Err(KeyFault::Weak) }
}

/// What the library calls an algorithm.
enum Verification {
    Rsa(&'static RsaParameters),
    Point(&'static dyn VerificationAlgorithm),
    None,
}

/// RSA keys of 2048 to 8192 bits only; ECDSA signatures in the fixed form of RFC 7518 section 3.4.
fn verification(algorithm: Algorithm) -> Verification {
    match algorithm {
        Algorithm::Rs256 => Verification::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Verification::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Verification::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Verification::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Verification::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Verification::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => Verification::Point(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => Verification::Point(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => Verification::Point(&signature::ECDSA_P521_SHA512_FIXED),
        Algorithm::EdDsa => Verification::Point(&signature::ED25519),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Verification::None,
    }
}

/// The kind of public key that DER bytes are: `SubjectPublicKeyInfo` of any kind, or a PKCS#1 RSA key.
pub(super) fn from_der(bytes: &[u8]) -> Result<Key, KeyFault> {
    // The library would take the bare point of a curve too, and any 32 bytes are one.
    if !der::is_sequence(bytes) {
        return Err(KeyFault::Malformed);
    }
    if let Ok(rsa) = PublicKey::from_der(bytes) {
        let (n, e) = der::rsa_numbers(rsa.as_ref()).ok_or(KeyFault::Malformed)?;
        return key(Name::Any, &Numbers::Rsa { n, e }, |_| true);
    }
    for (curve, length) in
        [(Algorithm::Es256, 65), (Algorithm::Es384, 97), (Algorithm::Es512, 133), (Algorithm::EdDsa, 32)]
    {
        let Some(start) = bytes.len().checked_sub(length).filter(|start| *start > 0) else { continue };
        let whole = Numbers::Point(curve, bytes);
        match parse(curve, &whole) {
            Ok(_) => {}
            Err(KeyFault::Weak) => return Err(KeyFault::Weak),
            Err(_) => continue,
        }
        // The point stands last. Named by it alone, the key is the same one that a JWK holds.
        let point = Numbers::Point(curve, bytes.get(start..).unwrap_or_default());
        return key(Name::Any, &point, |_| true).or_else(|_| key(Name::Any, &whole, |_| true));
    }
    Err(KeyFault::UnknownType)
}
