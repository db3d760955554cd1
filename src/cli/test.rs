//! `portcullis test`: runs the tests beside a policy.

use anyhow::anyhow;

use super::report::{Report, count};
use super::set::{Paths, Set};
use super::terminal::{Style, Terminal};
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE, now};
use crate::cases;
use crate::policy::diagnostic::Diagnostics;

/// Run the *_test.yaml beside a policy
///
/// Tests run what the server runs, from the parsed request on. Nothing is fetched, and no secret is needed.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis test policies
  portcullis test policies/crm_test.yaml    one file, and the policy beside it

")]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let set = Set::read(&arguments.paths.or_usual())?;
    let mut problems = Diagnostics::default();
    let policy = set.compile().map_err(|found| problems = found).ok();
    let suites = set.suites(policy.as_deref(), &mut problems);
    problems.sort();
    if problems.has_errors() {
        let report = Report { files: set.files(), problems: &problems.problems, is_strict: false };
        terminal.tell(&report.for_error(terminal));
        return Ok(Outcome::No);
    }
    let Some(policy) = policy else { return Ok(Outcome::No) };
    if suites.is_empty() {
        return Err(
            Trouble::new("there are no tests", "write some into a `*_test.yaml` beside the policy").into()
        );
    }
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| anyhow!("there is no randomness"))?;
    let run = cases::Run::new(policy, secret, now());
    let (mut text, mut passed, mut failed) = (String::new(), 0_usize, 0_usize);
    for (file, suite) in &suites {
        for case in &suite.cases {
            let place = format!("{}:{}", file.name, case.at.line);
            let bad = terminal.paint(Style::Bad, "FAIL");
            match run.case(suite, case) {
                Ok(verdict) if verdict.mismatches.is_empty() => passed += 1,
                Ok(verdict) => {
                    failed += 1;
                    text.push_str(&format!("{bad} {} ({place})\n", case.name));
                    for mismatch in verdict.mismatches {
                        text.push_str(&format!(
                            "     {}: expected {}, got {}\n",
                            mismatch.what, mismatch.expected, mismatch.actual
                        ));
                    }
                }
                Err(problem) => {
                    failed += 1;
                    text.push_str(&format!("{bad} {} ({place})\n     {problem}\n", case.name));
                }
            }
        }
    }
    let tests = count(passed + failed, "test", "tests");
    let last = match failed {
        0 => format!("{}: {tests}\n", terminal.paint(Style::Good, "ok")),
        _ => format!("{}: {failed} of {tests}\n", terminal.paint(Style::Bad, "failed")),
    };
    terminal.print(&format!("{text}{last}"))?;
    Ok(Outcome::from(failed == 0))
}
