//! Forbid rules and routes.

use crate::policy::diagnostic::{At, Spanned};

use super::{Match, OnDeny, Paths, Requirement, Text, Upstream};

/// A forbid rule.
#[derive(Debug, Clone)]
pub struct Forbid {
    /// The place of the rule.
    pub at: At,
    /// `name`.
    pub name: Text,
    /// `match`.
    pub matches: Vec<Match>,
    /// `except`.
    pub except: Option<Vec<Match>>,
    /// `unless`.
    pub unless: Option<Requirement>,
    /// `on_deny`.
    pub on_deny: Option<Box<OnDeny>>,
    /// `mode`: `enforce` or `shadow`.
    pub mode: Option<Text>,
    /// `description`.
    pub description: Option<Text>,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// The place of the route.
    pub at: At,
    /// `name`.
    pub name: Option<Text>,
    /// `match`.
    pub matches: Vec<Match>,
    /// `guard`.
    pub guard: Option<Vec<Text>>,
    /// `allow`: `anyone`, `authenticated` or `nobody`.
    pub allow: Option<Text>,
    /// `require`.
    pub require: Option<Requirement>,
    /// `token`: `required`, `optional` or `ignored`.
    pub token: Option<Text>,
    /// `paths`.
    pub paths: Option<Paths>,
    /// `mode`: `enforce` or `shadow`.
    pub mode: Option<Text>,
    /// `upstream`.
    pub upstream: Option<Upstream>,
    /// `on_deny`.
    pub on_deny: Option<Box<OnDeny>>,
    /// `loosens`.
    pub loosens: Option<Spanned<bool>>,
    /// `description`.
    pub description: Option<Text>,
}
