//! `portcullis routes`: what a policy says, as a table.

use clap::ValueEnum;
use serde::Serialize;

use super::report::Report;
use super::set::{Paths, Set};
use super::terminal::{Style, Terminal};
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE};
use crate::policy::route::{Ask, TokenUse};
use crate::policy::words::Asked;
use crate::policy::{Policy, RuleMeta};

/// List the rules of a policy: forbid rules, then routes, with what they ask in words
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis routes policies
  portcullis routes policies --format markdown    for a review
  portcullis routes policies --format csv         for a spreadsheet

")]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
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

/// One rule.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    asks: String,
    token: &'static str,
    mode: &'static str,
    place: String,
}

const HEADINGS: [&str; 6] = ["KIND", "NAME", "ASKS", "TOKEN", "MODE", "PLACE"];

impl Row {
    fn new(kind: &'static str, meta: &RuleMeta, is_shadow: bool) -> Self {
        Self {
            kind,
            name: meta.name.to_string(),
            asks: String::new(),
            token: "",
            mode: if is_shadow { "shadow" } else { "enforce" },
            place: format!("{}:{}", meta.file, meta.line),
        }
    }

    fn cells(&self) -> [&str; 6] {
        [self.kind, &self.name, &self.asks, self.token, self.mode, &self.place]
    }
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let set = Set::read(&arguments.paths.or_usual())?;
    let policy = match set.compile() {
        Ok(policy) => policy,
        Err(mut problems) => {
            problems.sort();
            let report =
                Report { name: None, files: set.files(), problems: &problems.problems, is_strict: false };
            terminal.tell(&report.for_error(terminal));
            return Err(Trouble::new("the policy cannot be used", "mend what `portcullis check` says").into());
        }
    };
    let rows = rows(&policy);
    let text = match arguments.format {
        Format::Human => human(&rows, terminal),
        Format::Json => serde_json::to_string_pretty(&rows)? + "\n",
        Format::Markdown => markdown(&rows),
        Format::Csv => csv(&rows),
    };
    terminal.print(&text)?;
    Ok(Outcome::Yes)
}

/// Forbid rules, then routes, each in the order of the files.
fn rows(policy: &Policy) -> Vec<Row> {
    let guards = &policy.guards;
    let forbids = policy.forbids.iter().map(|forbid| {
        let asks = forbid.unless.as_ref().map_or_else(
            || "nobody is let in".to_owned(),
            |requirement| format!("unless {}", Asked { requirement, guards }),
        );
        Row { asks, ..Row::new("forbid", &forbid.meta, forbid.shadow) }
    });
    let routes = policy.routes.iter().map(|route| {
        let asks = match &route.ask {
            Ask::Anyone => "anyone".to_owned(),
            Ask::Nobody => "nobody is let in".to_owned(),
            Ask::Require(requirement) => Asked { requirement, guards }.to_string(),
        };
        let token = match route.token {
            TokenUse::Required => "required",
            TokenUse::Optional => "optional",
            TokenUse::Ignored => "ignored",
        };
        Row { asks, token, ..Row::new("route", &route.meta, route.shadow) }
    });
    forbids.chain(routes).collect()
}

fn human(rows: &[Row], terminal: &Terminal) -> String {
    let mut widths = HEADINGS.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.cells()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; 6]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = terminal.paint(Style::Strong, &line(HEADINGS)) + "\n";
    for row in rows {
        text.push_str(&line(row.cells()));
        text.push('\n');
    }
    text
}

fn markdown(rows: &[Row]) -> String {
    let line = |cells: [&str; 6]| format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    let mut text = line(HEADINGS.map(|_| "---"));
    text.insert_str(0, &line(HEADINGS));
    for row in rows {
        text.push_str(&line(row.cells()));
    }
    text
}

fn csv(rows: &[Row]) -> String {
    let line = |cells: [&str; 6]| cells.map(field).join(",") + "\r\n";
    let mut text = line(["kind", "name", "asks", "token", "mode", "place"]);
    for row in rows {
        text.push_str(&line(row.cells()));
    }
    text
}

/// Quoted where need be, and never a formula.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
