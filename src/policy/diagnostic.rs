//! Places in policy files and the problems found there.

pub mod codes;
mod nearest;

pub use nearest::{closest, is_slip};

/// One file of a policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, as shown to people.
    pub name: Box<str>,
    /// Its text.
    pub text: Box<str>,
}

/// A place in a file of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct At {
    /// Index of the file in the set.
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: At,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The set cannot be used.
    Error,
    /// It can, but is probably not what was meant.
    Warning,
}

/// One problem of a policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// `P0102`; each has a paragraph in `docs/diagnostics.md`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Lower case, no full stop, user's input in backticks.
    pub message: String,
    /// Where; `None` for a whole set.
    pub at: Option<At>,
    /// How to mend it.
    pub hint: Option<String>,
    /// Another place that belongs to it, with a few words.
    pub related: Option<(At, String)>,
}

/// Everything found wrong with a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// In the order of files and lines once [`Diagnostics::sort`] has run.
    pub problems: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds an error.
    pub fn error(&mut self, code: &'static str, at: At, message: impl Into<String>) -> &mut Diagnostic {
        self.push(code, Severity::Error, Some(at), message.into())
    }

    /// Adds a warning.
    pub fn warning(&mut self, code: &'static str, at: At, message: impl Into<String>) -> &mut Diagnostic {
        self.push(code, Severity::Warning, Some(at), message.into())
    }

    /// Whether something makes the set unusable.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Puts the problems in the order of files and lines, each once: what many rules use is found wrong at
    /// each use.
    pub fn sort(&mut self) {
        let place = |problem: &Diagnostic| problem.at.map(|at| (at.file, at.start));
        self.problems.sort_by(|one, other| {
            (place(one), one.code, &one.message).cmp(&(place(other), other.code, &other.message))
        });
        self.problems.dedup_by(|one, other| {
            one.code == other.code && one.at == other.at && one.message == other.message
        });
    }

    fn push(
        &mut self,
        code: &'static str,
        severity: Severity,
        at: Option<At>,
        message: String,
    ) -> &mut Diagnostic {
        let message = shortened(message);
        let index = self.problems.len();
        self.problems.push(Diagnostic { code, severity, message, at, hint: None, related: None });
        #[expect(clippy::indexing_slicing, reason = "the element was pushed on the line above")]
        &mut self.problems[index]
    }
}

/// A message holds what the author wrote, and that may be a whole file.
fn shortened(message: String) -> String {
    const MOST: usize = 300;
    match message.char_indices().nth(MOST).and_then(|(end, _)| message.get(..end)) {
        Some(start) => format!("{start}…"),
        None => message,
    }
}

impl Diagnostic {
    /// Says how to mend it.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// Points at a second place.
    pub fn see(&mut self, at: At, words: impl Into<String>) -> &mut Self {
        self.related = Some((at, words.into()));
        self
    }
}
