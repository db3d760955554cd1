//! `portcullis man`: manual pages from the definitions of the commands themselves.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::terminal::Terminal;
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE};

/// Write the manual pages
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis man | man -l -
  portcullis man --out /usr/local/share/man/man1    a page for each command

")]
pub struct Arguments {
    /// Write a file for each command into this directory, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let mut command = super::Arguments::command();
    command.build();
    let mut pages = Vec::new();
    write_pages(&command, &mut pages)?;
    let Some(directory) = &arguments.out else {
        for (_, page) in pages {
            terminal.print(&String::from_utf8(page)?)?;
        }
        return Ok(Outcome::Yes);
    };
    let unwritten = |path: &PathBuf, error: &io::Error| {
        Trouble::new(
            format!("cannot write `{}`: {error}", path.display()),
            "name another directory with `--out`",
        )
    };
    fs::create_dir_all(directory).map_err(|error| unwritten(directory, &error))?;
    for (name, page) in pages {
        let path = directory.join(name);
        fs::write(&path, page).map_err(|error| unwritten(&path, &error))?;
        terminal.print(&format!("{}\n", path.display()))?;
    }
    Ok(Outcome::Yes)
}

/// The page of a command, then those below it.
fn write_pages(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if let Some(examples) = command.get_before_help() {
        render_examples(&examples.to_string(), &mut page)?;
    }
    man.render_options_section(&mut page)?;
    let below = || command.get_subcommands().filter(|one| one.get_name() != "help");
    if below().next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    if command.get_after_help().is_some() {
        man.render_extra_section(&mut page)?;
    }
    pages.push((man.get_filename(), ascii(&page)));
    for one in below() {
        write_pages(one, pages)?;
    }
    Ok(())
}

/// Formatters take a page for ASCII unless they are told.
fn ascii(page: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(page.len());
    for letter in String::from_utf8_lossy(page).chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            text.push_str(&format!("\\[u{:04X}]", u32::from(letter)));
        }
    }
    text.into_bytes()
}

/// Lines as they stand. A line that begins with a dot or a quote would be a command to the formatter.
fn render_examples(text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    writeln!(page, ".SH EXAMPLES\n.nf")?;
    for line in text.lines().filter(|line| !line.is_empty() && *line != "Examples:") {
        let line = line.trim_start().replace('\\', "\\\\").replace('-', "\\-");
        writeln!(page, "\\&{line}")?;
    }
    writeln!(page, ".fi")
}
