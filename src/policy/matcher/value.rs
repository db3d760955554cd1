//! Values compared: claims with their JSON types, header and query values as strings.

mod compile;
mod known;
mod single;
mod texts;
mod trimmed;
mod words;

use std::cmp::Ordering;

use serde_json::{Number, Value};

pub(in crate::policy) use single::is_one_value;
use trimmed::trimmed;
pub(in crate::policy) use trimmed::{until_nul, without_ends};

use crate::policy::Captures;
use crate::policy::tri::Tri;
use crate::token::claims::{ClaimPath, Claims};

use super::capture::CaptureText;
use super::pattern::Pattern;

/// Ends of lines; a dot takes none of them, all, or some.
pub(in crate::policy) const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// What a matcher is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A claim.
    Claim,
    /// The subject: a string, whatever the token wrote it as.
    Subject,
    /// A header or query value: always a string.
    Text,
}

/// How many values of a repeated header must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// Every one: what opens must not hang on the one that was looked at. Where some match and some do not,
    /// it cannot be told, so that a `not` does not open either.
    Every,
    /// One is enough, comma-separated parts too: a fence must not be slipped through.
    One,
}

/// A matcher, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueMatcher {
    test: Test,
    ignore_case: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// A scalar or a list as shorthand: equal to one of these, or a list that holds one of them.
    Shorthand(Vec<Operand>),
    /// `equals` with one value.
    Equals(Operand),
    /// `equals` with a list: the whole list, in its order.
    WholeList(Vec<Operand>),
    /// `one_of`.
    OneOf(Vec<Operand>),
    /// `contains`, `contains_any`.
    ContainsAny(Vec<Operand>),
    /// `contains_all`.
    ContainsAll(Vec<Operand>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Matches(Pattern),
    Present(bool),
    AtLeast(Bound),
    AtMost(Bound),
}

/// A number to compare with. Integers are compared as such: a float holds only 53 bits of them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Integer(i64),
    Float(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Text(CaptureText),
    Integer(i64),
    Float(f64),
    Bool(bool),
}

impl ValueMatcher {
    /// Judges the claim at a path. Where that leads through what is no object it cannot be told.
    #[must_use]
    pub fn matches_at(&self, path: &ClaimPath, claims: &Claims, captures: &Captures<'_>) -> Tri {
        path.follow(claims).map_or(Tri::Unknown, |value| self.matches(value, captures))
    }

    /// Judges a claim. A missing or null claim satisfies only `present: false`.
    #[must_use]
    pub fn matches(&self, value: Option<&Value>, captures: &Captures<'_>) -> Tri {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Tri::from(matches!(self.test, Test::Present(false)));
        };
        let equal = |operand: &Operand, value: &Value| operand.equals(value, captures, self.ignore_case);
        let one_equals = |operands: &[Operand], value: &Value| {
            Tri::any(operands.iter().map(|operand| equal(operand, value)))
        };
        let one_is_held = |operand: &Operand| Tri::any(held(value).iter().map(|item| equal(operand, item)));
        match &self.test {
            Test::Present(wanted) => Tri::from(*wanted),
            Test::Shorthand(operands) | Test::ContainsAny(operands) => {
                Tri::any(held(value).iter().map(|item| one_equals(operands, item)))
            }
            Test::Equals(operand) => equal(operand, value),
            Test::OneOf(operands) => one_equals(operands, value),
            Test::WholeList(operands) => match value.as_array() {
                Some(items) if items.len() == operands.len() => {
                    Tri::all(operands.iter().zip(items).map(|(operand, item)| equal(operand, item)))
                }
                Some(_) | None => Tri::No,
            },
            Test::ContainsAll(operands) => Tri::all(operands.iter().map(one_is_held)),
            Test::Prefix(prefix) => text(value, |text| starts_with(text, prefix, self.ignore_case)),
            Test::Suffix(suffix) => text(value, |text| ends_with(text, suffix, self.ignore_case)),
            Test::Matches(pattern) => Tri::any(held(value).iter().map(|item| match item.as_str() {
                // Whether a dot takes it is told differently by every language.
                Some(text) if text.contains(BREAKS) => Tri::Unknown,
                Some(text) => Tri::from(pattern.is_match(text)),
                None => Tri::Unknown,
            })),
            Test::AtLeast(least) => {
                number(value, |number| least.compare(number).is_some_and(Ordering::is_ge))
            }
            Test::AtMost(most) => number(value, |number| most.compare(number).is_some_and(Ordering::is_le)),
        }
    }
}

