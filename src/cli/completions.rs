//! `portcullis completions` and `portcullis man`: from the definitions of the commands themselves.

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

/// Write the manual page
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis man > portcullis.1
  portcullis man | man -l -

")]
pub struct ManArguments {}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "portcullis", &mut text);
    terminal.print(&String::from_utf8(text)?)?;
    Ok(Outcome::Yes)
}

/// The page of the program, then one for each command.
pub fn man(terminal: &Terminal) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    let mut command = super::Arguments::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
        clap_mangen::Man::new(one.clone()).render(&mut text)?;
    }
    terminal.print(&String::from_utf8(text)?)?;
    Ok(Outcome::Yes)
}
