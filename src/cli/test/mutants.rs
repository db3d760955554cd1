//! `--mutate`: changed policies, those that no test noticed, and those of them that the test files accept.

use crate::cases::mutate::{Accepted, Mutant, Operator, Trial, mutants};
use crate::cases::{Case, Run, Suite};
use crate::cli::progress::Progress;
use crate::cli::set::Set;
use crate::cli::terminal::Terminal;
use crate::policy::diagnostic::SourceFile;

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
    /// Those that no test noticed, and a test file accepts.
    pub accepted: usize,
    /// Those that no test noticed, in the order of files and lines.
    pub survivors: Vec<Survivor>,
    /// What is accepted for nothing: it would hide what comes later.
    pub idle: Vec<Idle>,
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

/// A mutant that is accepted, and need not be.
#[derive(Debug)]
pub struct Idle {
    /// The test file.
    pub file: Box<str>,
    /// The line, from 1.
    pub line: u32,
    /// The mutant, in words.
    pub mutant: String,
    /// Why it need not be.
    pub why: &'static str,
}

/// What became of the mutants that one entry of a test file names; the last is the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    NotThere,
    Noticed,
    NotTried,
    Survived,
}

/// An entry of a test file.
struct Entry<'t> {
    file: &'t SourceFile,
    accepted: &'t Accepted,
    fate: Fate,
}

impl Mutation {
    /// Adds those of another set.
    pub fn add(&mut self, other: Self) {
        self.noticed += other.noticed;
        self.untested += other.untested;
        self.left_out += other.left_out;
        self.accepted += other.accepted;
        self.survivors.extend(other.survivors);
        self.idle.extend(other.idle);
    }

    /// Whether everything was noticed or accepted, and nothing was accepted that need not be.
    pub fn is_good(&self) -> bool {
        self.survivors.is_empty() && self.idle.is_empty()
    }

    /// Those that were tried.
    pub fn tried(&self) -> usize {
        self.noticed + self.accepted + self.survivors.len()
    }
}

/// Tries every mutant of a policy whose tests pass.
pub fn survivors<'t>(
    set: &'t Set,
    run: &Run,
    suites: &'t [(&'t SourceFile, Suite)],
    is_wanted: impl Fn(&Case) -> bool,
    terminal: &Terminal,
) -> Mutation {
    let document = set.document();
    let all = mutants(&document, run.policy());
    let step = all.len().div_ceil(MOST_MUTANTS).max(1);
    let mut entries: Vec<Entry<'_>> = suites.iter().flat_map(|(file, suite)| entries(file, suite)).collect();
    let cases = suites.iter().flat_map(|(_, suite)| suite.cases.iter().map(move |case| (suite, case)));
    let cases = cases.filter(|(_, case)| is_wanted(case));
    let mut trial = Trial::new(set.policies(), document, run, cases);
    let mut mutation = Mutation::default();
    let progress = Progress::counting(terminal, "mutants", all.len().div_ceil(step));
    for (index, mutant) in all.iter().enumerate() {
        let is_tried = index.is_multiple_of(step);
        let fate = match is_tried.then(|| trial.notices(mutant)) {
            None => Fate::NotTried,
            Some(Ok(true)) => Fate::Noticed,
            Some(Ok(false)) => Fate::Survived,
            Some(Err(_)) => Fate::NotThere,
        };
        let mut is_accepted = false;
        for entry in entries.iter_mut().filter(|entry| entry.accepted.is(mutant)) {
            entry.fate = entry.fate.max(fate);
            is_accepted = true;
        }
        match fate {
            Fate::NotThere => mutation.untested += 1,
            Fate::NotTried => mutation.left_out += 1,
            Fate::Noticed => mutation.noticed += 1,
            Fate::Survived if is_accepted => mutation.accepted += 1,
            Fate::Survived => mutation.survivors.push(survivor(set, mutant)),
        }
        progress.at(index.div_ceil(step));
    }
    mutation.idle = entries.iter().filter_map(Entry::idle).collect();
    mutation
}

fn entries<'t>(file: &'t SourceFile, suite: &'t Suite) -> impl Iterator<Item = Entry<'t>> {
    suite.accepted.iter().map(move |accepted| Entry { file, accepted, fate: Fate::NotThere })
}

impl Entry<'_> {
    fn idle(&self) -> Option<Idle> {
        let why = match self.fate {
            Fate::NotThere => "there is no such mutant",
            Fate::Noticed => "a test notices it",
            Fate::NotTried | Fate::Survived => return None,
        };
        let Accepted { at, operator, owner, before, .. } = self.accepted;
        let mutant = format!("{}, {owner}: {before}", operator.word());
        Some(Idle { file: self.file.name.clone(), line: at.line, mutant, why })
    }
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
