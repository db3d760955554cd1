//! The claims of one token.

use serde_json::{Map, Value};

/// So many are looked through one by one; more are kept in order and searched.
const FEW: usize = 24;

/// The members of a payload, each name once. Nested objects stay as they are.
///
/// A list is read in half the time that a tree takes, and most tokens hold ten to twenty claims.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims(
    /// INVARIANT: in the order of names if there are more than a few.
    Vec<(Box<str>, Value)>,
);

impl Claims {
    /// Takes members as they were read; `None` if a name is there twice.
    pub(in crate::token) fn unique(mut members: Vec<(Box<str>, Value)>) -> Option<Self> {
        let is_twice = if members.len() <= FEW {
            members
                .iter()
                .enumerate()
                .any(|(index, (name, _))| members.iter().take(index).any(|(known, _)| known == name))
        } else {
            members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            members.iter().zip(members.iter().skip(1)).any(|((one, _), (next, _))| one == next)
        };
        (!is_twice).then_some(Self(members))
    }

    /// A claim by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        if self.0.len() <= FEW {
            return self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| value);
        }
        let index = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// All claims, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(members: Map<String, Value>) -> Self {
        // The map has them in order, and each once.
        Self(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}
