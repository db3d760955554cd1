//! `portcullis check`: compiles and lints.

use super::progress::Progress;
use super::report::{self, Format, Report};
use super::set::Paths;
use super::sets::{self, Named};
use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};
use crate::policy::diagnostic::{At, Diagnostic, Diagnostics, Severity, SourceFile};

/// Report every problem of a policy, with place and mend
///
/// The tests beside the policy are read too. Nothing is fetched, and no secret is needed.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis check                             ./policies
  portcullis check policies --strict           warnings fail too
  portcullis check policies --format github    annotations in a pull request
  portcullis check policies --format sarif     for code scanning
  cat policy.yaml | portcullis check -

")]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Let warnings fail
    #[arg(long)]
    strict: bool,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let sets = sets::read(&arguments.paths, terminal)?;
    let progress = Progress::waiting(terminal, "checking the policy");
    let checked: Vec<Checked<'_>> = sets.iter().map(check).collect();
    drop(progress);
    let is_failure = |severity| severity == Severity::Error || arguments.strict;
    let mut problems = checked.iter().flat_map(|one| &one.problems);
    let fails = problems.any(|problem| is_failure(problem.severity));
    let text = if arguments.format == Format::Human {
        let shown = |one: &Checked<'_>| {
            one.report(arguments.strict).write(Format::Human, one.summary.as_deref(), terminal)
        };
        checked.iter().map(shown).collect()
    } else {
        let (files, problems) = together(&checked);
        let report = Report { name: None, files: &files, problems: &problems, is_strict: arguments.strict };
        report.write(arguments.format, None, terminal)
    };
    terminal.print(&text)?;
    Ok(Outcome::from(!fails))
}

/// One set, with all that is to be said of it.
struct Checked<'s> {
    named: &'s Named,
    problems: Vec<Diagnostic>,
    summary: Option<String>,
}

impl Checked<'_> {
    fn report(&self, is_strict: bool) -> Report<'_> {
        let name = self.named.name.as_deref();
        Report { name, files: self.named.set.files(), problems: &self.problems, is_strict }
    }
}

fn check(named: &Named) -> Checked<'_> {
    let set = &named.set;
    let mut problems = Diagnostics::default();
    let policy = match set.compile() {
        Ok(policy) => {
            problems.problems.extend(policy.warnings.iter().cloned());
            Some(policy)
        }
        Err(found) => {
            problems = found;
            None
        }
    };
    let suites = set.suites(policy.as_deref(), &mut problems);
    let tests = suites.iter().map(|(_, suite)| suite.cases.len()).sum();
    problems.sort();
    let summary = policy.map(|policy| report::summary(&policy, set.policies().len(), tests));
    Checked { named, problems: problems.problems, summary }
}

/// The files of all sets behind one another, and every problem with its place among them.
fn together(checked: &[Checked<'_>]) -> (Vec<SourceFile>, Vec<Diagnostic>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for one in checked {
        let before = u32::try_from(files.len()).unwrap_or(u32::MAX);
        let moved = |at: At| At { file: at.file.saturating_add(before), ..at };
        files.extend_from_slice(one.named.set.files());
        problems.extend(one.problems.iter().cloned().map(|problem| Diagnostic {
            at: problem.at.map(moved),
            related: problem.related.map(|(at, words)| (moved(at), words)),
            ..problem
        }));
    }
    (files, problems)
}
