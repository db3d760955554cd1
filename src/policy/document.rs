//! A policy set as it is written: every value with its place, nothing resolved, nothing judged.
//!
//! The reader makes it from YAML, the compiler makes a policy from it. Lists that may be left out are
//! `Option`s, so that "not written" and "written empty" stay apart.

mod answers;
mod issuer;
mod matching;
mod requirement;
mod rule;
mod settings;

use super::diagnostic::Spanned;

pub use answers::{Block, OnDeny, Responses, Upstream};
pub use issuer::{Guard, Issuer, KeySource, Place, Read, Refresh};
pub use matching::{GrpcMatch, Match, MatchMap, PathMatch};
pub use requirement::{Matcher, Operand, Requirement, Scalar, SourceCondition};
pub use rule::{Forbid, Route};
pub use settings::{ClientAddress, Defaults, Paths};

/// A string and its place.
pub type Text = Spanned<Box<str>>;

/// All files of a set, merged.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// `issuers`.
    pub issuers: Vec<Issuer>,
    /// `guards`.
    pub guards: Vec<Guard>,
    /// `requirements`.
    pub requirements: Vec<(Text, Requirement)>,
    /// `forbid`.
    pub forbid: Vec<Forbid>,
    /// `routes`.
    pub routes: Vec<Route>,
    /// `defaults`.
    pub defaults: Option<Defaults>,
    /// `responses`.
    pub responses: Option<Responses>,
    /// `preflight`: `allow` or `route`.
    pub preflight: Option<Text>,
    /// `overrides`: `reject`, `remove` or `pass`.
    pub overrides: Option<Text>,
    /// `paths` of the set.
    pub paths: Option<Paths>,
    /// `client_address`.
    pub client_address: Option<ClientAddress>,
}