impl Operand {
    /// Its value; `None` where a capture stands in it.
    fn value(&self) -> Option<Value> {
        match self {
            Self::Text(text) => text.literal().map(Value::from),
            Self::Integer(number) => Some((*number).into()),
            Self::Float(number) => Number::from_f64(*number).map(Value::Number),
            Self::Bool(truth) => Some((*truth).into()),
        }
    }

    fn literal(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.literal(),
            Self::Integer(_) | Self::Float(_) | Self::Bool(_) => None,
        }
    }

    /// Numbers and booleans compare by type: `"1"` is not `1`. `3` and `3.0` are one number (JSON has but
    /// one kind). Lists, objects and null equal nothing.
    fn equals(&self, value: &Value, captures: &Captures<'_>, ignore_case: bool) -> Tri {
        Tri::from(match (self, value) {
            (Self::Text(text), Value::String(string)) => return text.equals(string, captures, ignore_case),
            // A numeric `sub` against `/users/{id}`: the same bytes in decimal form.
            (Self::Text(text), Value::Number(number)) if text.is_one_capture() && !number.is_f64() => {
                return text.equals(&number.to_string(), captures, false);
            }
            (Self::Integer(wanted), Value::Number(number)) => match number.as_i64() {
                Some(integer) => integer == *wanted,
                None => whole(number) == Some(*wanted),
            },
            (Self::Float(wanted), Value::Number(number)) => {
                number.as_f64().is_some_and(|number| number.total_cmp(wanted).is_eq())
            }
            (Self::Bool(wanted), Value::Bool(truth)) => wanted == truth,
            _ => false,
        })
    }
}

/// The integer that a number with a zero fraction stands for.
fn whole(number: &Number) -> Option<i64> {
    let text = number.to_string();
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

/// What a claim holds: its elements, or itself as a list of one. An object holds nothing comparable.
fn held(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn text(value: &Value, judge: impl FnOnce(&str) -> bool) -> Tri {
    value.as_str().map_or(Tri::Unknown, |text| Tri::from(judge(text)))
}

fn number(value: &Value, judge: impl FnOnce(&Number) -> bool) -> Tri {
    value.as_number().map_or(Tri::Unknown, |number| Tri::from(judge(number)))
}

impl Bound {
    fn number(self) -> Option<Number> {
        match self {
            Self::Integer(number) => Some(number.into()),
            Self::Float(number) => Number::from_f64(number),
        }
    }

    /// How a number stands to this one.
    fn compare(self, number: &Number) -> Option<Ordering> {
        let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        match (self, integer) {
            (Self::Integer(bound), Some(integer)) => Some(integer.cmp(&i128::from(bound))),
            (Self::Integer(bound), None) => {
                // Whole part first: a bound beyond 2^53 has no exact float. What is no i64 is beyond all bounds.
                let number = number.as_f64()?;
                match format!("{:.0}", number.trunc()).parse::<i64>() {
                    Ok(whole) => Some(whole.cmp(&bound).then(number.fract().total_cmp(&0.0))),
                    Err(_) => number.partial_cmp(&0.0),
                }
            }
            (Self::Float(bound), _) => number.as_f64()?.partial_cmp(&bound),
        }
    }
}

fn starts_with(text: &str, prefix: &str, ignore_case: bool) -> bool {
    if !ignore_case {
        return text.starts_with(prefix);
    }
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn ends_with(text: &str, suffix: &str, ignore_case: bool) -> bool {
    if !ignore_case {
        return text.ends_with(suffix);
    }
    let start = text.len().checked_sub(suffix.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}
