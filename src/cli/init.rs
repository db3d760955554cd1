//! `portcullis init`: a small policy with tests, to start from.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::terminal::{Style, Terminal};
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE};

/// What is written, with what it is.
const FILES: [(&str, &str, &str); 2] = [
    ("policy.yaml", include_str!("init/policy.yaml"), "who may do what"),
    ("policy_test.yaml", include_str!("init/policy_test.yaml"), "what must come out, request by request"),
];

/// Write a small policy with tests and comments, to start from
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis init policies
  portcullis init policies && portcullis test policies

")]
pub struct Arguments {
    /// The directory, which is made if it is not there; nothing in it is overwritten
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let directory = &arguments.directory;
    let paths: Vec<PathBuf> = FILES.iter().map(|(name, ..)| directory.join(name)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()) {
        let message = format!("`{}` is already there, and is not overwritten", there.display());
        return Err(Trouble::new(message, "name another directory").into());
    }
    let unwritten = |path: &Path, error: &io::Error| {
        Trouble::new(
            format!("cannot write `{}`: {error}", path.display()),
            "name a directory that you may write to",
        )
    };
    fs::create_dir_all(directory).map_err(|error| unwritten(directory, &error))?;
    for (path, (_, text, what)) in paths.iter().zip(FILES) {
        create(path, text).map_err(|error| unwritten(path, &error))?;
        terminal
            .print(&format!("{}  {what}\n", terminal.paint(Style::Strong, &path.display().to_string())))?;
    }
    let shown = directory.display();
    terminal.tell(&format!(
        "next:
  portcullis test {shown}
  portcullis explain GET https://crm.example.com/users/8 --guard app --claims '{{\"sub\": \"7\"}}' --policies {shown}
  then put your issuer into {shown}/policy.yaml, and `portcullis serve --policies {shown}`
"
    ));
    Ok(Outcome::Yes)
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
