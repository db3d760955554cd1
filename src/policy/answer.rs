//! What a denied client is told: `responses` and `on_deny`, compiled.

/// The answers of a set.
#[derive(Debug, Clone, Default)]
pub struct Answers {}

/// The answers of one rule, over those of the set.
#[derive(Debug, Clone, Default)]
pub struct RuleAnswers {}
