//! Taking a map apart: each key asked for once, what is left over is unknown, and every mistake is said
//! in words for the author of the file.

use crate::policy::diagnostic::{At, Diagnostics, Spanned, closest, codes};
use crate::policy::document::Text;

use super::{Kind, Node};

/// The entries of a map, taken one by one.
#[derive(Debug)]
pub struct Fields<'n> {
    /// The place of the map.
    pub at: At,
    left: Vec<(&'n Node, &'n Node)>,
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Takes a node that should be a map.
    pub fn of(node: &'n Node, what: &str, problems: &mut Diagnostics) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            let code = if node.kind == Kind::Null { codes::EMPTY } else { codes::WRONG_TYPE };
            problems.error(code, node.at, format!("{what} is a map, and this is {}", said(&node.kind))).hint(
                if matches!(node.kind, Kind::Sequence(_)) {
                    "write `key: value` pairs: `{ guard: [one, other] }`, `{ any: [{ … }, { … }] }`"
                } else {
                    "write `key: value` pairs"
                },
            );
            return None;
        };
        let left = entries.iter().map(|(key, value)| (key, value)).collect();
        Some(Self { at: node.at, left, asked: Vec::new() })
    }

    /// The value of a key, if it is there.
    pub fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.asked.push(name);
        let index = self.left.iter().position(|(key, _)| as_text(key) == Some(name))?;
        Some(self.left.remove(index).1)
    }

    /// The value of a key that has to be there.
    pub fn need(
        &mut self,
        name: &'static str,
        example: &str,
        problems: &mut Diagnostics,
    ) -> Option<&'n Node> {
        let found = self.take(name);
        if found.is_none() {
            problems
                .error(codes::MISSING_KEY, self.at, format!("`{name}` is missing"))
                .hint(format!("for example `{example}`"));
        }
        found
    }

    /// A string.
    pub fn text(&mut self, name: &'static str, problems: &mut Diagnostics) -> Option<Text> {
        self.take(name).and_then(|node| text(node, name, problems))
    }

    /// A word of a closed list.
    pub fn word(&mut self, name: &'static str, words: &[&str], problems: &mut Diagnostics) -> Option<Text> {
        self.take(name).and_then(|node| word(node, name, words, problems))
    }

    /// A yes or no.
    pub fn flag(&mut self, name: &'static str, problems: &mut Diagnostics) -> Option<Spanned<bool>> {
        let node = self.take(name)?;
        if let Kind::Bool(value) = node.kind {
            return Some(Spanned { value, at: node.at });
        }
        problems
            .error(
                codes::WRONG_TYPE,
                node.at,
                format!("`{name}` is `true` or `false`, and this is {}", said(&node.kind)),
            )
            .hint("YAML 1.2: only `true` and `false` are booleans, `yes` and `no` are strings");
        None
    }

    /// A whole number.
    pub fn number(&mut self, name: &'static str, problems: &mut Diagnostics) -> Option<Spanned<i64>> {
        let node = self.take(name)?;
        if let Kind::Integer(value) = node.kind {
            return Some(Spanned { value, at: node.at });
        }
        problems
            .error(
                codes::WRONG_TYPE,
                node.at,
                format!("`{name}` is a whole number, and this is {}", said(&node.kind)),
            )
            .hint("write digits without quotes");
        None
    }

    /// A list of strings, not empty.
    pub fn texts(&mut self, name: &'static str, problems: &mut Diagnostics) -> Option<Vec<Text>> {
        self.take(name).and_then(|node| texts(node, name, false, problems))
    }

    /// A string, or a list of strings, not empty.
    pub fn text_or_texts(&mut self, name: &'static str, problems: &mut Diagnostics) -> Option<Vec<Text>> {
        self.take(name).and_then(|node| texts(node, name, true, problems))
    }

    /// A map by name, not empty.
    pub fn entries(
        &mut self,
        name: &'static str,
        problems: &mut Diagnostics,
    ) -> Option<Vec<(Text, &'n Node)>> {
        self.take(name).and_then(|node| entries(node, name, problems))
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self, problems: &mut Diagnostics) {
        for (key, _) in self.left {
            let name = as_text(key).unwrap_or_default();
            let problem = problems.error(codes::UNKNOWN_KEY, key.at, format!("unknown key `{name}`"));
            match closest(name, self.asked.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint(format!("known here: {}", self.asked.join(", "))),
            };
        }
    }
}

/// The value of a string.
#[must_use]
pub fn as_text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Text { value, .. } => Some(value),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Sequence(_)
        | Kind::Mapping(_) => None,
    }
}

/// A string, not empty.
pub fn text(node: &Node, name: &str, problems: &mut Diagnostics) -> Option<Text> {
    match &node.kind {
        Kind::Text { value, .. } if !value.is_empty() => {
            return Some(Text { value: value.clone(), at: node.at });
        }
        Kind::Text { .. } | Kind::Null => {
            problems
                .error(codes::EMPTY, node.at, format!("`{name}` is empty"))
                .hint("give it a value, or remove it");
        }
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => {
            problems
                .error(
                    codes::QUOTE_IT,
                    node.at,
                    format!("`{name}` is a string, and this is {}", said(&node.kind)),
                )
                .hint("quote it");
        }
        Kind::Sequence(_) | Kind::Mapping(_) => {
            problems
                .error(
                    codes::WRONG_TYPE,
                    node.at,
                    format!("`{name}` is a string, and this is {}", said(&node.kind)),
                )
                .hint(quoted_capture(node).unwrap_or_else(|| "write one value".to_owned()));
        }
    }
    None
}

