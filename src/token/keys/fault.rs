//! Why a key is left out.

use std::fmt;

/// Why one key of a set cannot be used. The others go on working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyFault {
    /// It cannot be read.
    Malformed,
    /// It holds private members: whoever published it has lost it.
    Private,
    /// `use` or `key_ops` say that it is for something else.
    NotForSignatures,
    /// Its `alg` is not one for keys of its type.
    WrongAlgorithm,
    /// An RSA key under 2048 bits or with a useless exponent, an Ed25519 key with which everybody signs, or a
    /// secret shorter than its hash.
    Weak,
    /// An RSA key over 8192 bits, or with an exponent over 32.
    TooLarge,
    /// A shared secret in a key set.
    Symmetric,
    /// Its type or curve is not known.
    UnknownType,
}

impl KeyFault {
    /// The word for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Private => "private",
            Self::NotForSignatures => "not_for_signatures",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::Weak => "weak",
            Self::TooLarge => "too_large",
            Self::Symmetric => "symmetric",
            Self::UnknownType => "unknown_type",
        }
    }
}

/// What follows the key's name in a sentence: key `k1` *is for encryption*.
impl fmt::Display for KeyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "cannot be read",
            Self::Private => "is private, and its other half has been published with it",
            Self::NotForSignatures => "is not for signatures (`use` or `key_ops`)",
            Self::WrongAlgorithm => "is for an algorithm that keys of its type do not have",
            Self::Weak => "is too weak",
            Self::TooLarge => "is too large",
            Self::Symmetric => "is a shared secret, which does not belong into a key set",
            Self::UnknownType => "is of a type that is not known",
        })
    }
}
