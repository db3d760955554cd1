//! `portcullis token inspect`: what a policy makes of a token, check by check, without asking anybody.

use clap::ValueEnum;
use serde::Serialize;

use super::human;
use crate::cli::set::Policies;
use crate::cli::terminal::Terminal;
use crate::cli::{Outcome, TEMPLATE, compiled, input, keys_here, now};
use crate::explain::TokenNote;
use crate::explain::token::{Contents, contents, inspect};
use crate::time::UnixTime;

/// Say what a policy makes of a token, check by check
///
/// Nothing is fetched. Keys that stand in the policy, in its files and variables, or are given with --keys are
/// used; where an issuer's keys are not here, its signature is taken for good, and that is said. The signature
/// itself and secrets are never shown.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis token inspect \"$TOKEN\"
  portcullis token inspect token.txt --policies policies
  pbpaste | portcullis token inspect - --keys auth-service=jwks.json
  portcullis token inspect \"$TOKEN\" --now 2026-01-01T12:00:00Z    as of then

", after_help = "Exit codes: 0 the token is good, 1 it is not, 2 could not be judged.")]
pub struct Arguments {
    /// The token, a file that holds it, or `-` for standard input
    token: String,
    #[command(flatten)]
    policies: Policies,
    #[command(flatten)]
    keys: keys_here::Given,
    /// Judge its times as of this moment, not now
    #[arg(long, value_name = "MOMENT", value_parser = input::moment)]
    now: Option<UnixTime>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
pub struct Inspected {
    /// Whether a rule that takes this issuer's tokens would take it.
    pub good: bool,
    /// What stands there.
    #[serde(flatten)]
    pub contents: Contents,
    /// Check by check.
    #[serde(flatten)]
    pub note: TokenNote,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let token = input::token(&arguments.token)?;
    let policy = compiled::policy(&arguments.policies.or_usual(), terminal)?;
    let now = arguments.now.unwrap_or_else(now);
    let snapshot = keys_here::snapshot(&policy, &arguments.keys, now, terminal)?;
    let note = inspect(&snapshot, &token, keys_here::secret()?, now);
    let inspected = Inspected { good: note.caller.is_some(), contents: contents(&token), note };
    let text = match arguments.format {
        Format::Human => human::write(&inspected, terminal),
        Format::Json => serde_json::to_string_pretty(&inspected)? + "\n",
    };
    terminal.print(&text)?;
    Ok(Outcome::from(inspected.good))
}
