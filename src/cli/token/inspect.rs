//! `portcullis token inspect`: what a policy makes of a token, check by check, without asking anybody.

use serde::Serialize;

use super::human;
use crate::cli::format::Format;
use crate::cli::set::Policies;
use crate::cli::terminal::Terminal;
use crate::cli::{Outcome, TEMPLATE, compiled, input, keys_here, now};
use crate::explain::TokenNote;
use crate::explain::token::{Contents, contents, inspect};
use crate::time::UnixTime;

/// Say what a policy makes of a token, check by check
///
/// Nothing is fetched. Keys that stand in the policy, in its files and variables, or are given with --keys are
/// used; where an issuer's keys are not here, its signature cannot be checked: all else is, and the answer is
/// neither yes nor no. The signature itself and secrets are never shown.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis token inspect token.txt --policies policies
  pbpaste | portcullis token inspect - --keys auth-service=jwks.json
  portcullis token inspect token.txt --unverified    all but its signature
  portcullis token inspect token.txt --now 2026-01-01T12:00:00Z    as of then

", after_help = "Exit codes: 0 the token is good, 1 it is not, 2 it could not be judged: the issuer's keys are not here.")]
pub struct Arguments {
    /// The token, a file that holds it, or `-` for standard input
    token: String,
    #[command(flatten)]
    policies: Policies,
    #[command(flatten)]
    keys: keys_here::Given,
    /// Where the issuer's keys are not here, be content with everything but the signature: exit with 0
    #[arg(long)]
    unverified: bool,
    /// Judge its times as of this moment, not now
    #[arg(long, value_name = "MOMENT", value_parser = input::moment)]
    now: Option<UnixTime>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A rule that takes this issuer's tokens would take it.
    Good,
    /// It would, if the signature is good: nobody here can tell.
    Unverified,
    /// It would not.
    Refused,
}

impl Verdict {
    fn of(note: &TokenNote) -> Self {
        match (&note.caller, note.signature_assumed) {
            (None, _) => Self::Refused,
            (Some(_), true) => Self::Unverified,
            (Some(_), false) => Self::Good,
        }
    }
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
pub struct Inspected {
    /// What it comes to.
    pub verdict: Verdict,
    /// What stands there.
    #[serde(flatten)]
    pub contents: Contents,
    /// Check by check.
    #[serde(flatten)]
    pub note: TokenNote,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let token = input::token(&arguments.token)?;
    if input::is_perhaps_a_file(&arguments.token) {
        terminal.tell(input::TAKEN_FOR_A_TOKEN);
    }
    let policy = compiled::policy(&arguments.policies.or_usual(), terminal)?;
    let now = arguments.now.unwrap_or_else(now);
    let snapshot = keys_here::snapshot(&policy, &arguments.keys, now, terminal)?;
    let note = inspect(&snapshot, &token, keys_here::secret()?, now);
    let inspected = Inspected { verdict: Verdict::of(&note), contents: contents(&token), note };
    let text = match arguments.format {
        Format::Human => human::write(&inspected, terminal),
        Format::Json => serde_json::to_string_pretty(&inspected)? + "\n",
    };
    terminal.print(&text)?;
    match inspected.verdict {
        Verdict::Good => Ok(Outcome::Yes),
        Verdict::Refused => Ok(Outcome::No),
        Verdict::Unverified if arguments.unverified => Ok(Outcome::Yes),
        Verdict::Unverified => Err(keys_here::unverified().into()),
    }
}
