//! One list of an object, element by element: a JWK set.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::Flaw;
use super::strict::Strict;

/// An object of which one list is wanted.
pub(super) struct ListOf<'f> {
    pub list: &'f str,
    pub flaw: &'f Cell<Flaw>,
}

impl<'de> Visitor<'de> for ListOf<'_> {
    type Value = Vec<Option<Value>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with a list `{}`", self.list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name != self.list {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            if found.replace(members.next_value_seed(Elements { flaw: self.flaw })?).is_some() {
                self.flaw.set(Flaw::Twice);
                return Err(A::Error::custom("the list is there twice"));
            }
        }
        found.ok_or_else(|| A::Error::custom("the list is missing"))
    }
}

struct Elements<'f> {
    flaw: &'f Cell<Flaw>,
}

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = Vec<Option<Value>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = Vec<Option<Value>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        let twice = Cell::new(false);
        while let Some(element) =
            items.next_element_seed(Strict { depth: 2, flaw: self.flaw, twice: Some(&twice) })?
        {
            found.push(Some(element).filter(|_| !twice.replace(false)));
        }
        Ok(found)
    }
}
