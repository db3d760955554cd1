//! What is known of a matcher without a value: what satisfies it, and whether two exclude each other.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Operand, Test, ValueMatcher};
use crate::policy::Captures;
use crate::policy::tri::Tri;

impl ValueMatcher {
    /// The texts that satisfy it, where these are few and known: for telling two matches apart.
    #[must_use]
    pub fn only_texts(&self) -> Option<Vec<&str>> {
        let operands = match &self.test {
            Test::Shorthand(operands) | Test::OneOf(operands) => operands.as_slice(),
            Test::Equals(operand) => std::slice::from_ref(operand),
            Test::WholeList(_)
            | Test::ContainsAny(_)
            | Test::ContainsAll(_)
            | Test::Prefix(_)
            | Test::Suffix(_)
            | Test::Matches(_)
            | Test::Present(_)
            | Test::AtLeast(_)
            | Test::AtMost(_) => return None,
        };
        if self.ignore_case {
            return None;
        }
        operands.iter().map(Operand::literal).collect()
    }

    /// `present: …`, if that is what it asks.
    #[must_use]
    pub fn presence(&self) -> Option<bool> {
        match self.test {
            Test::Present(wanted) => Some(wanted),
            Test::Shorthand(_)
            | Test::Equals(_)
            | Test::WholeList(_)
            | Test::OneOf(_)
            | Test::ContainsAny(_)
            | Test::ContainsAll(_)
            | Test::Prefix(_)
            | Test::Suffix(_)
            | Test::Matches(_)
            | Test::AtLeast(_)
            | Test::AtMost(_) => None,
        }
    }

    /// The one value that satisfies it, if it asks for just one.
    #[must_use]
    pub fn only_value(&self) -> Option<Value> {
        match &self.test {
            Test::Equals(_) | Test::WholeList(_) if !self.ignore_case => self.example(),
            Test::Shorthand(_)
            | Test::Equals(_)
            | Test::WholeList(_)
            | Test::OneOf(_)
            | Test::ContainsAny(_)
            | Test::ContainsAll(_)
            | Test::Prefix(_)
            | Test::Suffix(_)
            | Test::Matches(_)
            | Test::Present(_)
            | Test::AtLeast(_)
            | Test::AtMost(_) => None,
        }
    }

    /// Whether no claim can surely satisfy both.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        match (self.presence(), other.presence()) {
            (Some(one), Some(two)) => return one != two,
            (Some(present), None) | (None, Some(present)) => return !present,
            (None, None) => {}
        }
        let none = Captures::new();
        let refuses = |one: &Self, other: &Self| {
            let values: Option<Vec<Value>> = match &one.test {
                Test::OneOf(operands) if !one.ignore_case => operands.iter().map(Operand::value).collect(),
                Test::Shorthand(_)
                | Test::Equals(_)
                | Test::WholeList(_)
                | Test::OneOf(_)
                | Test::ContainsAny(_)
                | Test::ContainsAll(_)
                | Test::Prefix(_)
                | Test::Suffix(_)
                | Test::Matches(_)
                | Test::Present(_)
                | Test::AtLeast(_)
                | Test::AtMost(_) => one.only_value().map(|value| vec![value]),
            };
            let is_known = !other.has_captures();
            values.is_some_and(|values| {
                is_known && values.iter().all(|value| other.matches(Some(value), &none) != Tri::Yes)
            })
        };
        let crossed = match (&self.test, &other.test) {
            (Test::AtLeast(least), Test::AtMost(most)) | (Test::AtMost(most), Test::AtLeast(least)) => {
                most.number().is_some_and(|most| least.compare(&most) == Some(Ordering::Less))
            }
            _ => false,
        };
        crossed || refuses(self, other) || refuses(other, self)
    }

    fn has_captures(&self) -> bool {
        let operands = match &self.test {
            Test::Shorthand(operands)
            | Test::OneOf(operands)
            | Test::WholeList(operands)
            | Test::ContainsAny(operands)
            | Test::ContainsAll(operands) => operands.as_slice(),
            Test::Equals(operand) => std::slice::from_ref(operand),
            Test::Prefix(_)
            | Test::Suffix(_)
            | Test::Matches(_)
            | Test::Present(_)
            | Test::AtLeast(_)
            | Test::AtMost(_) => return false,
        };
        operands.iter().any(|operand| operand.value().is_none())
    }

    /// A value that satisfies it, where one can be named: for filling in the tokens of tests.
    #[must_use]
    pub fn example(&self) -> Option<Value> {
        let value = Operand::value;
        let list =
            |operands: &[Operand]| operands.iter().map(value).collect::<Option<Vec<_>>>().map(Value::Array);
        match &self.test {
            Test::Shorthand(operands) | Test::OneOf(operands) => operands.first().and_then(value),
            Test::Equals(operand) => value(operand),
            Test::WholeList(operands) | Test::ContainsAll(operands) => list(operands),
            Test::ContainsAny(operands) => {
                operands.first().and_then(value).map(|one| Value::Array(vec![one]))
            }
            Test::Prefix(text) | Test::Suffix(text) => Some((&**text).into()),
            Test::AtLeast(bound) | Test::AtMost(bound) => bound.number().map(Value::Number),
            Test::Present(true) => Some("present".into()),
            Test::Present(false) | Test::Matches(_) => None,
        }
    }
}
