//! `portcullis version`.

use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};
use crate::telemetry::BUILD;

/// Print the version, and what it was built from
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis version

")]
pub struct Arguments {}

pub fn run(_: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let revision =
        if BUILD.revision == "unknown" { String::new() } else { format!("revision {}, ", BUILD.revision) };
    terminal.print(&format!("portcullis {} ({revision}rustc {})\n", BUILD.version, BUILD.rustc))?;
    Ok(Outcome::Yes)
}
