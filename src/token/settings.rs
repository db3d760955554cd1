//! An issuer as the policy describes it: whose tokens, where they are found, what they must hold.

mod place;
mod preset;

use std::time::Duration;

use super::claims::ClaimPath;

pub use place::Place;
pub use preset::Preset;

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037, RFC 9864).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519, named `EdDSA` or `Ed25519`.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 13] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The name in a JOSE header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Finds an algorithm by its JOSE name, compared exactly. `Ed25519` is `EdDSA` (RFC 9864).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether it uses a shared secret.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}

/// Everything that decides whether a token is this issuer's and good, but the keys themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuerSettings {
    /// The name in the policy.
    pub name: Box<str>,
    /// The exact `iss` values; empty means `issuer: none`: tokens that carry no `iss`.
    pub iss: Vec<Box<str>>,
    /// Where the keys come from.
    pub sources: Vec<KeySource>,
    /// The allow-list, if one is written. Without it: the asymmetric algorithms of the keys.
    pub algorithms: Option<Vec<Algorithm>>,
    /// At least one must be in the token.
    pub audiences: Audiences,
    /// Allowed `typ` values, in lower case and without `application/`; `None` stands for an absent `typ`.
    pub types: Vec<Option<Box<str>>>,
    /// Clock skew allowed.
    pub leeway: Duration,
    /// Whether a token without `exp` is refused.
    pub require_expiry: bool,
    /// Oldest age by `iat`.
    pub max_age: Option<Duration>,
    /// Where the token is looked for.
    pub places: Vec<Place>,
    /// Where things are in the claims.
    pub read: Read,
    /// A scope that stands for all.
    pub scope_wildcard: Option<Box<str>>,
    /// How keys are kept fresh.
    pub refresh: Refresh,
    /// Whether the process waits for these keys before it is ready.
    pub required: bool,
}

/// Whom the tokens must be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audiences {
    /// `audiences: any`: not checked, and said so.
    Any,
    /// One of these must be in the token. Never empty.
    OneOf(Vec<Box<str>>),
}

/// Claim paths by what they hold. `subject` and `audience`: the first present; the others: the union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The caller's id.
    pub subject: Vec<ClaimPath>,
    /// Scopes.
    pub scopes: Vec<ClaimPath>,
    /// Roles.
    pub roles: Vec<ClaimPath>,
    /// Groups.
    pub groups: Vec<ClaimPath>,
    /// Permissions.
    pub permissions: Vec<ClaimPath>,
    /// What `audiences` is compared with.
    pub audience: Vec<ClaimPath>,
    /// Claims that must equal a text (`token_use: access`), as a preset asks.
    pub must_equal: Vec<(ClaimPath, Box<str>)>,
}

/// One source of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set over HTTP.
    JwksUrl {
        /// Where.
        url: Box<str>,
        /// How.
        access: Access,
    },
    /// `OpenID` Connect or RFC 8414 metadata that names the JWK set.
    Discovery {
        /// The metadata document; `None`: the well-known places under `issuer`.
        url: Option<Box<str>>,
        /// How.
        access: Access,
    },
    /// A JWK set in a file.
    JwksFile(Box<str>),
    /// A JWK set in the policy, as JSON text.
    Jwks(Box<str>),
    /// A PEM public key (SPKI, PKCS#1) or X.509 certificate in a file.
    PemFile(Box<str>),
    /// The same in the policy.
    Pem(Box<str>),
    /// An HMAC secret in a file.
    SecretFile {
        /// The path.
        path: Box<str>,
        /// How it is written there.
        encoding: Encoding,
    },
    /// An HMAC secret in an environment variable.
    SecretEnv {
        /// Its name.
        variable: Box<str>,
        /// How it is written there.
        encoding: Encoding,
    },
}

/// How a URL is fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Trust these roots instead of the system's.
    pub ca_file: Option<Box<str>>,
    /// Send this file's content as a bearer token.
    pub bearer_token_file: Option<Box<str>>,
    /// Plain HTTP beyond loopback is meant.
    pub insecure_http: bool,
}

/// How a secret is written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// The bytes themselves.
    #[default]
    Raw,
    /// RFC 4648 section 4.
    Base64,
    /// RFC 4648 section 5, padded or not.
    Base64Url,
    /// RFC 4648 section 8.
    Hex,
}

/// How fetched keys are kept fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    /// Between two fetches.
    pub interval: Duration,
    /// Of one fetch.
    pub timeout: Duration,
    /// Least time between two fetches that unknown key ids cause.
    pub cooldown: Duration,
    /// After this long without a good fetch the keys are no longer trusted.
    pub max_stale: Duration,
    /// Largest answer.
    pub max_bytes: usize,
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(5),
            timeout: Duration::from_secs(3),
            cooldown: Duration::from_secs(10),
            max_stale: Duration::from_hours(24),
            max_bytes: 1 << 20,
        }
    }
}
