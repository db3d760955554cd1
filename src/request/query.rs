//! The query: names and values, decoded once.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// What stands after the first `?`. It never takes part in path matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Takes the text after the `?`.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Names and values in order, `%XX` and `+` decoded once. Bytes that are not UTF-8 become U+FFFD.
    pub fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.0.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
    }

    /// Every value of one name, in order.
    pub fn all<'s>(self, name: &'s str) -> impl Iterator<Item = Cow<'a, str>> + 's
    where
        'a: 's,
    {
        self.pairs().filter(move |(present, _)| present == name).map(|(_, value)| value)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned())
}
