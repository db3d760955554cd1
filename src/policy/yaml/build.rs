//! From events to a tree. What can be passed over is reported and passed over, so that the rest of the file
//! is judged as well.

use std::collections::HashMap;

use granit_parser::{Event, Marker, ScalarStyle, Span, Tag};

use crate::policy::diagnostic::{At, Diagnostics, codes};

use super::{Budget, Kind, Node, Problem, scalar};

/// Deepest nesting of a policy.
pub(super) const MOST_DEPTH: usize = 32;
/// Most aliases in a file.
const MOST_ALIASES: usize = 100;

pub(super) fn place(file: u32, start: &Marker, end: &Marker) -> At {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let offset = |marker: &Marker| small(marker.byte_offset().unwrap_or_else(|| marker.index()));
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
    Mapping { entries: Vec<(Node, Node)>, key: Key, known: HashMap<Box<str>, At> },
}

/// What the next node of a map is.
enum Key {
    /// A key.
    Awaited,
    /// The value of this key.
    Of(Node),
    /// The value of a key that was refused.
    Refused,
}

/// What an anchor stands for.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

pub(super) struct Builder<'b> {
    pub(super) problems: &'b mut Diagnostics,
    file: u32,
    budget: &'b mut Budget,
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    aliases: usize,
    root: Option<Node>,
    deepest: usize,
}

impl<'b> Builder<'b> {
    pub(super) fn new(
        file: u32,
        deepest: usize,
        budget: &'b mut Budget,
        problems: &'b mut Diagnostics,
    ) -> Self {
        let (stack, anchors) = (Vec::new(), HashMap::new());
        Self { problems, file, budget, stack, anchors, aliases: 0, root: None, deepest }
    }

    pub(super) fn finish(self) -> Option<Node> {
        self.root
    }

    /// Takes the document that has ended away, so that another one may follow. Anchors are of one document.
    pub(super) fn next(&mut self) -> Option<Node> {
        self.anchors.clear();
        self.root.take()
    }

    /// Takes one event; an error ends the file.
    pub(super) fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let at = place(self.file, &span.start, &span.end);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other events say nothing of the document")]
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                self.spend(1, at)?;
                let kind = self.scalar(&text, style, at);
                self.put(Node { at, kind }, anchor);
                Ok(())
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                self.open(Open { at, anchor, kind: OpenKind::Sequence(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), at);
                let kind =
                    OpenKind::Mapping { entries: Vec::new(), key: Key::Awaited, known: HashMap::new() };
                self.open(Open { at, anchor, kind })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(at);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, at),
            Event::DocumentStart(..) if self.root.is_some() => Err(Problem::new(
                codes::SEVERAL_DOCUMENTS,
                at,
                "a second document in one file",
                "one file holds one document: remove the `---`, or make two files",
            )),
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: At) -> Kind {
        if style != ScalarStyle::Plain {
            return Kind::Text { value: text.into(), quoted: true };
        }
        scalar::plain(text).unwrap_or_else(|| {
            self.problems
                .error(codes::NUMBER_TOO_LARGE, at, format!("`{text}` is too large a number"))
                .hint("quote it if the text is meant");
            Kind::Text { value: text.into(), quoted: false }
        })
    }

    fn spend(&mut self, nodes: usize, at: At) -> Result<(), Problem> {
        let Some(left) = self.budget.nodes.checked_sub(nodes) else {
            let message = "the set holds over 2 million values";
            return Err(Problem::new(codes::TOO_MANY_NODES, at, message, "make two sets of it"));
        };
        self.budget.nodes = left;
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<(), Problem> {
        self.spend(1, open.at)?;
        if self.stack.len() >= self.deepest {
            return Err(too_deep(open.at, self.deepest));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, end: At) {
        let Some(open) = self.stack.pop() else { return };
        let kind = match open.kind {
            OpenKind::Sequence(items) => Kind::Sequence(items),
            OpenKind::Mapping { entries, .. } => Kind::Mapping(entries),
        };
        let at = At { end: end.end, ..open.at };
        self.put(Node { at, kind }, open.anchor);
    }

    /// Repeats what an anchor stands for. Its size and depth are looked at before it is copied.
    fn alias(&mut self, id: usize, at: At) -> Result<(), Problem> {
        self.aliases += 1;
        if self.aliases > MOST_ALIASES {
            let hint = "write them out, or use `requirements`";
            return Err(Problem::new(codes::TOO_MANY_ALIASES, at, "more than 100 aliases", hint));
        }
        let Some(anchored) = self.anchors.get(&id) else {
            let message = "an alias inside of what it stands for";
            return Err(Problem::new(codes::UNKNOWN_ANCHOR, at, message, "remove it"));
        };
        if self.stack.len() + anchored.depth > self.deepest {
            return Err(too_deep(at, self.deepest));
        }
        let nodes = anchored.nodes;
        let Some(left) = self.budget.repeated.checked_sub(nodes) else {
            let message = "aliases repeat more than 200,000 values";
            return Err(Problem::new(codes::TOO_MANY_NODES, at, message, "write out what is needed"));
        };
        self.budget.repeated = left;
        self.spend(nodes, at)?;
        let node = self.anchors.get(&id).map(|anchored| anchored.node.clone());
        if let Some(node) = node {
            self.put(node, 0);
        }
        Ok(())
    }

    fn put(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            let (nodes, depth) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        }
        match self.stack.last_mut().map(|open| &mut open.kind) {
            None => {
                self.root.get_or_insert(node);
            }
            Some(OpenKind::Sequence(items)) => items.push(node),
            Some(OpenKind::Mapping { entries, key, known }) => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => {
                    let node = as_key(node, self.problems);
                    match check_key(&node, known) {
                        Ok(()) => *key = Key::Of(node),
                        Err(problem) => {
                            *key = Key::Refused;
                            problem.report(self.problems);
                        }
                    }
                }
                Key::Of(name) => entries.push((name, node)),
                Key::Refused => {}
            },
        }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, at: At) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            self.problems
                .error(codes::TAG, at, "a tag that means nothing here")
                .hint("`!` begins a tag of YAML: what must not hold stands under `not`; else remove it");
        }
    }
}

