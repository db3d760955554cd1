//! `portcullis completions`: from the definitions of the commands themselves.

use clap::CommandFactory;
use clap_complete::Shell;

use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};

/// Write completions for a shell
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis completions bash > /etc/bash_completion.d/portcullis
  portcullis completions zsh > ~/.zfunc/_portcullis

")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "portcullis", &mut text);
    terminal.print(&String::from_utf8(text)?)?;
    Ok(Outcome::Yes)
}
