//! What a denied client is told: `responses` and `on_deny`, compiled.

mod body;
mod compile;

use crate::decision::{self, Denied};

pub use body::{Body, Word};
pub use compile::{compile, compile_rule};

/// The shape of a body that the program writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// RFC 9457 problem details.
    #[default]
    Problem,
    /// `{"message": "Unauthenticated"}`, as Laravel's clients know it.
    Message,
    /// One line of text.
    Text,
    /// Nothing.
    Empty,
}

/// How much a client is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Disclose {
    /// The status, and that a token is wanted.
    None,
    /// Also what RFC 6750 has a code for: a token that is not accepted, scopes that are missing.
    #[default]
    Challenge,
    /// Also the reason's code and the rule's name.
    Reason,
}

/// One block of an answer; what it leaves out, the next block decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// 300 to 599.
    pub status: Option<u16>,
    /// Names in lower case, values that can stand in a header.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// A body of the policy's own.
    pub body: Option<Body>,
    /// A body that the program writes, or the type of `body`.
    pub format: Option<Format>,
}

impl Block {
    /// Nothing of its own.
    const EMPTY: Self = Self { status: None, headers: Vec::new(), body: None, format: None };

    /// The value of a header it sets.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(present, _)| present.as_ref() == name).map(|(_, value)| value.as_ref())
    }
}

/// The answers of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The shape of the bodies.
    pub format: Format,
    /// The realm of challenges; printable ASCII.
    pub realm: Option<Box<str>>,
    /// How much a client is told.
    pub disclose: Disclose,
    /// RFC 9728: where a client learns who issues tokens.
    pub resource_metadata: Option<Box<str>>,
    /// The header that tells the decision's id, in lower case.
    pub decision_id_header: Option<Box<str>>,
    /// 400.
    pub bad_request: Block,
    /// 401.
    pub unauthenticated: Block,
    /// 403.
    pub forbidden: Block,
    /// 503.
    pub unavailable: Block,
}

/// The realm where the policy names none: RFC 6750 section 3 wants at least one parameter.
pub const DEFAULT_REALM: &str = "api";

impl Default for Answers {
    fn default() -> Self {
        Self::BUILT_IN
    }
}

impl Answers {
    /// Where a policy says nothing, and before there is one.
    pub const BUILT_IN: Self = Self {
        format: Format::Problem,
        realm: None,
        disclose: Disclose::Challenge,
        resource_metadata: None,
        decision_id_header: None,
        bad_request: Block::EMPTY,
        unauthenticated: Block::EMPTY,
        forbidden: Block::EMPTY,
        unavailable: Block::EMPTY,
    };

    /// The realm of challenges.
    #[must_use]
    pub fn realm(&self) -> &str {
        self.realm.as_deref().unwrap_or(DEFAULT_REALM)
    }

    /// The block that answers a reason.
    #[must_use]
    pub const fn block(&self, block: decision::Block) -> &Block {
        match block {
            decision::Block::BadRequest => &self.bad_request,
            decision::Block::Unauthenticated => &self.unauthenticated,
            decision::Block::Forbidden => &self.forbidden,
            decision::Block::Unavailable => &self.unavailable,
        }
    }
}

/// The answers of one rule, over those of the set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleAnswers {
    /// 400.
    pub bad_request: Block,
    /// 401.
    pub unauthenticated: Block,
    /// 401 for a good token of another family; over `unauthenticated`.
    pub guard_mismatch: Block,
    /// 403.
    pub forbidden: Block,
    /// 503.
    pub unavailable: Block,
}

impl RuleAnswers {
    /// The blocks that answer a reason, the most specific first.
    pub fn blocks(&self, reason: Denied) -> impl Iterator<Item = &Block> {
        let family = (reason == Denied::GuardMismatch).then_some(&self.guard_mismatch);
        let block = match reason.block() {
            decision::Block::BadRequest => &self.bad_request,
            decision::Block::Unauthenticated => &self.unauthenticated,
            decision::Block::Forbidden => &self.forbidden,
            decision::Block::Unavailable => &self.unavailable,
        };
        family.into_iter().chain([block])
    }
}

#[cfg(test)]
mod tests;
