//! Names of entries, as servers take them apart: `filter[trashed]` is an entry of `filter` to PHP, Rails and qs,
//! `filter.trashed` to qs with `allowDots`, Fiber and Spring, and `filter['trashed']` to Spring, too; to PHP a dot is a `_`.
//! Brackets that stand alone are left out by Rack and qs: `[mode]`, `mode]`, `[]mode` and `[mode` are `mode`. A `!` before a
//! name says what stands for it where it is not sent (Spring).

use super::same_folded;

/// Whether a decoded name means what `name` means, or something below it. An empty bracket stands for the next free
/// number.
pub(super) fn are_below(present: &str, name: &str) -> bool {
    DELIMITERS.iter().any(|delimiters| {
        let (mut present, mut wanted) =
            (keys(present, delimiters), Keys { rest: name, delimiters }.peekable());
        wanted.peek().is_some()
            && wanted.all(|wanted| present.next().is_some_and(|key| is_entry(key, wanted)))
    })
}

/// Whether `name` is an entry below what a decoded name means.
pub(super) fn is_above(present: &str, name: &str) -> bool {
    DELIMITERS.iter().any(|delimiters| {
        let (mut present, mut wanted) =
            (keys(present, delimiters).peekable(), Keys { rest: name, delimiters });
        present.peek().is_some()
            && present.all(|key| wanted.next().is_some_and(|wanted| is_entry(key, wanted)))
            && wanted.next().is_some()
    })
}

/// What parts the keys of a name: everything, or brackets only.
const DELIMITERS: [&[char]; 2] = [&['[', ']', '.', '\'', '"'], &['[', ']']];

fn keys<'n>(present: &'n str, delimiters: &'static [char]) -> Keys<'n> {
    Keys { rest: present.trim_start_matches(['[', ']', '!']), delimiters }
}

fn is_entry(key: &str, wanted: &str) -> bool {
    let may_be_numbered = wanted.bytes().all(|byte| byte.is_ascii_digit());
    wanted.is_empty() || (key.is_empty() && may_be_numbered) || same_folded(key, wanted)
}

/// Whether a text is brackets, each closed and with a plain word in it or nothing, and nothing else.
pub(super) fn are_plain(mut text: &str, is_word: impl Fn(u8) -> bool) -> bool {
    while !text.is_empty() {
        let Some((key, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return false;
        };
        if !key.bytes().all(&is_word) {
            return false;
        }
        text = after;
    }
    true
}

/// What stands between delimiters; of what is empty only `[]`.
struct Keys<'n> {
    rest: &'n str,
    delimiters: &'static [char],
}

impl<'n> Iterator for Keys<'n> {
    type Item = &'n str;

    fn next(&mut self) -> Option<&'n str> {
        while !self.rest.is_empty() {
            let is_bracket = self.rest.starts_with('[');
            let text = if is_bracket { self.rest.get(1..)? } else { self.rest };
            let end = text.find(self.delimiters).unwrap_or(text.len());
            let (key, rest) = text.split_at_checked(end)?;
            let is_closed = rest.starts_with(']');
            self.rest = if rest.starts_with('[') { rest } else { rest.get(1..).unwrap_or_default() };
            if !key.trim().is_empty() || (is_bracket && is_closed) {
                return Some(key.trim());
            }
        }
        None
    }
}
