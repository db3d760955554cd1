//! The command line: one file a command, each with its arguments and what it does.
//!
//! The answer goes to standard output, everything else to standard error. Exit codes: 0 yes, 1 the answer
//! is no, 2 could not answer.

mod attached;
mod check;
mod compiled;
mod completions;
mod doctor;
mod explain;
mod format;
mod healthcheck;
mod http;
mod init;
mod input;
mod keys;
mod keys_here;
mod man;
mod page;
mod progress;
mod report;
mod routes;
mod schema;
mod serve;
mod set;
mod sets;
mod signing;
mod table;
mod terminal;
mod test;
mod token;
mod trouble;
mod version;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Parser, Subcommand};

use crate::time::UnixTime;
use terminal::{Color, Terminal};

/// Examples stand before everything else in help.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// What a command found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Exit code 0.
    Yes,
    /// Exit code 1: an invalid policy, a failed test, another decision than expected.
    No,
}

impl From<bool> for Outcome {
    fn from(is_yes: bool) -> Self {
        if is_yes { Self::Yes } else { Self::No }
    }
}

/// External authorization for Envoy: a YAML policy, the caller's JWT, and a decision that says why
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    propagate_version = true,
    help_template = TEMPLATE,
    before_help = "Examples:
  portcullis init policies               a small policy with tests, to start from
  portcullis check policies              every problem of a policy, with place and mend
  portcullis test policies               run the *_test.yaml beside it
  portcullis explain GET https://crm.example.com/customers   why it is decided so
  portcullis serve --policies policies   decide for the Envoy beside us

",
    after_help = "\
Exit codes: 0 yes, 1 the answer is no (invalid policy, failed test), 2 could not answer (usage, files)."
)]
struct Arguments {
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Check(check::Arguments),
    Test(test::Arguments),
    Explain(Box<explain::Arguments>),
    Routes(routes::Arguments),
    Doctor(doctor::Arguments),
    Serve(serve::Arguments),
    Token(Box<token::Arguments>),
    Keys(keys::Arguments),
    Schema(schema::Arguments),
    Healthcheck(healthcheck::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    Version(version::Arguments),
}

/// The time of this machine.
fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_seconds(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers; everything else is a usage error.
            let code = if error.use_stderr() { 2 } else { 0 };
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::from(2) };
        }
    };
    let terminal = Terminal::detect(arguments.color);
    let result = match arguments.command {
        Command::Init(arguments) => init::run(&arguments, &terminal),
        Command::Serve(arguments) => serve::run(&arguments, &terminal),
        Command::Check(arguments) => check::run(&arguments, &terminal),
        Command::Test(arguments) => test::run(&arguments, &terminal),
        Command::Explain(arguments) => explain::run(&arguments, &terminal),
        Command::Routes(arguments) => routes::run(&arguments, &terminal),
        Command::Doctor(arguments) => doctor::run(&arguments, &terminal),
        Command::Token(arguments) => token::run(&arguments, &terminal),
        Command::Keys(arguments) => keys::run(&arguments, &terminal),
        Command::Schema(arguments) => schema::run(&arguments, &terminal),
        Command::Healthcheck(arguments) => healthcheck::run(&arguments, &terminal),
        Command::Completions(arguments) => completions::run(&arguments, &terminal),
        Command::Man(arguments) => man::run(&arguments, &terminal),
        Command::Version(arguments) => version::run(&arguments, &terminal),
    };
    match result {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(error) => {
            trouble::show(&error, &terminal);
            ExitCode::from(2)
        }
    }
}
