//! Mutants on trial: does a test notice?

use std::sync::Arc;

use crate::cases::compare::compare;
use crate::cases::coverage::Seen;
use crate::cases::{Case, Run, Staged, Suite};
use crate::policy::diagnostic::{At, SourceFile};
use crate::policy::document::Document;
use crate::policy::observe::Silent;
use crate::policy::{Policy, compile};

use super::{Mutant, Reach};

/// The tests of a policy, ready to be run against mutants of it.
///
/// Tokens are made, and keys laid out, by the policy as it is: a guard that asks less makes no other tokens.
#[derive(Debug)]
pub struct Trial<'t> {
    files: &'t [SourceFile],
    document: Document,
    cases: Vec<Prepared<'t>>,
}

/// One test, laid out, with the rules that its request was about.
#[derive(Debug)]
struct Prepared<'t> {
    case: &'t Case,
    staged: Staged,
    rules: Vec<At>,
    /// A preflight may hang on any rule without asking it.
    is_preflight: bool,
}

/// A mutant that says nothing: it cannot be compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mutant is no policy")]
pub struct Untested;

impl<'t> Trial<'t> {
    /// Takes the policy's files and document, and tests that pass. A test that does not is left out.
    #[must_use]
    pub fn new(
        files: &'t [SourceFile],
        document: Document,
        run: &Run,
        cases: impl Iterator<Item = (&'t Suite, &'t Case)>,
    ) -> Self {
        let cases = cases.filter_map(|(suite, case)| prepare(run, suite, case)).collect();
        Self { files, document, cases }
    }

    /// Whether a test tells the mutant from the policy.
    ///
    /// # Errors
    /// [`Untested`]
    pub fn notices(&mut self, mutant: &Mutant) -> Result<bool, Untested> {
        let mut mutant = mutant.clone();
        let reach = mutant.reach(&self.document);
        mutant.exchange(&mut self.document);
        let compiled = compile::compile_document(&self.document, self.files);
        mutant.exchange(&mut self.document);
        let policy = Arc::new(compiled.map_err(|_| Untested)?);
        let near = |one: &Prepared<'_>| match reach {
            Reach::Rule(at) => one.rules.contains(&at) || one.is_preflight,
            Reach::Everything => true,
        };
        Ok(self.cases.iter_mut().filter(|one| near(one)).any(|one| one.differs(&policy)))
    }
}

fn prepare<'t>(run: &Run, suite: &'t Suite, case: &'t Case) -> Option<Prepared<'t>> {
    let staged = run.stage(suite, case).ok()?;
    let policy = Arc::clone(run.policy());
    let mut seen = Seen::default();
    let is_preflight = staged.judge(&mut seen, |incoming, judgement, answer| {
        let passes = compare(&policy, &case.expect, incoming, judgement, answer).mismatches.is_empty();
        passes.then(|| policy.preflights_pass && incoming.method == "OPTIONS")
    })?;
    let won = seen.won.and_then(|id| policy.route(id)).map(|route| route.meta.at);
    let matched = seen.matched.iter().filter_map(|id| policy.forbid(*id)).map(|forbid| forbid.meta.at);
    let rules = won.into_iter().chain(matched).collect();
    Some(Prepared { case, staged, rules, is_preflight })
}

impl Prepared<'_> {
    fn differs(&mut self, policy: &Arc<Policy>) -> bool {
        self.staged.snapshot.policy = Arc::clone(policy);
        let expect = &self.case.expect;
        self.staged.judge(&mut Silent, |incoming, judgement, answer| {
            !compare(policy, expect, incoming, judgement, answer).mismatches.is_empty()
        })
    }
}