/// A word of a closed list.
pub fn word(node: &Node, name: &str, words: &[&str], problems: &mut Diagnostics) -> Option<Text> {
    // Quoted, it would be no word either.
    if matches!(node.kind, Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_)) {
        problems
            .error(
                codes::WRONG_TYPE,
                node.at,
                format!("`{name}` is a word, and this is {}", said(&node.kind)),
            )
            .hint(format!("one of {}", words.join(", ")));
        return None;
    }
    let found = text(node, name, problems)?;
    if words.contains(&&*found.value) {
        return Some(found);
    }
    let problem =
        problems.error(codes::UNKNOWN_WORD, found.at, format!("`{name}` cannot be `{}`", found.value));
    match closest(&found.value, words.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint(format!("one of {}", words.join(", "))),
    };
    None
}

/// A list of strings, not empty; with `or_one` a single string is a list of one.
pub fn texts(node: &Node, name: &str, or_one: bool, problems: &mut Diagnostics) -> Option<Vec<Text>> {
    if or_one && !matches!(node.kind, Kind::Sequence(_) | Kind::Mapping(_) | Kind::Null) {
        return text(node, name, problems).map(|one| vec![one]);
    }
    let items = list(node, name, problems)?;
    let mut found = Vec::new();
    for item in items {
        found.extend(text(item, name, problems));
    }
    for (index, one) in found.iter().enumerate() {
        if found.iter().take(index).any(|before| before.value == one.value) {
            problems
                .error(codes::TWICE_IN_LIST, one.at, format!("`{}` is in the list twice", one.value))
                .hint("remove one");
        }
    }
    Some(found).filter(|found| !found.is_empty())
}

/// The items of a list, not empty.
pub fn list<'n>(node: &'n Node, name: &str, problems: &mut Diagnostics) -> Option<&'n [Node]> {
    match &node.kind {
        Kind::Sequence(items) if !items.is_empty() => return Some(items),
        Kind::Sequence(_) | Kind::Null => {
            problems
                .error(codes::EMPTY, node.at, format!("`{name}` is empty"))
                .hint("an empty list asks for nothing: write what is meant, or remove the key");
        }
        Kind::Text { value, .. } => {
            problems
                .error(codes::WRONG_TYPE, node.at, format!("`{name}` is a list, and this is a string"))
                .hint(format!("write `[{value}]`"));
        }
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Mapping(_) => {
            problems
                .error(
                    codes::WRONG_TYPE,
                    node.at,
                    format!("`{name}` is a list, and this is {}", said(&node.kind)),
                )
                .hint(match braced_word(node) {
                    Some(word) => format!("write `[{word}]`"),
                    None => "write `[one, other]`".to_owned(),
                });
        }
    }
    None
}

/// The entries of a map, not empty, with their names.
pub fn entries<'n>(node: &'n Node, name: &str, problems: &mut Diagnostics) -> Option<Vec<(Text, &'n Node)>> {
    match &node.kind {
        Kind::Mapping(entries) if !entries.is_empty() => {
            let named = |(key, value): &'n (Node, Node)| {
                Some((Text { value: as_text(key)?.into(), at: key.at }, value))
            };
            return Some(entries.iter().filter_map(named).collect());
        }
        Kind::Mapping(_) | Kind::Null => {
            problems
                .error(codes::EMPTY, node.at, format!("`{name}` is empty"))
                .hint("write what is meant, or remove the key");
        }
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Text { .. } | Kind::Sequence(_) => {
            problems
                .error(
                    codes::WRONG_TYPE,
                    node.at,
                    format!("`{name}` is a map, and this is {}", said(&node.kind)),
                )
                .hint("write `key: value` pairs");
        }
    }
    None
}

/// The word of `{word}`, which YAML reads as a map.
fn braced_word(node: &Node) -> Option<&str> {
    let Kind::Mapping(entries) = &node.kind else { return None };
    match entries.as_slice() {
        [(key, Node { kind: Kind::Null, .. })] => as_text(key),
        _ => None,
    }
}

/// How to write `{id}` where a capture is most likely meant.
#[must_use]
pub fn quoted_capture(node: &Node) -> Option<String> {
    braced_word(node).map(|word| format!("quote the capture, or YAML reads a map: `\"{{{word}}}\"`"))
}

/// A kind in words.
#[must_use]
pub const fn said(kind: &Kind) -> &'static str {
    match kind {
        Kind::Null => "empty",
        Kind::Bool(_) => "a boolean",
        Kind::Integer(_) | Kind::Float(_) => "a number",
        Kind::Text { .. } => "a string",
        Kind::Sequence(_) => "a list",
        Kind::Mapping(_) => "a map",
    }
}
