//! Taking a map of a test file apart.

use serde_json::Value;

use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::document::Text;
use crate::policy::yaml::{Kind, Node};

/// The text of a scalar as written; `None` for what is no string.
pub(in crate::cases) fn text(node: &Node) -> Option<&str> {
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

/// A node as JSON, for claims.
pub(in crate::cases) fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Integer(value) => (*value).into(),
        Kind::Float(value) => (*value).into(),
        Kind::Text { value, .. } => (&**value).into(),
        Kind::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Kind::Mapping(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| {
                    (text(key).map_or_else(|| json(key).to_string(), str::to_owned), json(value))
                })
                .collect(),
        ),
    }
}

/// The entries of a map, taken one by one; what is left over is unknown.
pub(in crate::cases) struct Fields<'n> {
    at: At,
    left: Vec<(&'n Node, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(in crate::cases) fn of(node: &'n Node, problems: &mut Diagnostics) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            problems.error(codes::TEST_SHAPE, node.at, "this is a map: `key: value`");
            return None;
        };
        Some(Self { at: node.at, left: entries.iter().map(|(key, value)| (key, value)).collect() })
    }

    pub(in crate::cases) fn at(&self) -> At {
        self.at
    }

    pub(in crate::cases) fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(key, _)| text(key) == Some(name))
    }

    /// The value of a key that is a map.
    pub(in crate::cases) fn take_map(&mut self, name: &str) -> Option<&'n Node> {
        let is_it =
            |(key, node): &(&Node, &Node)| text(key) == Some(name) && matches!(node.kind, Kind::Mapping(_));
        let index = self.left.iter().position(is_it)?;
        Some(self.left.remove(index).1)
    }

    pub(in crate::cases) fn take(&mut self, name: &str) -> Option<&'n Node> {
        let index = self.left.iter().position(|(key, _)| text(key) == Some(name))?;
        Some(self.left.remove(index).1)
    }

    pub(in crate::cases) fn text(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Box<str>> {
        let node = self.take(name)?;
        let found = text(node).map(Into::into);
        if found.is_none() {
            problems
                .error(codes::TEST_SHAPE, node.at, format!("`{name}` is a string"))
                .hint("quote it if it looks like a number");
        }
        found
    }

    /// The same, with its place.
    pub(in crate::cases) fn named(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Text> {
        let at = self.left.iter().find(|(key, _)| text(key) == Some(name)).map(|(_, node)| node.at)?;
        self.text(name, problems).map(|value| Text { value, at })
    }

    /// The entries of a map below `name`; empty where there is none.
    pub(in crate::cases) fn entries(
        &mut self,
        name: &str,
        problems: &mut Diagnostics,
    ) -> Vec<(Text, &'n Node)> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let Kind::Mapping(entries) = &node.kind else {
            problems.error(codes::TEST_SHAPE, node.at, format!("`{name}` is a map"));
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|(key, value)| Some((Text { value: text(key)?.into(), at: key.at }, value)))
            .collect()
    }

    pub(in crate::cases) fn finish(self, known: &[&str], problems: &mut Diagnostics) {
        for (key, _) in self.left {
            let name = text(key).map_or_else(|| json(key).to_string(), str::to_owned);
            let problem = problems.error(codes::UNKNOWN_KEY, key.at, format!("unknown key `{name}`"));
            match closest(&name, known.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint(format!("known here: {}", known.join(", "))),
            };
        }
    }
}
