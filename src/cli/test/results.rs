//! What came of a run of tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Arguments;
use super::mutants::{Mutation, survivors};
use crate::cases::coverage::{Coverage, Seen};
use crate::cases::{Case, Mismatch, Run, Suite};
use crate::cli::now;
use crate::cli::progress::Progress;
use crate::cli::set::Set;
use crate::cli::terminal::Terminal;
use crate::explain::{Explanation, explain};
use crate::policy::Policy;
use crate::policy::diagnostic::SourceFile;

/// Everything that is reported.
#[derive(Debug, Default)]
pub struct Results {
    /// Each test, in the order of files and lines.
    pub tests: Vec<Tested>,
    /// Tests that `--run` left out.
    pub left_out: usize,
    /// How long all of it took.
    pub took: Duration,
    /// What was seen, for each set; empty unless it was asked for.
    pub coverage: Vec<Coverage>,
    /// The least share that is good, in percent.
    pub least_coverage: Option<u8>,
    /// What no test noticed.
    pub mutation: Option<Mutation>,
    /// Whether mutants were asked for. They say nothing while tests fail.
    pub wants_mutants: bool,
}

/// One test.
#[derive(Debug)]
pub struct Tested {
    /// Its file.
    pub file: Box<str>,
    /// Its line, from 1.
    pub line: u32,
    /// Its name.
    pub name: Box<str>,
    /// How long it took.
    pub took: Duration,
    /// Why it failed; `None`: it passed.
    pub failure: Option<Failure>,
}

/// Why a test failed.
#[derive(Debug)]
pub enum Failure {
    /// Something else came out.
    Differs {
        /// What.
        mismatches: Vec<Mismatch>,
        /// Why it was decided so.
        explanation: Box<Explanation>,
    },
    /// It cannot be run.
    Unrunnable(String),
}

impl Results {
    /// Runs the tests of one set.
    pub fn add(
        &mut self,
        set: &Set,
        policy: Arc<Policy>,
        suites: &[(&SourceFile, Suite)],
        secret: [u8; 32],
        arguments: &Arguments,
        terminal: &Terminal,
    ) {
        let mut coverage = Coverage::of(&policy);
        let run = Run::new(policy, secret, now());
        let all = suites.iter().map(|(_, suite)| suite.cases.len()).sum();
        let progress = Progress::counting(terminal, "tests", all);
        let is_wanted = |case: &Case| arguments.run.as_ref().is_none_or(|wanted| wanted.is_match(&case.name));
        let mut done = 0;
        for (file, suite) in suites {
            for case in &suite.cases {
                done += 1;
                progress.at(done);
                if is_wanted(case) {
                    self.tests.push(tested(&run, file, suite, case, &mut coverage));
                } else {
                    self.left_out += 1;
                }
            }
        }
        drop(progress);
        self.least_coverage = arguments.min_coverage;
        self.wants_mutants = arguments.mutate;
        if arguments.coverage || arguments.min_coverage.is_some() {
            self.coverage.push(coverage);
        }
        if arguments.mutate && self.failed() == 0 {
            let tried = survivors(set, &run, suites, is_wanted, terminal);
            self.mutation.get_or_insert_default().add(tried);
        }
    }

    /// How many tests failed.
    pub fn failed(&self) -> usize {
        self.tests.iter().filter(|test| test.failure.is_some()).count()
    }

    /// The sides of rules and branches that were seen, and all of them.
    pub fn covered(&self) -> (usize, usize) {
        let counted = self.coverage.iter().map(Coverage::counted);
        counted.fold((0, 0), |(seen, all), (more, of)| (seen + more, all + of))
    }

    /// Whether enough was seen. Nothing that could be seen is all of it.
    pub fn is_covered(&self) -> bool {
        let (seen, all) = self.covered();
        self.least_coverage
            .is_none_or(|least| seen.saturating_mul(100) >= all.saturating_mul(usize::from(least)))
    }

    /// Whether the answer is yes.
    pub fn is_good(&self) -> bool {
        let is_noticed = self.mutation.as_ref().is_none_or(Mutation::is_good);
        self.failed() == 0 && self.is_covered() && is_noticed
    }
}

/// A share in percent, rounded down to a tenth: what is not whole never reads as 100.
pub fn percent(seen: usize, all: usize) -> String {
    let tenths = seen.saturating_mul(1000).checked_div(all).unwrap_or(1000);
    if tenths.is_multiple_of(10) {
        format!("{}", tenths / 10)
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

fn tested(run: &Run, file: &SourceFile, suite: &Suite, case: &Case, coverage: &mut Coverage) -> Tested {
    let started = Instant::now();
    let mut seen = Seen::default();
    let result = run.case_observed(suite, case, &mut seen);
    let took = started.elapsed();
    let failure = match result {
        Ok(verdict) => {
            coverage.add_case(&verdict, &seen);
            let differs = !verdict.mismatches.is_empty();
            let staged = differs.then(|| run.stage(suite, case).ok()).flatten();
            staged.map(|staged| Failure::Differs {
                mismatches: verdict.mismatches,
                explanation: Box::new(explain(&staged.snapshot, &staged.arrives, staged.now)),
            })
        }
        Err(problem) => Some(Failure::Unrunnable(problem.to_string())),
    };
    Tested { file: file.name.clone(), line: case.at.line, name: case.name.clone(), took, failure }
}
