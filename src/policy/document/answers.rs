//! What client and upstream are told.

use crate::policy::diagnostic::{At, Spanned};

use super::Text;

/// One block of an answer.
#[derive(Debug, Clone)]
pub struct Block {
    /// The place of the map.
    pub at: At,
    /// `status`.
    pub status: Option<Spanned<i64>>,
    /// `headers`.
    pub headers: Option<Vec<(Text, Text)>>,
    /// `body`.
    pub body: Option<Text>,
    /// `format`.
    pub format: Option<Text>,
}

/// `responses`.
#[derive(Debug, Clone)]
pub struct Responses {
    /// The place of the map.
    pub at: At,
    /// `format`: `problem`, `message`, `text` or `empty`.
    pub format: Option<Text>,
    /// `realm`.
    pub realm: Option<Text>,
    /// `disclose`: `none`, `challenge` or `reason`.
    pub disclose: Option<Text>,
    /// `resource_metadata`.
    pub resource_metadata: Option<Text>,
    /// `decision_id_header`.
    pub decision_id_header: Option<Text>,
    /// `bad_request`.
    pub bad_request: Option<Block>,
    /// `unauthenticated`.
    pub unauthenticated: Option<Block>,
    /// `forbidden`.
    pub forbidden: Option<Block>,
    /// `unavailable`.
    pub unavailable: Option<Block>,
}

/// `on_deny`: either one block for every denial of the rule, or blocks by kind.
#[derive(Debug, Clone)]
pub enum OnDeny {
    /// Every denial.
    Every(Block),
    /// By kind.
    ByKind {
        /// The place of the map.
        at: At,
        /// `bad_request`.
        bad_request: Option<Block>,
        /// `unauthenticated`.
        unauthenticated: Option<Block>,
        /// `guard_mismatch`.
        guard_mismatch: Option<Block>,
        /// `forbidden`.
        forbidden: Option<Block>,
        /// `unavailable`.
        unavailable: Option<Block>,
    },
}

/// `upstream`.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The place of the map.
    pub at: At,
    /// `headers`: a template, or null to drop a default.
    pub headers: Option<Vec<(Text, Option<Text>)>>,
    /// `remove`.
    pub remove: Option<Vec<Text>>,
    /// `remove_token`.
    pub remove_token: Option<Spanned<bool>>,
}
