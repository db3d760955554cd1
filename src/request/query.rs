//! The query: names and values, decoded once.

mod entries;

use std::borrow::Cow;

use memchr::memchr;
use percent_encoding::percent_decode;

use super::headers::folded;
use super::path::FOLD_TO_ASCII;

/// What has a value: what is asked for, something below it, something that it is an entry of.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    itself: bool,
    below: bool,
    above: bool,
}

/// Most parameters that every server reads.
const MOST_PARAMETERS: usize = 1000;

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
        self.0.split('&').filter(|pair| !pair.is_empty()).map(read)
    }

    /// Every value of one name, in order.
    pub fn all<'s>(self, name: &'s str) -> impl Iterator<Item = Cow<'a, str>> + 's
    where
        'a: 's,
    {
        self.pairs().filter(move |(present, _)| present == name).map(|(_, value)| value)
    }

    /// Every value that some server would find under a name: that of a name that looks like it, and, to those
    /// that take `;` for another `&`, that of a part.
    pub fn alike<'s>(self, name: &'s str) -> impl Iterator<Item = Cow<'a, str>> + 's
    where
        'a: 's,
    {
        let pairs = self.0.split('&').flat_map(parts).filter(|pair| !pair.is_empty()).map(read);
        pairs.filter(move |(present, _)| parameter_looks_like(present, name)).map(|(_, value)| value)
    }

    /// Whether some server would find something under one of these names that is not there under it as it is
    /// written. Each pair is read a few times, however many names there are.
    #[must_use]
    pub fn hides_one_of(self, names: &[impl AsRef<str>]) -> bool {
        let is_like = |pair: &str, may_be_written: bool| {
            let (present, _) = read(pair);
            let is_written = |name: &str| may_be_written && *present == *name;
            let seen = seen(&present);
            names.iter().map(AsRef::as_ref).any(|name| !is_written(name) && is_taken_for(&seen, name))
        };
        let hides = |pair: &str| {
            is_like(pair, true) || (pair.contains(';') && parts(pair).any(|part| is_like(part, false)))
        };
        self.0.split('&').filter(|pair| !pair.is_empty()).any(hides) || self.is_untold(names)
    }

    /// Whether it cannot be told what servers find under one of these names, whatever stands there: there are too many
    /// parameters; an escape is broken, which every server reads in its own way (`%u0061`); something and an entry of it
    /// have values, and one of the two is lost (`a[b]=1&a=2`); or a field's marker (`_a`, Spring) says that it is empty.
    #[must_use]
    pub fn is_untold(self, names: &[impl AsRef<str>]) -> bool {
        if self.is_too_long() {
            return true;
        }
        let mut held = vec![Held::default(); names.len()];
        for pair in self.0.split('&').flat_map(parts).filter(|pair| !pair.is_empty()) {
            let (raw, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !escapes_are_valid(raw) {
                return true;
            }
            let present = decode(raw);
            let seen = seen(&present);
            for (held, name) in held.iter_mut().zip(names.iter().map(AsRef::as_ref)) {
                let is_alike = is_taken_for(&seen, name);
                let is_marker = || seen.strip_prefix('_').is_some_and(|marked| is_taken_for(marked, name));
                if (is_alike && !escapes_are_valid(value)) || is_marker() {
                    return true;
                }
                let is_below = is_alike && entries::is_above(name, &seen);
                held.below |= is_below;
                held.itself |= is_alike && !is_below;
                held.above |= !is_alike && entries::is_above(&seen, name);
                if (held.above && (held.itself || held.below)) || (held.itself && held.below) {
                    return true;
                }
            }
        }
        false
    }

    /// Every value of one name that no server leaves out: some drop a pair with a `;` in it (Go), or with an escape
    /// that is none.
    pub fn sure<'s>(self, name: &'s str) -> impl Iterator<Item = Cow<'a, str>> + 's
    where
        'a: 's,
    {
        let is_sure = |pair: &&str| !pair.is_empty() && !pair.contains(';') && escapes_are_valid(pair);
        let pairs = self.0.split('&').filter(is_sure).map(read);
        pairs.filter(move |(present, _)| present == name).map(|(_, value)| value)
    }

    /// Whether there are more parameters than some servers read: PHP (`max_input_vars`), qs and Node's querystring
    /// leave out what stands behind the thousandth, and some of them count empty ones.
    fn is_too_long(self) -> bool {
        self.0.bytes().filter(|byte| matches!(byte, b'&' | b';')).nth(MOST_PARAMETERS - 1).is_some()
    }

    /// Whether some server would read a name otherwise than it is written, whatever name it looked for, or a value with a
    /// broken escape; brackets that are closed after a plain name are usual.
    #[must_use]
    pub fn has_unusual_name(self) -> bool {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_plain = |name: &str| {
            let (start, keys) = name.split_at(name.find('[').unwrap_or(name.len()));
            start.bytes().all(is_word)
                && (!start.is_empty() || keys.is_empty())
                && entries::are_plain(keys, is_word)
        };
        let is_usual = |pair: &str| !pair.contains(';') && escapes_are_valid(pair) && is_plain(&read(pair).0);
        !self.0.split('&').all(is_usual)
    }

    /// Whether a `#` stands in it, as in no request (RFC 9112, section 3.2).
    #[must_use]
    pub fn holds_fragment(self) -> bool {
        memchr(b'#', self.0.as_bytes()).is_some()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a decoded name would be taken for `name` by some server. PHP leaves out blanks before it, ends it at
/// a `[` or a NUL, and folds `.`, blanks and a lone `[` to `_`; others know no case. Of entries (`a[b]`, `[a]`, `a.b`)
/// see `query/entries.rs`.
#[must_use]
pub fn parameter_looks_like(present: &str, name: &str) -> bool {
    is_taken_for(&seen(present), name)
}

/// Without what stands behind a NUL and blanks around it, and with letters as who folds them in Unicode reads them.
fn seen(present: &str) -> Cow<'_, str> {
    let seen = present.split('\0').next().unwrap_or(present).trim();
    if seen.is_ascii() || !seen.contains(FOLD_TO_ASCII) {
        return Cow::Borrowed(seen);
    }
    Cow::Owned(seen.replace('\u{17f}', "s").replace('\u{212a}', "k"))
}

fn is_taken_for(seen: &str, name: &str) -> bool {
    readings(seen).any(|reading| same_folded(reading, name)) || entries::are_below(seen, name)
}

/// A pair, and its parts to who takes `;` for another `&`.
fn parts(pair: &str) -> impl Iterator<Item = &str> {
    let several = pair.contains(';').then(|| pair.split(';'));
    std::iter::once(pair).chain(several.into_iter().flatten())
}

/// What some server or other takes for the name.
fn readings(present: &str) -> impl Iterator<Item = &str> {
    let starts = present.match_indices('[').filter_map(|(at, _)| present.get(..at)).map(str::trim_end);
    std::iter::once(present).chain(starts)
}

fn same_folded(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(folded).eq(other.bytes().map(folded))
}

fn escapes_are_valid(pair: &str) -> bool {
    let is_escape = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    pair.split('%').skip(1).all(is_escape)
}

fn read(pair: &str) -> (Cow<'_, str>, Cow<'_, str>) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decode(name), decode(value))
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned())
}