fn too_deep(at: At, deepest: usize) -> Problem {
    Problem::new(codes::TOO_DEEP, at, format!("nested more than {deepest} levels deep"), "flatten it")
}

/// How many nodes it is, and how many levels of lists and maps.
fn measure(node: &Node) -> (usize, usize) {
    let add = |(nodes, depth): (usize, usize), inner: &Node| {
        let (more, deep) = measure(inner);
        (nodes + more, depth.max(deep + 1))
    };
    match &node.kind {
        Kind::Sequence(items) => items.iter().fold((1, 1), add),
        Kind::Mapping(entries) => entries.iter().fold((1, 1), |sum, (key, value)| add(add(sum, key), value)),
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Text { .. } => (1, 0),
    }
}

/// A number or truth value that is a key is reported, and kept as the text it was most likely meant as.
fn as_key(node: Node, problems: &mut Diagnostics) -> Node {
    let text = match &node.kind {
        Kind::Bool(truth) => truth.to_string(),
        Kind::Integer(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Null => "null".to_owned(),
        Kind::Text { .. } | Kind::Sequence(_) | Kind::Mapping(_) => return node,
    };
    problems
        .error(codes::KEY_IS_NO_SCALAR, node.at, format!("a key of a map is a string, and this is `{text}`"))
        .hint("quote it");
    Node { kind: Kind::Text { value: text.into(), quoted: false }, ..node }
}

fn check_key(key: &Node, known: &mut HashMap<Box<str>, At>) -> Result<(), Problem> {
    let Kind::Text { value, .. } = &key.kind else {
        return Err(Problem::new(
            codes::KEY_IS_NO_SCALAR,
            key.at,
            "a key of a map is a string",
            "quote it; `{` begins a map, so a text that begins with it is quoted too",
        ));
    };
    if &**value == "<<" {
        return Err(Problem::new(
            codes::MERGE_KEY,
            key.at,
            "merge keys are not read",
            "write the keys out, or use `requirements`",
        ));
    }
    if let Some(first) = known.insert(value.clone(), key.at) {
        let message = format!("`{value}` is there twice; the first is on line {}", first.line);
        return Err(Problem::new(codes::DUPLICATE_KEY, key.at, message, "remove one of them"));
    }
    Ok(())
}
