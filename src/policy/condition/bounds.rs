//! How long and how deep a condition may be, and what it may call.

/// Functions and operators that a condition may call.
pub(super) const FUNCTIONS: [&str; 14] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "int",
    "double",
    "string",
];

/// Deepest nesting of brackets.
const MOST_DEPTH: usize = 24;
/// Most operators, member accesses and calls.
const MOST_OPERATORS: usize = 150;

/// Whether the source may nest so deeply that parsing it would cost stack: in brackets, in prefixes, or in
/// chains, each link of which stands inside of the next.
pub(super) fn nests_deeply(source: &str) -> bool {
    let mut depth = 0_usize;
    let mut operators = 0_usize;
    let mut before = b' ';
    for byte in outside_of_strings(source) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        operators += match byte {
            // The second half of `==`, `<=`, `&&` and the like.
            b'=' | b'&' | b'|' if matches!(before, b'=' | b'<' | b'>' | b'!' | b'&' | b'|') => 0,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'?' | b'<' | b'>' | b'=' | b'!' | b'&' | b'|'
            | b'(' | b'[' | b'{' => 1,
            // `a in b in c`: the space after each word counts.
            b' ' | b'\t' | b'\n' | b'\r' if before.is_ascii_alphanumeric() => 1,
            _ => 0,
        };
        before = byte;
        if depth > MOST_DEPTH || operators > MOST_OPERATORS {
            return true;
        }
    }
    false
}

/// The bytes that are not part of a string literal, for each of which one quote stands.
fn outside_of_strings(source: &str) -> impl Iterator<Item = u8> + '_ {
    let bytes = source.as_bytes();
    let mut at = 0;
    let mut before = b' ';
    std::iter::from_fn(move || {
        let byte = *bytes.get(at)?;
        at += if matches!(byte, b'"' | b'\'') {
            let is_raw = matches!(before, b'r' | b'R');
            literal_length(bytes.get(at..).unwrap_or_default(), byte, is_raw)
        } else {
            1
        };
        before = byte;
        Some(byte)
    })
}

/// How long a string literal is that begins here; one that does not end takes the rest.
fn literal_length(bytes: &[u8], quote: u8, is_raw: bool) -> usize {
    let triple = [quote; 3];
    let end: &[u8] = if bytes.starts_with(&triple) {
        &triple
    } else {
        triple.first_chunk::<1>().map_or(&[], |one| one.as_slice())
    };
    let mut at = end.len();
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(end) {
            return at + end.len();
        }
        at += if rest.starts_with(b"\\") && !is_raw { 2 } else { 1 };
    }
    bytes.len()
}
