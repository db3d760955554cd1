//! JSON as a security token may have it: no duplicate members at any level, and not nested deeply.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use smallvec::SmallVec;

use super::claims::Claims;

/// Deepest nesting of a header or claim set.
const MOST_DEPTH: usize = 32;

/// What is wrong with a text that should be one JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is no JSON, no object, or goes on after its end.
    NoObject,
    /// An object in it has a member twice.
    Twice,
    /// It is nested more than 32 deep.
    TooDeep,
}

/// Reads one JSON object.
///
/// # Errors
/// Says what is wrong, without repeating the input.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Flaw> {
    let flaw = Cell::new(Flaw::NoObject);
    let strict = Strict { depth: 0, flaw: &flaw, twice: None };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = strict.deserialize(&mut reader).map_err(|_| flaw.get())?;
    reader.end().map_err(|_| Flaw::NoObject)?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Flaw::NoObject)
        }
    }
}

/// Reads a claim set.
///
/// # Errors
/// Says what is wrong, without repeating the input.
pub(super) fn claims(bytes: &[u8]) -> Result<Claims, Flaw> {
    let flaw = Cell::new(Flaw::NoObject);
    // Once for all instead of once for every string.
    let text = str::from_utf8(bytes).map_err(|_| Flaw::NoObject)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = reader.deserialize_map(Top { flaw: &flaw }).map_err(|_| flaw.get())?;
    reader.end().map_err(|_| Flaw::NoObject)?;
    Claims::unique(found).ok_or(Flaw::Twice)
}

/// A member of an object of which only the texts matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Member<'b> {
    /// A text, borrowed where it has no escapes.
    Text(Cow<'b, str>),
    /// Anything else.
    Other,
}

/// Members of a short object, in their order.
pub(super) type Members<'b> = SmallVec<[(Cow<'b, str>, Member<'b>); 4]>;

/// Reads the members of one short JSON object.
///
/// # Errors
/// Says what is wrong, without repeating the input.
pub(super) fn members(bytes: &[u8]) -> Result<Members<'_>, Flaw> {
    let flaw = Cell::new(Flaw::NoObject);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let found = reader.deserialize_map(Short { flaw: &flaw }).map_err(|_| flaw.get())?;
    reader.end().map_err(|_| Flaw::NoObject)?;
    Ok(found)
}

/// The elements of one list of an object; the object's other members do not matter. An element that has a
/// member twice is `None`, so that it spoils no other.
///
/// # Errors
/// What is no JSON object, nested too deeply, or has the list twice or not at all.
pub(super) fn elements(bytes: &[u8], list: &str) -> Result<Vec<Option<Value>>, Flaw> {
    let flaw = Cell::new(Flaw::NoObject);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let found = reader.deserialize_map(ListOf { list, flaw: &flaw }).map_err(|_| flaw.get())?;
    reader.end().map_err(|_| Flaw::NoObject)?;
    Ok(found)
}

/// Any value, strictly.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    /// Why reading stopped, for whoever asked.
    flaw: &'f Cell<Flaw>,
    /// Where a duplicate is noted instead of stopping.
    twice: Option<&'f Cell<bool>>,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MOST_DEPTH {
            self.flaw.set(Flaw::TooDeep);
            return Err(E::custom("nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number beyond range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_none() {
                continue;
            }
            if let Some(twice) = self.twice {
                twice.set(true);
            } else {
                self.flaw.set(Flaw::Twice);
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// The outermost object of a claim set.
struct Top<'f> {
    flaw: &'f Cell<Flaw>,
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Vec<(Box<str>, Value)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::with_capacity(16);
        while let Some(name) = members.next_key::<Box<str>>()? {
            let value = members.next_value_seed(Strict { depth: 1, flaw: self.flaw, twice: None })?;
            found.push((name, value));
        }
        Ok(found)
    }
}

/// An object with few members.
struct Short<'f> {
    flaw: &'f Cell<Flaw>,
}

impl<'de> Visitor<'de> for Short<'_> {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Members::new();
        while let Some(Text(name)) = members.next_key()? {
            let value =
                members.next_value_seed(MemberOf(Strict { depth: 1, flaw: self.flaw, twice: None }))?;
            if found.iter().any(|(known, _)| *known == name) {
                self.flaw.set(Flaw::Twice);
                return Err(A::Error::custom("a member is there twice"));
            }
            found.push((name, value));
        }
        Ok(found)
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

/// Keeps a text, and reads anything else strictly to forget it.
struct MemberOf<'f>(Strict<'f>);

impl<'de> DeserializeSeed<'de> for MemberOf<'_> {
    type Value = Member<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MemberOf<'_> {
    type Value = Member<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        self.0.visit_seq(items).map(|_| Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        self.0.visit_map(members).map(|_| Member::Other)
    }
}

/// An object of which one list is wanted.
struct ListOf<'f> {
    list: &'f str,
    flaw: &'f Cell<Flaw>,
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
