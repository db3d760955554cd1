//! Problems of a policy set, in the form that the reader wants.

mod github;
mod hidden;
mod human;
mod json;
mod sarif;

use clap::ValueEnum;

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostic, Severity, SourceFile};

use super::terminal::Terminal;

/// `--format` of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, with the line and a caret
    Human,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub struct Report<'r> {
    /// What to call the set where there are several.
    pub name: Option<&'r str>,
    /// Files that places point into.
    pub files: &'r [SourceFile],
    /// The problems, in order.
    pub problems: &'r [Diagnostic],
    /// Whether warnings fail too.
    pub is_strict: bool,
}

impl<'r> Report<'r> {
    /// Writes everything; `summary` says what a good set holds.
    pub fn write(&self, format: Format, summary: Option<&str>, terminal: &Terminal) -> String {
        match format {
            Format::Human => human::write(self, summary, terminal),
            Format::Json => json::write(self),
            Format::Sarif => sarif::write(self),
            Format::Github => github::write(self),
        }
    }

    /// The problems as people read them, for standard error.
    pub fn for_error(&self, terminal: &Terminal) -> String {
        human::problems(self, terminal.colors_of_error(), terminal.width())
    }

    /// The same, for standard output.
    pub fn for_answer(&self, terminal: &Terminal) -> String {
        human::problems(self, terminal.colors(), terminal.width())
    }

    fn file(&self, at: At) -> Option<&'r SourceFile> {
        self.files.get(usize::try_from(at.file).ok()?)
    }

    fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    fn fails(&self) -> bool {
        self.count(Severity::Error) > 0 || (self.is_strict && !self.problems.is_empty())
    }
}

/// What a set holds, in one line.
pub fn summary(policy: &Policy, files: usize, tests: usize) -> String {
    let parts = [
        count(files, "file", "files"),
        count(policy.routes.len(), "route", "routes"),
        count(policy.forbids.len(), "forbid rule", "forbid rules"),
        count(policy.issuers.len(), "issuer", "issuers"),
        count(tests, "test", "tests"),
    ];
    parts.join(", ")
}

/// A number and its noun.
pub fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Where the word that a place points at ends, in characters from 1: the column after its last one on the
/// first line.
fn end_column(file: Option<&SourceFile>, at: At) -> u32 {
    let start = usize::try_from(at.start).unwrap_or(usize::MAX);
    let end = usize::try_from(at.end).unwrap_or(usize::MAX);
    let marked = file.and_then(|file| file.text.get(start..end)).unwrap_or_default();
    let letters = marked.lines().next().unwrap_or_default().trim_end().chars().count().max(1);
    at.column.saturating_add(u32::try_from(letters).unwrap_or(u32::MAX))
}

/// Where a code is explained.
fn explained_at(code: &str) -> String {
    let page = if code.starts_with('E') { "doctor" } else { "diagnostics" };
    format!("docs/{page}.md#{}", code.to_ascii_lowercase())
}
