//! The configuration file: the same keys as a YAML tree.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FileError(pub String);

/// A tree of keys with texts at its ends.
enum Tree {
    Text(String),
    Branch(BTreeMap<String, Tree>),
}

/// Reads the text of a file into keys (`listen.grpc`) and texts.
///
/// # Errors
/// What is no YAML, or not a tree of keys.
pub fn read_file(text: &str) -> Result<BTreeMap<String, String>, FileError> {
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    let tree: Tree = serde_saphyr::from_str(text).map_err(|problem| FileError(problem.to_string()))?;
    let mut found = BTreeMap::new();
    flatten("", tree, &mut found);
    Ok(found)
}

fn flatten(prefix: &str, tree: Tree, found: &mut BTreeMap<String, String>) {
    match tree {
        Tree::Text(text) => {
            found.insert(prefix.to_owned(), text);
        }
        Tree::Branch(branch) => {
            for (name, inner) in branch {
                let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(&key, inner, found);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Ends)
    }
}

struct Ends;

impl<'de> Visitor<'de> for Ends {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a setting")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Text(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element::<String>()? {
            texts.push(text);
        }
        Ok(Tree::Text(texts.join(",")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut branch = BTreeMap::new();
        while let Some((name, inner)) = members.next_entry::<String, Tree>()? {
            branch.insert(name, inner);
        }
        Ok(Tree::Branch(branch))
    }
}
