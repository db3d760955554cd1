//! YAML with places: the parser's events made into a tree, within bounds, and nothing guessed.
//!
//! YAML 1.2 core schema: `no` is a string. Duplicate keys, merge keys, foreign tags and a second document
//! are refused. Nothing here knows what a policy is.

pub mod fields;

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::diagnostic::{At, Diagnostics, SourceFile, codes};

/// Largest file, in bytes.
pub const MOST_BYTES: usize = 8 << 20;
/// Deepest nesting.
const MOST_DEPTH: usize = 32;
/// Most aliases in a file.
const MOST_ALIASES: usize = 100;
/// Most nodes in a set, those that aliases repeat among them.
pub const MOST_NODES: usize = 2_000_000;

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
    nodes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: MOST_NODES }
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
    let mut builder =
        Builder { file, budget, stack: Vec::new(), anchors: HashMap::new(), aliases: 0, root: None };
    for event in Parser::new_from_str(&source.text) {
        let result = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(problem) => Err(scan_problem(file, &source.text, &problem)),
        };
        if let Err(problem) = result {
            problems.error(problem.code, problem.at, problem.message).hint(problem.hint);
            return None;
        }
    }
    if builder.root.is_none() {
        problems.error(codes::EMPTY_FILE, top, "the file is empty").hint("a policy begins with `version: 1`");
    }
    builder.root
}

struct Problem {
    code: &'static str,
    at: At,
    message: String,
    hint: String,
}

fn problem(code: &'static str, at: At, message: impl Into<String>, hint: impl Into<String>) -> Problem {
    Problem { code, at, message: message.into(), hint: hint.into() }
}

/// What the parser says, in words for the author of a policy.
fn scan_problem(file: u32, text: &str, error: &ScanError) -> Problem {
    let marker = error.marker();
    let at = place(file, marker, marker);
    let line = text.lines().nth(marker.line().saturating_sub(1)).unwrap_or_default();
    let indent: String = line.chars().take_while(|letter| letter.is_whitespace()).collect();
    if indent.contains('\t') {
        return problem(codes::SYNTAX, at, "a tab in the indentation", "indent with spaces");
    }
    problem(
        codes::SYNTAX,
        at,
        format!("this is no YAML: {}", error.info()),
        "check indentation, colons and quotes here and on the line above",
    )
}

fn place(file: u32, start: &granit_parser::Marker, end: &granit_parser::Marker) -> At {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let offset =
        |marker: &granit_parser::Marker| small(marker.byte_offset().unwrap_or_else(|| marker.index()));
    At {
        file,
        line: small(start.line()),
        column: small(start.col() + 1),
        start: offset(start),
        end: offset(end),
    }
}

/// A collection under construction.
struct Open {
    at: At,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Node, Node)>, key: Option<Node>, known: HashMap<Box<str>, At> },
}

struct Builder<'b> {
    file: u32,
    budget: &'b mut Budget,
    stack: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    aliases: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let at = place(self.file, &span.start, &span.end);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                self.spend(1, at)?;
                let node = Node { at, kind: scalar(&text, style) };
                self.put(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                self.open(Open { at, anchor, kind: OpenKind::Sequence(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), at)?;
                let kind = OpenKind::Mapping { entries: Vec::new(), key: None, known: HashMap::new() };
                self.open(Open { at, anchor, kind })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at),
            Event::DocumentStart(..) if self.root.is_some() => Err(problem(
                codes::SEVERAL_DOCUMENTS,
                at,
                "a second document in one file",
                "one file holds one document: remove the `---`, or make two files",
            )),
            _ => Ok(()),
        }
    }

    fn spend(&mut self, nodes: usize, at: At) -> Result<(), Problem> {
        match self.budget.nodes.checked_sub(nodes) {
            Some(left) => {
                self.budget.nodes = left;
                Ok(())
            }
            None => Err(problem(
                codes::TOO_LARGE,
                at,
                "the set holds over 2 million values",
                "split it, or use fewer aliases",
            )),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), Problem> {
        self.spend(1, open.at)?;
        if self.stack.len() >= MOST_DEPTH {
            return Err(problem(codes::TOO_DEEP, open.at, "nested more than 32 levels deep", "flatten it"));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, end: At) -> Result<(), Problem> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let kind = match open.kind {
            OpenKind::Sequence(items) => Kind::Sequence(items),
            OpenKind::Mapping { entries, .. } => Kind::Mapping(entries),
        };
        let at = At { end: end.end, ..open.at };
        self.put(Node { at, kind }, open.anchor)
    }

    fn alias(&mut self, id: usize, at: At) -> Result<(), Problem> {
        self.aliases += 1;
        if self.aliases > MOST_ALIASES {
            return Err(problem(
                codes::TOO_MANY_ALIASES,
                at,
                "more than 100 aliases",
                "write them out, or use `requirements`",
            ));
        }
        let Some((node, size)) = self.anchors.get(&id).map(|(node, size)| (node.clone(), *size)) else {
            return Err(problem(
                codes::TOO_MANY_ALIASES,
                at,
                "an alias inside of what it stands for",
                "remove it",
            ));
        };
        self.spend(size, at)?;
        self.put(node, 0)
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut().map(|open| &mut open.kind) {
            None => {
                self.root.get_or_insert(node);
            }
            Some(OpenKind::Sequence(items)) => items.push(node),
            Some(OpenKind::Mapping { entries, key, known }) => match key.take() {
                None => {
                    check_key(&node, known)?;
                    *key = Some(node);
                }
                Some(name) => entries.push((name, node)),
            },
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Sequence(items) => items.iter().fold(1, |sum, item| sum + size(item)),
        Kind::Mapping(entries) => entries.iter().fold(1, |sum, (key, value)| sum + size(key) + size(value)),
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Text { .. } => 1,
    }
}

fn check_key(key: &Node, known: &mut HashMap<Box<str>, At>) -> Result<(), Problem> {
    let Kind::Text { value, .. } = &key.kind else {
        return Err(problem(codes::KEY_IS_NO_SCALAR, key.at, "a key of a map is a string", "quote it"));
    };
    if &**value == "<<" {
        return Err(problem(
            codes::MERGE_KEY,
            key.at,
            "merge keys are not read",
            "write the keys out, or use `requirements`",
        ));
    }
    if let Some(first) = known.insert(value.clone(), key.at) {
        let message = format!("`{value}` is there twice; the first is on line {}", first.line);
        return Err(problem(codes::DUPLICATE_KEY, key.at, message, "remove one of them"));
    }
    Ok(())
}

fn refuse_tag(tag: Option<&Tag>, at: At) -> Result<(), Problem> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            Err(problem(codes::TAG, at, "a tag that means nothing here", "remove it"))
        }
        _ => Ok(()),
    }
}

/// YAML 1.2.2, section 10.3.2.
fn scalar(text: &str, style: ScalarStyle) -> Kind {
    if style != ScalarStyle::Plain {
        return Kind::Text { value: text.into(), quoted: true };
    }
    match text {
        "" | "null" | "Null" | "NULL" | "~" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    integer(text)
        .map(Kind::Integer)
        .or_else(|| float(text).map(Kind::Float))
        .unwrap_or_else(|| Kind::Text { value: text.into(), quoted: false })
}

fn integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8)
            .ok()
            .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    }
    text.parse().ok()
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let begins = unsigned.starts_with(|first: char| first.is_ascii_digit())
        || unsigned
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let is_number = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if begins && is_number { text.parse().ok() } else { None }
}
