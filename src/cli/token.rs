//! `portcullis token`: tokens made for tests and local use, and tokens taken apart.

mod form;
mod human;
mod inspect;
mod mint;
mod preset;

use clap::Subcommand;

pub(super) use mint::algorithm;

use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};

/// Make tokens, and see what a policy makes of them
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis token inspect token.txt
  portcullis token mint --issuer auth-service --key keys/private.pem --claims '{\"sub\": 7}'

")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Arguments),
    Mint(Box<mint::Arguments>),
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    match &arguments.command {
        Command::Inspect(arguments) => inspect::run(arguments, terminal),
        Command::Mint(arguments) => mint::run(arguments, terminal),
    }
}
