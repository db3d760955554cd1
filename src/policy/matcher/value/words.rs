//! A matcher in words, as what follows the name of a value: `= admin`, `contains a and b`, `is absent`.

use std::fmt;

use super::{Bound, Operand, Test, ValueMatcher};

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(formatter),
            Self::Float(number) => number.fmt(formatter),
        }
    }
}

impl fmt::Display for ValueMatcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Shorthand(operands) => write!(formatter, "= {}", joined(operands, " or ")),
            Test::Equals(operand) => write!(formatter, "equals {operand}"),
            Test::WholeList(operands) => write!(formatter, "equals [{}]", joined(operands, ", ")),
            Test::OneOf(operands) => write!(formatter, "is one of {}", joined(operands, ", ")),
            Test::ContainsAny(operands) => write!(formatter, "contains {}", joined(operands, " or ")),
            Test::ContainsAll(operands) => write!(formatter, "contains {}", joined(operands, " and ")),
            Test::Prefix(text) => write!(formatter, "starts with {text}"),
            Test::Suffix(text) => write!(formatter, "ends with {text}"),
            Test::Matches(pattern) => write!(formatter, "matches {pattern}"),
            Test::Present(true) => formatter.write_str("is present"),
            Test::Present(false) => formatter.write_str("is absent"),
            Test::AtLeast(bound) => write!(formatter, "is at least {bound}"),
            Test::AtMost(bound) => write!(formatter, "is at most {bound}"),
        }?;
        if self.ignore_case { formatter.write_str(" (in any case)") } else { Ok(()) }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(&text.written()),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Float(number) => write!(formatter, "{number}"),
            Self::Bool(truth) => write!(formatter, "{truth}"),
        }
    }
}

fn joined(operands: &[Operand], joint: &str) -> String {
    operands.iter().map(ToString::to_string).collect::<Vec<_>>().join(joint)
}
