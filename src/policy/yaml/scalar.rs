//! Plain scalars: YAML 1.2.2, section 10.3.2. `no` is a string.

use super::Kind;

/// What a plain scalar is; `None` for a whole number that does not fit.
pub(super) fn plain(text: &str) -> Option<Kind> {
    match text {
        "" | "null" | "Null" | "NULL" | "~" => return Some(Kind::Null),
        "true" | "True" | "TRUE" => return Some(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Kind::Bool(false)),
        _ => {}
    }
    if is_integer(text) {
        return integer(text).map(Kind::Integer);
    }
    Some(float(text).map_or_else(|| Kind::Text { value: text.into(), quoted: false }, Kind::Float))
}

fn is_integer(text: &str) -> bool {
    let is = |digits: &str, valid: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(valid);
    if let Some(digits) = text.strip_prefix("0x") {
        return is(digits, u8::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return is(digits, |digit| (b'0'..=b'7').contains(digit));
    }
    is(text.strip_prefix(['-', '+']).unwrap_or(text), u8::is_ascii_digit)
}

fn integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok();
    }
    text.parse().ok()
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let starts_with_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let begins = starts_with_digit(unsigned) || unsigned.strip_prefix('.').is_some_and(starts_with_digit);
    let is_number = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if begins && is_number { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_string_whatever_yaml_1_1_made_of_it() {
        for text in
            ["no", "yes", "on", "off", "y", "n", "1.2.3", "0b1", "1_000", "12:30:45", "0x", "0o8", "-", "+"]
        {
            assert_eq!(plain(text), Some(Kind::Text { value: text.into(), quoted: false }), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_core_schema() {
        for (text, number) in [("7", 7), ("-7", -7), ("+7", 7), ("007", 7), ("0x1F", 31), ("0o17", 15)] {
            assert_eq!(plain(text), Some(Kind::Integer(number)), "{text}");
        }
        for (text, number) in [("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-1.", -1.0)] {
            assert_eq!(plain(text), Some(Kind::Float(number)), "{text}");
        }
        assert_eq!(plain("99999999999999999999"), None);
    }
}
