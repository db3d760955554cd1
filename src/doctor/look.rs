//! Looking into files of others: what is asked for may be missing or of another kind, and that is no error.

use std::borrow::Cow;

use crate::policy::diagnostic::At;
use crate::policy::yaml::{Kind, Node};

/// What is read as `true` where a truth value is wanted (YAML 1.1), in lower case.
const TRUE: [&str; 4] = ["true", "yes", "on", "y"];

/// A value, or the lack of one, and the place to speak of it: its key, or where it would stand.
#[derive(Debug, Clone, Copy)]
pub struct Look<'n> {
    /// Where.
    pub at: At,
    node: Option<&'n Node>,
}

impl<'n> Look<'n> {
    /// A whole document.
    pub const fn of(node: &'n Node) -> Self {
        Self { at: node.at, node: Some(node) }
    }

    /// Nothing, at a place.
    pub const fn nothing(at: At) -> Self {
        Self { at, node: None }
    }

    /// The same, spoken of at another place.
    pub const fn placed(self, at: At) -> Self {
        Self { at, ..self }
    }

    /// The value of a key, or of one below another: `a.b`. Both spellings of protobuf's JSON are known:
    /// `lower_case` and `lowerCase`.
    pub fn get(self, path: &str) -> Self {
        path.split('.').fold(self, Self::key)
    }

    /// The value of a key that may hold dots.
    pub fn key(self, name: &str) -> Self {
        let entry = self.mapping().iter().find(|(key, _)| plain(key).is_some_and(|key| same_key(key, name)));
        match entry {
            Some((_, value)) if value.kind == Kind::Null => Self::nothing(self.at),
            Some((key, value)) => Self { at: key.at, node: Some(value) },
            None => Self::nothing(self.at),
        }
    }

    /// Whether there is a value.
    pub const fn is_there(self) -> bool {
        self.node.is_some()
    }

    /// Itself, if there is a value.
    pub const fn there(self) -> Option<Self> {
        if self.node.is_some() { Some(self) } else { None }
    }

    /// The elements of a list, each at its name if it has one.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let items: &[Node] =
            if let Some(Node { kind: Kind::Sequence(items), .. }) = self.node { items } else { &[] };
        items.iter().map(|node| {
            let item = Self::of(node);
            item.value_at("name").map_or(item, |at| item.placed(at))
        })
    }

    /// The entries of a map, each value at its key.
    pub fn entries(self) -> impl Iterator<Item = (&'n str, Self)> {
        self.mapping().iter().filter_map(|(key, value)| {
            let look = Self { at: key.at, node: Some(value) };
            plain(key).map(|name| (name, look))
        })
    }

    /// A text, number or truth value as it would be written.
    pub fn text(self) -> Option<Cow<'n, str>> {
        match &self.node?.kind {
            Kind::Text { value, .. } => Some(Cow::Borrowed(value)),
            Kind::Bool(truth) => Some(Cow::Owned(truth.to_string())),
            Kind::Integer(number) => Some(Cow::Owned(number.to_string())),
            Kind::Float(number) => Some(Cow::Owned(number.to_string())),
            Kind::Null | Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// Whether it is `true`, as Envoy and Kubernetes read it: `yes` and `on`, too, in a place for a truth value.
    pub fn is_true(self) -> bool {
        self.text().is_some_and(|text| TRUE.contains(&&*text.to_ascii_lowercase()))
    }

    /// Whether it is this word.
    pub fn is(self, word: &str) -> bool {
        self.text().is_some_and(|text| text == word)
    }

    /// A whole number, in quotes or not.
    pub fn number(self) -> Option<i64> {
        self.text()?.parse().ok()
    }

    /// A duration as protobuf writes it, `0.25s`, in seconds.
    pub fn seconds(self) -> Option<f64> {
        self.text()?.strip_suffix('s')?.parse().ok()
    }

    /// The type of a `typed_config`, without the part before the slash.
    pub fn kind(self) -> Option<&'n str> {
        self.key("type_url").last_of_url().or_else(|| self.key("@type").last_of_url())
    }

    /// What stands after the last slash of the URL of a type.
    pub fn last_of_url(self) -> Option<&'n str> {
        match self.text()? {
            Cow::Borrowed(text) => text.rsplit('/').next(),
            Cow::Owned(_) => None,
        }
    }

    /// What a `typed_config` holds: a `TypedStruct` has it one level deeper.
    pub fn config(self) -> Self {
        if self.key("type_url").is_there() { self.key("value") } else { self }
    }

    /// Everything in it, itself first.
    pub fn everything(self) -> Vec<Self> {
        let mut found = vec![self];
        let mut index = 0;
        while let Some(look) = found.get(index).copied() {
            found.extend(look.items());
            found.extend(look.entries().map(|(_, inner)| inner));
            index += 1;
        }
        found
    }

    /// The place of a value, not of its key.
    fn value_at(self, name: &str) -> Option<At> {
        self.key(name).node.map(|node| node.at)
    }

    fn mapping(self) -> &'n [(Node, Node)] {
        if let Some(Node { kind: Kind::Mapping(entries), .. }) = self.node { entries } else { &[] }
    }
}

fn plain(node: &Node) -> Option<&str> {
    if let Kind::Text { value, .. } = &node.kind { Some(value) } else { None }
}

/// Whether a key as written is a name in lower case with underscores.
fn same_key(written: &str, name: &str) -> bool {
    if written == name {
        return true;
    }
    let mut letters = written.chars();
    let mut is_word_start = false;
    for wanted in name.chars() {
        if wanted == '_' {
            is_word_start = true;
            continue;
        }
        let wanted = if is_word_start { wanted.to_ascii_uppercase() } else { wanted };
        is_word_start = false;
        if letters.next() != Some(wanted) {
            return false;
        }
    }
    letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::diagnostic::{Diagnostics, SourceFile};
    use crate::policy::yaml;

    #[test]
    fn what_others_read_as_true_is_true() {
        let source = |text: &str| SourceFile { name: "a.yaml".into(), text: text.into() };
        for (text, is_true) in [("true", true), ("yes", true), ("On", true), ("off", false), ("1", false)] {
            let source = source(&format!("key: {text}"));
            let documents = yaml::documents(&source, 0, &mut Diagnostics::default());
            assert_eq!(Look::of(&documents[0]).get("key").is_true(), is_true, "{text}");
        }
    }

    #[test]
    fn a_key_is_known_in_both_spellings_of_protobuf_and_in_no_other() {
        for written in ["failure_mode_allow", "failureModeAllow"] {
            assert!(same_key(written, "failure_mode_allow"), "{written}");
        }
        for written in ["failuremodeallow", "FailureModeAllow", "failureModeAllowed", "failureMode"] {
            assert!(!same_key(written, "failure_mode_allow"), "{written}");
        }
    }
}
