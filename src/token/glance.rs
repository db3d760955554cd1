//! A first look at JSON that nobody has vouched for yet: what a member of the outermost object holds, found
//! without memory of its own and in a time that depends on nothing but the length.
//!
//! It only chooses the key. Once the signature holds, [`super::json`] reads the same bytes strictly and has
//! to find the same, so nothing is ever accepted on the word of this scanner alone.

use std::borrow::Cow;
use std::str;

use memchr::{memchr2, memmem};

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

/// Whether it could be an object.
pub(super) fn is_object(json: &[u8]) -> bool {
    blanks(json).first() == Some(&b'{')
}

/// A name to look for.
#[derive(Debug)]
pub(super) struct Name(memmem::Finder<'static>);

impl Name {
    /// A name, in the quotes in which it stands. One written with escapes is not found.
    pub fn new(quoted: &'static str) -> Self {
        Self(memmem::Finder::new(quoted))
    }

    /// What the members of the outermost object hold that have this name.
    pub fn values<'b>(&self, json: &'b [u8]) -> impl Iterator<Item = Glimpse<'b>> {
        let mut walk = Walk::new(json);
        self.0.find_iter(json).filter_map(move |at| {
            if !walk.opens_a_string_of_the_outermost_object(at) {
                return None;
            }
            // Only a name is followed by a colon.
            let after = json.get(at + self.0.needle().len()..)?;
            let value = blanks(blanks(after).strip_prefix(b":")?);
            let Some(text) = value.strip_prefix(b"\"") else { return Some(Glimpse::Other) };
            string(text).map(Glimpse::Text)
        })
    }
}

fn blanks(json: &[u8]) -> &[u8] {
    let end = json.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    json.get(end.unwrap_or(json.len())..).unwrap_or_default()
}

/// What stands before the closing quote; the opening one has been read.
fn string(json: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', json.get(at..)?)?;
        if json.get(at) == Some(&b'"') {
            return json.get(..at);
        }
        at += 2;
    }
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Walks through JSON in blocks, and knows at each byte how deep it stands and whether within a string.
///
/// A walk byte by byte would branch at every quote and bracket, and whoever sends a token can choose them so
/// that the processor guesses wrong each time: that costs ten times as much. These are the masks of Langdale
/// and Lemire, "Parsing gigabytes of JSON per second", section 3.1.
struct Walk<'b> {
    json: &'b [u8],
    /// How many blocks have been read; the masks are of the last of them.
    read: usize,
    masks: Masks,
    before: State,
    after: State,
}

/// What is known between two blocks.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// How many objects and lists are open.
    depth: i64,
    /// All ones within a string.
    in_string: u64,
    /// One if the next byte is escaped.
    escapes_next: u64,
}

/// What the bytes of a block are, the lowest bit for the first of them.
#[derive(Debug, Clone, Copy, Default)]
struct Masks {
    /// Quotes that open or close a string.
    quotes: u64,
    /// Bytes within strings, opening quotes included.
    in_string: u64,
    /// Brackets and braces outside of strings.
    opens: u64,
    closes: u64,
}

impl<'b> Walk<'b> {
    fn new(json: &'b [u8]) -> Self {
        Self { json, read: 0, masks: Masks::default(), before: State::default(), after: State::default() }
    }

    /// Whether the quote at this place opens a string that stands directly in the outermost object. Places
    /// are asked for in ascending order.
    fn opens_a_string_of_the_outermost_object(&mut self, at: usize) -> bool {
        while self.read <= at / BLOCK {
            self.read_on();
        }
        let bit = 1_u64 << (at % BLOCK);
        let before = bit - 1;
        let depth = self.before.depth + count(self.masks.opens & before) - count(self.masks.closes & before);
        let is_opening = self.masks.quotes & self.masks.in_string & bit != 0;
        is_opening && depth == 1
    }

    fn read_on(&mut self) {
        let mut bytes = [b' '; BLOCK];
        let rest = self.json.get(self.read * BLOCK..).unwrap_or_default();
        bytes.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        let before = self.after;
        let (escaped, escapes_next) = escaped(mask(&bytes, |byte| byte == b'\\'), before.escapes_next);
        let quotes = mask(&bytes, |byte| byte == b'"') & !escaped;
        let in_string = up_to_each(quotes) ^ before.in_string;
        // `{` and `[`, and `}` and `]`, are a bit apart.
        let opens = mask(&bytes, |byte| byte | 0x20 == b'{') & !in_string;
        let closes = mask(&bytes, |byte| byte | 0x20 == b'}') & !in_string;
        let ends_in_string = if in_string >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        let depth = before.depth + count(opens) - count(closes);
        self.read += 1;
        self.masks = Masks { quotes, in_string, opens, closes };
        self.before = before;
        self.after = State { depth, in_string: ends_in_string, escapes_next };
    }
}

fn count(mask: u64) -> i64 {
    i64::from(mask.count_ones())
}

/// One bit for each byte that is so. The compiler does the first loop in a few wide instructions.
fn mask(bytes: &[u8; BLOCK], is_so: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0_u8; BLOCK];
    flags.iter_mut().zip(bytes).for_each(|(flag, byte)| *flag = u8::from(is_so(*byte)));
    let (words, _) = flags.as_chunks::<8>();
    words.iter().rev().fold(0, |mask, word| {
        // Brings the lowest bits of eight bytes together in the highest byte.
        mask << 8 | u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
}

/// For each bit whether an odd number of bits stand at or below it.
fn up_to_each(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// The bytes after a backslash that is not escaped itself, and whether the first byte of the next block is
/// one.
fn escaped(backslashes: u64, first: u64) -> (u64, u64) {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let backslashes = backslashes & !first;
    let follows = backslashes << 1 | first;
    let odd_starts = backslashes & !EVEN & !follows;
    let (even_sequences, goes_on) = odd_starts.overflowing_add(backslashes);
    ((EVEN ^ (even_sequences << 1)) & follows, u64::from(goes_on))
}

#[cfg(test)]
mod tests;
