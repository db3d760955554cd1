//! `portcullis test`: runs the tests beside a policy.

mod human;
mod json;
mod junit;
mod mutants;
mod results;
mod watch;

use std::time::Instant;

use clap::ValueEnum;
use regex::Regex;

use super::progress::Progress;
use super::report::Report;
use super::set::Paths;
use super::terminal::{Style, Terminal};
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE, keys_here, sets};
use crate::policy::diagnostic::Diagnostics;
use results::Results;

/// Run the *_test.yaml beside a policy
///
/// Tests run what the server runs, from the parsed request on. Nothing is fetched, and no secret is needed.
/// Under each failure stands the way of its decision, as `explain` tells it.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis test                           ./policies
  portcullis test policies/crm_test.yaml    one file, and the policy beside it
  portcullis test --run 'admin|login'       tests whose name matches
  portcullis test --watch                   again whenever a file changes
  portcullis test --coverage                what no test allowed, and what none denied
  portcullis test --min-coverage 100        and fail below that
  portcullis test --mutate                  change the policy in one place after the other: does a test notice?
  portcullis test --format junit > tests.xml

")]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// Run the tests whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Report routes, forbid rules and branches of requirements that no test allowed, or none denied
    #[arg(long)]
    coverage: bool,
    /// Fail where less than this share of them was seen, in percent; implies --coverage
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Change the policy in one place after the other, and report each change that no test notices
    #[arg(long)]
    mutate: bool,
    /// Run again whenever a file changes, until interrupted
    #[arg(long, conflicts_with = "format")]
    watch: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: failures with what differs and why
    Human,
    /// One JSON object
    Json,
    /// `JUnit` XML, for continuous integration
    Junit,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    if arguments.watch {
        return watch::run(arguments, terminal);
    }
    once(arguments, terminal)
}

fn once(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let sets = sets::read(&arguments.paths, terminal)?;
    let secret = keys_here::secret()?;
    let mut results = Results::default();
    let mut is_usable = true;
    for named in &sets {
        let mut problems = Diagnostics::default();
        let progress = Progress::waiting(terminal, "reading the policy");
        let policy = named.set.compile().map_err(|found| problems = found).ok();
        let suites = named.set.suites(policy.as_deref(), &mut problems);
        drop(progress);
        problems.sort();
        if problems.has_errors() {
            let report = Report {
                name: None,
                files: named.set.files(),
                problems: &problems.problems,
                is_strict: false,
            };
            terminal.tell(&report.for_error(terminal));
            is_usable = false;
        } else if let Some(policy) = policy {
            results.add(&named.set, policy, &suites, secret, arguments, terminal);
        }
    }
    if !is_usable {
        terminal.tell("no test was run to its end: mend the files first\n");
        return Ok(Outcome::No);
    }
    if results.tests.is_empty() {
        no_tests(arguments, &results, terminal);
        return Ok(Outcome::No);
    }
    results.took = started.elapsed();
    let text = match arguments.format {
        Format::Human => human::write(&results, terminal),
        Format::Json => json::write(&results)?,
        Format::Junit => junit::write(&results),
    };
    terminal.print(&text)?;
    Ok(Outcome::from(results.is_good()))
}

/// Nothing was asked, so nothing was answered: that is a failure, or a renamed file would pass for ever.
fn no_tests(arguments: &Arguments, results: &Results, terminal: &Terminal) {
    let trouble = match &arguments.run {
        Some(run) if results.left_out > 0 => Trouble::new(
            format!("none of {} tests has a name that matches `{run}`", results.left_out),
            "a name is searched for the expression: `--run login`, `--run '^GET /orders'`",
        ),
        _ => Trouble::new("there are no tests", "write some into a `*_test.yaml` beside the policy"),
    };
    super::trouble::show(&trouble.into(), terminal);
}

/// A time as people read it.
fn duration(took: std::time::Duration) -> String {
    if took.as_millis() < 1000 {
        format!("{} ms", took.as_millis())
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

/// `ok` or `failed`, in its colour.
fn verdict(is_good: bool, terminal: &Terminal) -> String {
    if is_good { terminal.paint(Style::Good, "ok") } else { terminal.paint(Style::Bad, "failed") }
}
