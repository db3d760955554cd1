//! A first look at JSON that nobody has vouched for yet: the members of the outermost object, in one pass,
//! without memory of its own, and no further than needed.
//!
//! It only chooses the key. Once the signature holds, [`super::json`] reads the same bytes strictly and has
//! to find the same, so nothing is ever accepted on the word of this scanner alone.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::str;

/// The value of a member, as far as a first look goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glimpse<'b> {
    /// A string: what stands between the quotes, escapes kept.
    Text(&'b [u8]),
    /// Anything else.
    Other,
}

impl<'b> Glimpse<'b> {
    /// The string, if it is one.
    pub fn text(self) -> Option<Cow<'b, str>> {
        let Self::Text(raw) = self else { return None };
        if !raw.contains(&b'\\') {
            return str::from_utf8(raw).ok().map(Cow::Borrowed);
        }
        let quoted = [b"\"", raw, b"\""].concat();
        serde_json::from_slice(&quoted).ok().map(Cow::Owned)
    }
}

/// It is no object, or ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoObject;

/// Shows the members of the outermost object, names with their escapes kept, until `see` breaks.
pub(super) fn members<'b>(
    json: &'b [u8],
    mut see: impl FnMut(&'b [u8], Glimpse<'b>) -> ControlFlow<()>,
) -> Result<(), NoObject> {
    let mut cursor = Cursor { json, at: 0 };
    if cursor.skip_blanks() != Some(b'{') {
        return Err(NoObject);
    }
    cursor.at += 1;
    let mut depth = 1_usize;
    let mut name_follows = true;
    while let Some(byte) = cursor.peek() {
        cursor.at += 1;
        match byte {
            b'"' => {
                let text = cursor.string().ok_or(NoObject)?;
                if depth > 1 || !name_follows {
                    continue;
                }
                name_follows = false;
                let value = cursor.value().ok_or(NoObject)?;
                if see(text, value).is_break() {
                    return Ok(());
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(());
                }
            }
            b',' => name_follows = depth == 1,
            _ => {}
        }
    }
    Err(NoObject)
}

struct Cursor<'b> {
    json: &'b [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn skip_blanks(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.peek()
    }

    /// What stands before the closing quote; the opening one has been read.
    fn string(&mut self) -> Option<&'b [u8]> {
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let text = self.json.get(start..self.at);
        self.at += 1;
        text
    }

    /// What follows a name. A string is read; anything else is left to the walk.
    fn value(&mut self) -> Option<Glimpse<'b>> {
        if self.skip_blanks()? != b':' {
            return None;
        }
        self.at += 1;
        if self.skip_blanks()? != b'"' {
            return Some(Glimpse::Other);
        }
        self.at += 1;
        self.string().map(Glimpse::Text)
    }
}

#[cfg(test)]
mod tests;
