//! `portcullis routes`: what a policy says, as a table.

mod matrix;
mod rows;
mod written;

use clap::ValueEnum;

use super::set::{Paths, Set};
use super::terminal::Terminal;
use super::{Outcome, TEMPLATE, compiled};

/// List the rules of a policy: forbid rules, then routes, with what they ask in words
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis routes policies
  portcullis routes policies --matrix             which scopes and roles each rule asks for
  portcullis routes policies --format markdown    for a review
  portcullis routes policies --format csv         for a spreadsheet
  cat policy.yaml | portcullis routes -

")]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// A row for each rule, a column for each scope, role, group and permission that any of them names
    #[arg(long)]
    matrix: bool,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, aligned
    Human,
    /// A JSON list
    Json,
    /// A table for a pull request
    Markdown,
    /// Comma-separated values
    Csv,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let set = Set::read(&arguments.paths.or_usual())?;
    let policy = compiled::of(&set, terminal)?;
    let text = if arguments.matrix {
        let matrix = matrix::Matrix::of(&policy, &set.document());
        match arguments.format {
            Format::Human => matrix.table().without_empty_columns().human(terminal),
            Format::Json => serde_json::to_string_pretty(&matrix.json())? + "\n",
            Format::Markdown => matrix.table().without_empty_columns().markdown(),
            Format::Csv => matrix.sheet().csv(),
        }
    } else {
        let rows = rows::rows(&policy, &set.document());
        match arguments.format {
            Format::Human => rows::table(&rows).without_empty_columns().human(terminal),
            Format::Json => serde_json::to_string_pretty(&rows)? + "\n",
            Format::Markdown => rows::table(&rows).without_empty_columns().markdown(),
            Format::Csv => rows::sheet(&rows).csv(),
        }
    };
    terminal.print(&text)?;
    Ok(Outcome::Yes)
}
