//! Regular expressions: anchored at both ends, in linear time and bounded memory.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::request::FOLD_TO_ASCII;

/// Memory that one compiled expression may take.
const MOST_BYTES: usize = 1 << 20;

/// An expression that has to match the whole of a text.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: Box<str>,
    exact: Regex,
    ignoring_case: Option<Regex>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.ignoring_case.is_some() == other.ignoring_case.is_some()
    }
}

impl Pattern {
    /// Compiles an expression, or reports what is wrong with it.
    pub fn compile(source: &str, ignore_case: bool, at: At, problems: &mut Diagnostics) -> Option<Self> {
        match Self::build(source, ignore_case) {
            Ok(pattern) => Some(pattern),
            Err(problem) => {
                report(&problem, at, problems);
                None
            }
        }
    }

    fn build(source: &str, ignore_case: bool) -> Result<Self, regex::Error> {
        // Compiled alone first: `a)(b` must not become a whole through the anchors.
        if source.contains(')') {
            builder(source).build()?;
        }
        let anchored = format!(r"\A(?:{source})\z");
        let ignoring_case =
            ignore_case.then(|| builder(&anchored).case_insensitive(true).build()).transpose()?;
        Ok(Self { source: source.into(), exact: builder(&anchored).build()?, ignoring_case })
    }

    /// Whether the whole of a text matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        match &self.ignoring_case {
            Some(regex) if !text.contains(FOLD_TO_ASCII) => regex.is_match(text),
            Some(_) | None => self.exact.is_match(text),
        }
    }

    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

/// Compiles an expression that may match anywhere, as CEL's `matches` does.
pub(in crate::policy) fn unanchored(source: &str, at: At, problems: &mut Diagnostics) -> Option<Regex> {
    match builder(source).build() {
        Ok(regex) => Some(regex),
        Err(problem) => {
            report(&problem, at, problems);
            None
        }
    }
}

fn builder(source: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(source);
    builder.size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES);
    builder
}

fn report(problem: &regex::Error, at: At, problems: &mut Diagnostics) {
    let text = problem.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    problems
        .error(
            codes::REGEX,
            at,
            format!("this is no regular expression: {}", last.trim_start_matches("error: ")),
        )
        .hint("the syntax is that of RE2: no look-around, no back-references");
}
