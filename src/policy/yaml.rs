//! YAML with places: the parser's events made into a tree, within bounds, and nothing guessed.
//!
//! YAML 1.2 core schema: `no` is a string. Duplicate keys, merge keys, foreign tags and a second document
//! are refused. Nothing here knows what a policy is.

mod build;
pub mod fields;
mod scalar;
mod syntax;

use granit_parser::{Event, Parser};

use super::diagnostic::{At, Diagnostics, SourceFile, codes};
use build::{Builder, MOST_DEPTH};

/// Largest file, in bytes.
pub const MOST_BYTES: usize = 8 << 20;
/// Most bytes of all files of a set.
pub const MOST_BYTES_OF_SET: usize = 64 << 20;
/// Most nodes in a set, those that aliases repeat among them.
pub const MOST_NODES: usize = 2_000_000;
/// Most nodes of a set that aliases may repeat: a few lines of them could otherwise fill the memory.
pub const MOST_REPEATED: usize = 200_000;

/// Deepest nesting of a file that is no policy: Envoy's own dump of its configuration is deeper than any of ours.
const MOST_DEPTH_OF_OTHERS: usize = 96;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub at: At,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A string.
    Text {
        /// Its value.
        value: Box<str>,
        /// Whether it was written as one.
        quoted: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order written.
    Mapping(Vec<(Node, Node)>),
}

/// How much a set of files may still hold.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    bytes: usize,
    nodes: usize,
    repeated: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MOST_BYTES_OF_SET, nodes: MOST_NODES, repeated: MOST_REPEATED }
    }
}

/// Reads one file; `None` where it cannot be read as YAML.
pub fn parse(source: &SourceFile, file: u32, problems: &mut Diagnostics) -> Option<Node> {
    parse_within(source, file, &mut Budget::default(), problems)
}

/// The same, with a budget that several files share.
pub fn parse_within(
    source: &SourceFile,
    file: u32,
    budget: &mut Budget,
    problems: &mut Diagnostics,
) -> Option<Node> {
    let top = At { file, line: 1, column: 1, start: 0, end: 0 };
    if source.text.len() > MOST_BYTES {
        problems.error(codes::TOO_LARGE, top, "the file is over 8 MiB").hint("split it");
        return None;
    }
    let Some(left) = budget.bytes.checked_sub(source.text.len()) else {
        problems.error(codes::TOO_LARGE, top, "the set is over 64 MiB").hint("make two sets of it");
        return None;
    };
    budget.bytes = left;
    let mut builder = Builder::new(file, MOST_DEPTH, budget, problems);
    for event in Parser::new_from_str(&source.text) {
        let result = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(syntax::problem(file, &source.text, &error)),
        };
        if let Err(problem) = result {
            problem.report(builder.problems);
            return None;
        }
    }
    let root = builder.finish().filter(|root| root.kind != Kind::Null);
    if root.is_none() {
        let begins = if source.name.ends_with("_test.yaml") || source.name.ends_with("_test.yml") {
            "tests begin with `tests:`"
        } else {
            "a policy begins with `version: 1`"
        };
        problems.error(codes::EMPTY_FILE, top, "the file is empty").hint(begins);
    }
    root
}

/// Reads a file that is no policy: any number of documents, those with nothing in them left out, in YAML or in
/// JSON, which is YAML too.
pub fn documents(source: &SourceFile, file: u32, problems: &mut Diagnostics) -> Vec<Node> {
    let mut documents = Vec::new();
    if source.text.len() > MOST_BYTES_OF_SET {
        let top = At { file, line: 1, column: 1, start: 0, end: 0 };
        problems.error(codes::TOO_LARGE, top, "the file is over 64 MiB").hint("split it");
        return documents;
    }
    let mut budget = Budget::default();
    let mut builder = Builder::new(file, MOST_DEPTH_OF_OTHERS, &mut budget, problems);
    for event in Parser::new_from_str(&source.text) {
        let result = match event {
            Ok((Event::DocumentEnd, _)) => {
                documents.extend(builder.next());
                Ok(())
            }
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(syntax::problem(file, &source.text, &error)),
        };
        if let Err(problem) = result {
            problem.report(builder.problems);
            return documents;
        }
    }
    documents.retain(|document| document.kind != Kind::Null);
    documents
}

/// Something wrong with the YAML itself.
struct Problem {
    code: &'static str,
    at: At,
    message: String,
    hint: String,
}

impl Problem {
    fn new(code: &'static str, at: At, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, at, message: message.into(), hint: hint.into() }
    }

    fn report(self, problems: &mut Diagnostics) {
        problems.error(self.code, self.at, self.message).hint(self.hint);
    }
}
