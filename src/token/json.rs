//! JSON as a security token may have it: no duplicate members at any level, and not nested deeply.

mod elements;
mod members;
mod strict;

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer};
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::claims::Claims;
use elements::ListOf;
use members::{Short, Top};
use strict::Strict;

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
