//! `--mutate`: changed policies, and those that no test noticed.

use crate::cases::mutate::{Mutant, Operator, Trial, mutants};
use crate::cases::{Case, Run, Suite};
use crate::cli::progress::Progress;
use crate::cli::set::Set;
use crate::cli::terminal::Terminal;

/// Most mutants that are tried. Beyond that, those tried are spread evenly over the policy.
const MOST_MUTANTS: usize = 20_000;

/// What came of all mutants.
#[derive(Debug, Default)]
pub struct Mutation {
    /// Those that a test noticed.
    pub noticed: usize,
    /// Those that are no policy.
    pub untested: usize,
    /// Those that were too many to be tried.
    pub left_out: usize,
    /// Those that no test noticed, in the order of files and lines.
    pub survivors: Vec<Survivor>,
}

/// A mutant that no test noticed.
#[derive(Debug)]
pub struct Survivor {
    /// The file.
    pub file: Box<str>,
    /// The line, from 1.
    pub line: u32,
    /// What it is about.
    pub owner: String,
    /// How it was changed.
    pub operator: Operator,
    /// What stands there.
    pub before: String,
    /// What stood there in the mutant.
    pub after: Option<String>,
}

impl Mutation {
    /// Adds those of another set.
    pub fn add(&mut self, other: Self) {
        self.noticed += other.noticed;
        self.untested += other.untested;
        self.left_out += other.left_out;
        self.survivors.extend(other.survivors);
    }
}

/// Tries every mutant of a policy whose tests pass.
pub fn survivors<'t>(
    set: &'t Set,
    run: &Run,
    cases: impl Iterator<Item = (&'t Suite, &'t Case)>,
    terminal: &Terminal,
) -> Mutation {
    let document = set.document();
    let all = mutants(&document, run.policy());
    let step = all.len().div_ceil(MOST_MUTANTS).max(1);
    let tried: Vec<&Mutant> = all.iter().step_by(step).collect();
    let mut mutation = Mutation { left_out: all.len() - tried.len(), ..Mutation::default() };
    let mut trial = Trial::new(set.policies(), document, run, cases);
    let mut progress = Progress::new(terminal, "mutants", tried.len());
    for (done, mutant) in tried.into_iter().enumerate() {
        progress.at(done);
        match trial.notices(mutant) {
            Ok(true) => mutation.noticed += 1,
            Ok(false) => mutation.survivors.push(survivor(set, mutant)),
            Err(_) => mutation.untested += 1,
        }
    }
    mutation
}

fn survivor(set: &Set, mutant: &Mutant) -> Survivor {
    let change = &mutant.change;
    let file = usize::try_from(change.at.file).ok().and_then(|index| set.files().get(index));
    Survivor {
        file: file.map(|file| file.name.clone()).unwrap_or_default(),
        line: change.at.line,
        owner: mutant.owner.clone(),
        operator: change.operator,
        before: change.before.clone(),
        after: change.after.clone(),
    }
}
