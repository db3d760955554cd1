//! Where tokens stand in a request.

use std::hash::{Hash, Hasher};

/// A place of a request where a token may stand.
#[derive(Debug, Clone, Eq)]
pub enum Place {
    /// A header, after a scheme (compared without regard to case) or as the whole value.
    Header {
        /// Lower case.
        name: Box<str>,
        /// `Bearer`, …
        scheme: Option<Box<str>>,
    },
    /// A cookie.
    Cookie(Box<str>),
    /// A query parameter.
    Query(Box<str>),
}

impl Place {
    /// Where a token stands unless its issuer says otherwise (RFC 6750 section 2.1).
    #[must_use]
    pub fn usual() -> Self {
        Self::Header { name: "authorization".into(), scheme: Some("Bearer".into()) }
    }
}

/// Schemes are compared without regard to case (RFC 9110 section 11.1): `Bearer` and `bearer` are one place.
impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header { name, scheme }, Self::Header { name: other_name, scheme: other_scheme }) => {
                let same_scheme = match (scheme, other_scheme) {
                    (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                name == other_name && same_scheme
            }
            (Self::Cookie(one), Self::Cookie(other)) | (Self::Query(one), Self::Query(other)) => one == other,
            (Self::Header { .. } | Self::Cookie(_) | Self::Query(_), _) => false,
        }
    }
}

/// As equality has it.
impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Header { name, scheme } => {
                name.hash(state);
                scheme.as_ref().map(|scheme| scheme.to_ascii_lowercase()).hash(state);
            }
            Self::Cookie(name) | Self::Query(name) => name.hash(state),
        }
    }
}
