//! `portcullis check`: compiles and lints.

use super::report::{self, Format, Report};
use super::set::{Paths, Set};
use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};
use crate::policy::diagnostic::{Diagnostics, Severity};

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
    let set = Set::read(&arguments.paths.or_usual())?;
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
    let is_failure = |severity| severity == Severity::Error || arguments.strict;
    let fails = problems.problems.iter().any(|problem| is_failure(problem.severity));
    let report = Report { files: set.files(), problems: &problems.problems, is_strict: arguments.strict };
    let summary = policy.map(|policy| report::summary(&policy, set.policy_files(), tests));
    terminal.print(&report.write(arguments.format, summary.as_deref(), terminal))?;
    Ok(Outcome::from(!fails))
}
