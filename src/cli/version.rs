//! `portcullis version`.

use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};

/// Print the version
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE)]
pub struct Arguments {}

pub fn run(_: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    terminal.print(&format!("portcullis {}\n", env!("CARGO_PKG_VERSION")))?;
    Ok(Outcome::Yes)
}
