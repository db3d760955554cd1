//! Objects whose members are looked at one by one: claim sets and headers.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::strict::Strict;
use super::{Flaw, Member, Members};

/// The outermost object of a claim set.
pub(super) struct Top<'f> {
    pub flaw: &'f Cell<Flaw>,
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
pub(super) struct Short<'f> {
    pub flaw: &'f Cell<Flaw>,
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
