//! What a rule is about: `match` and `except`.

use crate::policy::diagnostic::At;

use super::{Matcher, Text};

/// One match: a string or a map.
#[derive(Debug, Clone)]
pub enum Match {
    /// `[METHOD[,METHOD…] ][host]/path`.
    Text(Text),
    /// A map.
    Map(Box<MatchMap>),
}

/// A match written as a map.
#[derive(Debug, Clone)]
pub struct MatchMap {
    /// The place of the map.
    pub at: At,
    /// `methods`.
    pub methods: Option<Vec<Text>>,
    /// `hosts`.
    pub hosts: Option<Vec<Text>>,
    /// `path`.
    pub path: Option<PathMatch>,
    /// `headers`.
    pub headers: Option<Vec<(Text, Matcher)>>,
    /// `query`.
    pub query: Option<Vec<(Text, Matcher)>>,
    /// `grpc`.
    pub grpc: Option<GrpcMatch>,
    /// `token`: `present`, `absent` or `valid`; forbid rules only.
    pub token: Option<Text>,
}

/// `path` of a match.
#[derive(Debug, Clone)]
pub enum PathMatch {
    /// A template.
    Template(Text),
    /// `{ regex: '…' }`.
    Regex(Text),
}

/// `grpc` of a match.
#[derive(Debug, Clone)]
pub struct GrpcMatch {
    /// The place of the map.
    pub at: At,
    /// `service`.
    pub service: Text,
    /// `method`.
    pub method: Option<Text>,
}
