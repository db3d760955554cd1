//! What holds for the whole set.

use crate::policy::diagnostic::{At, Spanned};

use super::{Text, Upstream};

/// `defaults`.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The place of the map.
    pub at: At,
    /// `guard`.
    pub guard: Option<Vec<Text>>,
    /// `upstream`.
    pub upstream: Option<Upstream>,
}

/// `paths`.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The place of the map.
    pub at: At,
    /// `case`.
    pub case: Option<Text>,
    /// `empty_segments`.
    pub empty_segments: Option<Text>,
    /// `encoded_slashes`.
    pub encoded_slashes: Option<Text>,
    /// `semicolons`.
    pub semicolons: Option<Text>,
    /// `scripts`.
    pub scripts: Option<Text>,
}

/// `client_address`.
#[derive(Debug, Clone)]
pub struct ClientAddress {
    /// The place of the map.
    pub at: At,
    /// `header`.
    pub header: Text,
    /// `trusted_hops`.
    pub trusted_hops: Option<Spanned<i64>>,
}
