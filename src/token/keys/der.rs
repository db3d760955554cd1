//! As much DER (X.690) as it takes to find a public key in a certificate, and the numbers in an RSA key.
//! Whatever is found is read again by the cryptographic library.

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// One value after another.
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    /// The next value: its tag, its content, and all its bytes.
    fn next(&mut self) -> Option<(u8, &'d [u8], &'d [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            short @ 0..=0x7f => (usize::from(*short), rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some((*tag, content, whole))
    }

    fn content(&mut self, wanted: u8) -> Option<&'d [u8]> {
        self.next().filter(|(tag, ..)| *tag == wanted).map(|(_, content, _)| content)
    }
}

/// Whether the bytes are one `SEQUENCE` and nothing else.
pub(super) fn is_sequence(bytes: &[u8]) -> bool {
    let mut reader = Reader(bytes);
    reader.content(SEQUENCE).is_some() && reader.0.is_empty()
}

/// The `SubjectPublicKeyInfo` of an X.509 certificate (RFC 5280 section 4.1), of version 1 too: that is what
/// Keycloak shows.
pub(super) fn key_of_certificate(certificate: &[u8]) -> Option<&[u8]> {
    let mut outer = Reader(Reader(certificate).content(SEQUENCE)?);
    let mut fields = Reader(outer.content(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.next()?;
    }
    fields.content(INTEGER)?;
    // signature, issuer, validity, subject
    for _ in 0..4 {
        fields.content(SEQUENCE)?;
    }
    fields.next().filter(|(tag, ..)| *tag == SEQUENCE).map(|(_, _, whole)| whole)
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
pub(crate) fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Reader(Reader(key).content(SEQUENCE)?);
    let mut number = || fields.content(INTEGER).map(without_zeros);
    Some((number()?, number()?))
}

/// A number without the zeros that stand before it.
pub(super) fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
