//! Mutants that a test file accepts: no test can notice them, and it says why.

use crate::policy::diagnostic::At;

use super::{Mutant, Operator};

/// An accepted mutant, named as the report names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Where it was written.
    pub at: At,
    /// How the policy is changed.
    pub operator: Operator,
    /// The rule, requirement or guard: `route customers.read`.
    pub owner: Box<str>,
    /// What stands there.
    pub before: Box<str>,
    /// What stands there in the mutant; `None`: nothing.
    pub after: Option<Box<str>>,
    /// Why no test can notice it. Never empty.
    pub because: Box<str>,
}

impl Accepted {
    /// Whether it is this mutant, to the letter: a rule that changes has to be accepted anew.
    #[must_use]
    pub fn is(&self, mutant: &Mutant) -> bool {
        let change = &mutant.change;
        self.operator == change.operator
            && *self.owner == *mutant.owner
            && *self.before == *change.before
            && self.after.as_deref() == change.after.as_deref()
    }
}
