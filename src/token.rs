//! Who is calling: from credentials in a request to a verified identity, strictly.
//!
//! jsonwebtoken reads keys and aws-lc-rs checks signatures; header and claims are judged here, with time as
//! an argument. RFC 7515, 7517, 7518, 7519, 6750, 8725, 9068.

pub mod cache;
pub mod claims;
mod extract;
mod glance;
mod header;
mod identity;
pub mod json;
pub mod keys;
pub mod settings;
pub mod trust;
mod unverified;

use std::sync::Arc;

use crate::decision::Denied;
use crate::time::UnixTime;

use claims::Claims;
use settings::Algorithm;

/// Index of an issuer in its policy set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId(pub u16);

/// What a verified token says of its bearer. Guards are judged per request and are not part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Whose token it is.
    pub issuer: IssuerId,
    /// The subject, if the token has one; an integer `sub` in decimal form.
    pub subject: Option<Box<str>>,
    /// Granted scopes.
    pub scopes: Box<[Box<str>]>,
    /// Whether a scope of the token stands for all (`scope_wildcard`).
    pub all_scopes: bool,
    /// Roles.
    pub roles: Box<[Box<str>]>,
    /// Groups.
    pub groups: Box<[Box<str>]>,
    /// Permissions.
    pub permissions: Box<[Box<str>]>,
    /// Audiences (`aud`, or what `read.audience` names).
    pub audiences: Box<[Box<str>]>,
    /// The header's `typ`, in lower case and without `application/`.
    pub token_type: Option<Box<str>>,
    /// All claims.
    pub claims: Claims,
    /// The key that verified it (`kid`), if it has an id.
    pub key_id: Option<Box<str>>,
    /// Not to be used at or after this moment (leeway included).
    pub expires: Option<UnixTime>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// Nobody: no credential was sent.
    Anonymous,
    /// Somebody whose token verified.
    Verified(Arc<Identity>),
}

/// Why a credential was refused. It never degrades to anonymous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason reported.
    pub reason: Denied,
    /// For the log: `key "k1" is for encryption`. Never the token.
    pub detail: Box<str>,
    /// The issuer, once it is known.
    pub issuer: Option<IssuerId>,
    /// The token's algorithm, once it could be read.
    pub algorithm: Option<Algorithm>,
    /// Whether this was known of the token already.
    pub cached: bool,
}

/// A token was verified, or was not: for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// The issuer, once it is known.
    pub issuer: Option<IssuerId>,
    /// The token's algorithm, once it could be read.
    pub algorithm: Option<Algorithm>,
    /// Why it was refused, if it was.
    pub refused: Option<Denied>,
}

/// A key id not seen before: the edge may fetch once and ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeedsKeys(pub IssuerId);

/// Whether a request may still wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// An unknown key id of a fetched set may come back as [`NeedsKeys`].
    First,
    /// It has to be decided with what is there.
    Final,
}
