//! Several texts under one name: the values of a header, which may be lists, and of a query parameter.

use std::borrow::Cow;

use serde_json::Value;

use super::{Quantifier, Test, ValueMatcher, is_one_value, trimmed};
use crate::policy::Captures;
use crate::policy::tri::Tri;

impl ValueMatcher {
    /// Judges the values of a header; one that is no text (`None`) cannot be told. Two headers, and one that a
    /// proxy made of them with a comma, are the same to whoever reads a list: where not every one of several
    /// matches, what the proxy would have made of them counts, too. To a fence every comma may part two values.
    pub fn matches_header<'v>(
        &self,
        name: &str,
        values: impl Iterator<Item = Option<&'v str>>,
        quantifier: Quantifier,
        captures: &Captures<'_>,
    ) -> Tri {
        let values: Vec<Option<&str>> = values.collect();
        let is_list = quantifier == Quantifier::One || !is_one_value(name);
        if is_list && self.asks_for_elements() {
            let texts: Vec<&str> = values.iter().flatten().copied().collect();
            let held = self.matches_elements(&texts, captures);
            let is_sure = texts.len() == values.len() || (quantifier, held) == (Quantifier::One, Tri::Yes);
            return if is_sure { held } else { Tri::Unknown };
        }
        let judge = |value: Option<&str>| match value {
            Some(value) if is_list => self.matches_list(value, quantifier, captures),
            Some(value) => self.matches_one(value, captures),
            None => Tri::Unknown,
        };
        let each = self.together(values.iter().copied().map(judge), quantifier);
        if values.len() < 2 || each == Tri::Yes {
            return each;
        }
        let joined: Vec<&str> = values.iter().flatten().copied().collect();
        self.together([each, judge(Some(&joined.join(",")))].into_iter(), quantifier)
    }

    /// Judges the values of a query parameter. Many applications trim a value, and some end it at a NUL: what they
    /// would see counts, too.
    pub fn matches_parameter<'v>(
        &self,
        values: impl Iterator<Item = Cow<'v, str>>,
        quantifier: Quantifier,
        captures: &Captures<'_>,
    ) -> Tri {
        let mut values: Vec<Cow<'v, str>> = values.collect();
        let trimmed: Vec<Cow<'v, str>> =
            values.iter().flat_map(|value| trimmed(value)).map(|seen| Cow::Owned(seen.to_owned())).collect();
        values.extend(trimmed);
        let judged = values.iter().map(|value| {
            // An application that reads no lists takes a value for what it is.
            let is_whole = self.matches_one(value, captures) == Tri::Yes;
            if is_whole { Tri::Yes } else { self.matches_list(value, quantifier, captures) }
        });
        let each = self.together(judged, quantifier);
        if each == Tri::Yes || !self.asks_for_elements() {
            return each;
        }
        let texts: Vec<&str> = values.iter().map(|value| &**value).collect();
        self.together([each, self.matches_elements(&texts, captures)].into_iter(), quantifier)
    }

    fn together(&self, judged: impl Iterator<Item = Tri>, quantifier: Quantifier) -> Tri {
        let several = match quantifier {
            Quantifier::Every => judged.reduce(|one, other| if one == other { one } else { Tri::Unknown }),
            Quantifier::One => judged.reduce(Tri::or),
        };
        several.unwrap_or_else(|| Tri::from(self.presence() == Some(false)))
    }

    fn matches_list(&self, text: &str, quantifier: Quantifier, captures: &Captures<'_>) -> Tri {
        let whole = self.matches_one(text, captures);
        if !text.contains(',') {
            return whole;
        }
        let parts = || text.split(',').map(|part| self.matches_one(part.trim(), captures));
        match (quantifier, whole) {
            (Quantifier::One, _) => whole.or(Tri::any(parts())),
            // The beginning, the end or the whole of a list says nothing of each of its elements.
            (Quantifier::Every, Tri::Yes) if self.is_open_ended() && Tri::all(parts()) != Tri::Yes => {
                Tri::Unknown
            }
            (Quantifier::Every, Tri::No) if Tri::any(parts()) != Tri::No => Tri::Unknown,
            (Quantifier::Every, Tri::Yes | Tri::No | Tri::Unknown) => whole,
        }
    }

    /// Judges several texts as one list: its elements, and whatever could be taken for one.
    fn matches_elements(&self, texts: &[&str], captures: &Captures<'_>) -> Tri {
        if texts.is_empty() {
            return Tri::No;
        }
        let joined = texts.join(",");
        let elements = joined.split(',').map(str::trim).chain(texts.iter().copied()).chain([&*joined]);
        self.matches(Some(&elements.map(Value::from).collect()), captures)
    }

    fn matches_one(&self, text: &str, captures: &Captures<'_>) -> Tri {
        self.matches(Some(&Value::from(text)), captures)
    }

    /// Whether it asks for elements of a list.
    const fn asks_for_elements(&self) -> bool {
        matches!(self.test, Test::ContainsAny(_) | Test::ContainsAll(_))
    }

    /// Whether it leaves open what else stands in a text.
    const fn is_open_ended(&self) -> bool {
        matches!(self.test, Test::Prefix(_) | Test::Suffix(_) | Test::Matches(_))
    }
}
