//! Names of entries, as servers take them apart: `filter[trashed]` is an entry of `filter` to PHP, Rails and qs,
//! `filter.trashed` to qs with `allowDots`, Fiber and Spring, and `filter['trashed']` to Spring, too. Brackets that stand
//! alone are left out by Rack and qs: `[mode]`, `mode]` and `[mode` are `mode`. A `!` before a name says what stands for
//! it where it is not sent (Spring).

use super::same_folded;

/// Whether a decoded name means what `name` means, or something below it. An empty bracket stands for the next free
/// number.
pub(super) fn are_below(present: &str, name: &str) -> bool {
    let (mut present, mut wanted) = (Keys(present.trim_start_matches('!')), Keys(name));
    let mut are_there = false;
    loop {
        let Some(key) = wanted.next() else { return are_there };
        are_there = true;
        if !present.next().is_some_and(|present| is_entry(present, key)) {
            return false;
        }
    }
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

/// What stands between brackets, dots and quotes; of what is empty only `[]`.
struct Keys<'n>(&'n str);

impl<'n> Iterator for Keys<'n> {
    type Item = &'n str;

    fn next(&mut self) -> Option<&'n str> {
        while !self.0.is_empty() {
            let is_bracket = self.0.starts_with('[');
            let text = if is_bracket { self.0.get(1..)? } else { self.0 };
            let end = text.find(['[', ']', '.', '\'', '"']).unwrap_or(text.len());
            let (key, rest) = text.split_at_checked(end)?;
            let is_closed = rest.starts_with(']');
            self.0 = if rest.starts_with('[') { rest } else { rest.get(1..).unwrap_or_default() };
            if !key.trim().is_empty() || (is_bracket && is_closed) {
                return Some(key.trim());
            }
        }
        None
    }
}
