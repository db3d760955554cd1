//! The path: split once, decoded once, and refused where two parties may read it differently.

mod script;

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::Reading;

/// Letters that Unicode folds to `k` and `s`: to who compares ASCII letters they are others.
pub const FOLD_TO_ASCII: [char; 2] = ['\u{212a}', '\u{17f}'];

/// One decoded segment.
pub type Segment<'a> = Cow<'a, str>;

/// A path that can be read one way only (or in the few ways that a policy opted in to).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    segments: Vec<Segment<'a>>,
    holds_encoded_slash: bool,
    holds_semicolon: bool,
    holds_script: bool,
}

impl<'a> Path<'a> {
    /// Reads the part of a target before the `?`.
    ///
    /// # Errors
    /// Says what makes it ambiguous.
    pub fn read(text: &'a str, reading: &Reading) -> Result<Self, &'static str> {
        let Some(rest) = text.strip_prefix('/') else { return Err("the path does not start with `/`") };
        let mut path = Self {
            segments: Vec::new(),
            holds_encoded_slash: false,
            holds_semicolon: false,
            holds_script: false,
        };
        let mut pieces = rest.split('/').peekable();
        while let Some(piece) = pieces.next() {
            if piece.is_empty() {
                // A trailing slash makes no difference; an empty segment elsewhere does.
                if pieces.peek().is_some() && !reading.merge_empty_segments {
                    return Err("the path has an empty segment (`//`)");
                }
                continue;
            }
            let (segment, held) = decode(piece, reading)?;
            // Where case makes no difference, to some these make none either.
            if reading.case_insensitive && !segment.is_ascii() && segment.contains(FOLD_TO_ASCII) {
                return Err("a letter of the path folds to an ASCII one");
            }
            path.holds_encoded_slash |= held.slash;
            path.holds_semicolon |= held.semicolon;
            path.segments.push(segment);
        }
        for other in path.readings_as_split() {
            other.refuse_dots_and_gaps(reading)?;
            path.holds_script |= other.without_gaps().find_scripts(reading)?;
        }
        path.holds_script |= path.find_scripts(reading)?;
        Ok(path)
    }

    /// The decoded segments; the root has none. Without trailing slash.
    #[must_use]
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// Whether a segment holds an escaped `/`.
    #[must_use]
    pub const fn holds_encoded_slash(&self) -> bool {
        self.holds_encoded_slash
    }

    /// Whether a segment holds a `;`, escaped or not.
    #[must_use]
    pub const fn holds_semicolon(&self) -> bool {
        self.holds_semicolon
    }

    /// Whether a script has more of the path behind it.
    #[must_use]
    pub const fn holds_script(&self) -> bool {
        self.holds_script
    }

    /// The decoded segments joined by `/`, without trailing slash; the root is `/`.
    #[must_use]
    pub fn joined(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        let mut joined = String::with_capacity(self.segments.iter().map(|segment| segment.len() + 1).sum());
        for segment in &self.segments {
            joined.push('/');
            joined.push_str(segment);
        }
        joined
    }

    /// How others may read this path where the policy admits escaped slashes or semicolons: split at
    /// the slash, parameters cut, and both; and each of these by who leaves out a script.
    /// A fence has to hold against every one of them. Empty segments are left out of them: `/admin/;x` is `/admin/` to
    /// who cuts parameters, and a trailing slash never makes a difference.
    #[must_use]
    pub fn other_readings(&self) -> Vec<Path<'a>> {
        let mut readings: Vec<Path<'a>> = self.readings_as_split().iter().map(Path::without_gaps).collect();
        let without = |path: &Path<'a>| {
            let readings = script::readings(&path.segments).unwrap_or_default();
            readings.into_iter().map(|segments| Path { segments, ..*path }).collect::<Vec<_>>()
        };
        let mut without: Vec<Path<'a>> = readings
            .iter()
            .flat_map(without)
            .chain(if self.holds_script { without(self) } else { Vec::new() })
            .collect();
        readings.append(&mut without);
        readings
    }

    /// The directory of a front controller that ends the path: `/blog` of `/blog/index.php`, to which it answers, too.
    #[must_use]
    pub fn directory(&self) -> Option<Path<'a>> {
        let (_, before) = self.segments.split_last().filter(|_| script::is_directory(&self.segments))?;
        Some(Path { segments: before.to_vec(), ..*self })
    }

    /// What is said of a path with a script that has more behind it.
    pub const HAS_SCRIPT: &'static str = "a script has more of a path behind it (`/index.php/admin`)";

    fn find_scripts(&self, reading: &Reading) -> Result<bool, &'static str> {
        match script::is_followed(&self.segments) {
            true if !reading.admit_scripts => Err(Self::HAS_SCRIPT),
            true if script::readings(&self.segments).is_none() => Err("the path has too many scripts"),
            found => Ok(found),
        }
    }

    fn without_gaps(&self) -> Path<'a> {
        let is_there = |segment: &&Segment<'a>| !segment.is_empty();
        Path { segments: self.segments.iter().filter(is_there).cloned().collect(), ..*self }
    }

    fn readings_as_split(&self) -> Vec<Path<'a>> {
        let mut readings = Vec::new();
        if self.holds_semicolon {
            let cut = self.cut_parameters();
            // Parameters end at a slash to some, before it is unescaped, and may hold one to others.
            if self.holds_encoded_slash {
                readings.push(cut.split_slashes());
            }
            readings.push(cut);
        }
        if self.holds_encoded_slash {
            let split = self.split_slashes();
            if self.holds_semicolon {
                readings.push(split.cut_parameters());
            }
            readings.push(split);
        }
        readings
    }

    fn cut_parameters(&self) -> Path<'a> {
        let cut = |segment: &Segment<'a>| -> Segment<'a> {
            match segment.split_once(';') {
                Some((name, _)) => Cow::Owned(name.to_owned()),
                None => segment.clone(),
            }
        };
        Path { segments: self.segments.iter().map(cut).collect(), ..*self }
    }

    fn split_slashes(&self) -> Path<'a> {
        let mut segments = Vec::new();
        for segment in &self.segments {
            if segment.contains('/') {
                segments.extend(segment.split('/').map(|part| Cow::Owned(part.to_owned())));
            } else {
                segments.push(segment.clone());
            }
        }
        Path { segments, ..*self }
    }

    fn refuse_dots_and_gaps(&self, reading: &Reading) -> Result<(), &'static str> {
        let last = self.segments.len().saturating_sub(1);
        for (index, segment) in self.segments.iter().enumerate() {
            if is_dots(segment) {
                return Err("a segment is `.` or `..` in another reading");
            }
            if segment.is_empty() && index != last && !reading.merge_empty_segments {
                return Err("a segment is empty in another reading");
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Held {
    slash: bool,
    semicolon: bool,
}

/// Decodes one segment, once.
fn decode<'a>(piece: &'a str, reading: &Reading) -> Result<(Segment<'a>, Held), &'static str> {
    let mut held = Held::default();
    if piece.bytes().all(is_plain) {
        if is_dots(piece) {
            return Err("the path has a `.` or `..` segment");
        }
        return Ok((Cow::Borrowed(piece), held));
    }
    let mut decoded = Vec::with_capacity(piece.len());
    let mut bytes = piece.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
                    return Err("a `%` is not followed by two hexadecimal digits");
                };
                let byte = high << 4 | low;
                match byte {
                    0..=0x1f | 0x7f => return Err("the path has an escaped control byte"),
                    b'\\' => return Err("the path has an escaped backslash"),
                    b'/' if !reading.admit_encoded_slashes => return Err("the path has an escaped slash"),
                    b';' if !reading.admit_semicolons => return Err("the path has an escaped semicolon"),
                    b'/' => held.slash = true,
                    b';' => held.semicolon = true,
                    _ => {}
                }
                decoded.push(byte);
            }
            b'\\' => return Err("the path has a backslash"),
            b'#' => return Err("the path has a `#`"),
            b';' if !reading.admit_semicolons => return Err("the path has a semicolon"),
            0x21..=0x7e => {
                held.semicolon |= byte == b';';
                decoded.push(byte);
            }
            _ => return Err("the path holds something that is not visible ASCII"),
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| "the path does not decode to UTF-8")?;
    if holds_escape(&decoded) {
        return Err("the path is escaped twice");
    }
    if is_dots(&decoded) {
        return Err("the path has a `.` or `..` segment");
    }
    if !decoded.is_ascii() {
        refuse_folded(&decoded)?;
    }
    Ok((Cow::Owned(decoded), held))
}

/// Bytes that mean themselves, in every reading.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'%' | b'\\' | b'#' | b';')
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

fn holds_escape(decoded: &str) -> bool {
    decoded.as_bytes().windows(3).any(|window| match window {
        [b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

/// Full-width dots and slashes become plain ones where an application folds compatibility forms (NFKC).
fn refuse_folded(decoded: &str) -> Result<(), &'static str> {
    let folded: String = decoded.nfkc().collect();
    let new_separator = |separator| folded.matches(separator).count() > decoded.matches(separator).count();
    if new_separator('/') || new_separator('\\') {
        return Err("a character of the path folds to a slash");
    }
    if holds_escape(&folded) {
        return Err("characters of the path fold to an escape");
    }
    // In every reading: an admitted slash may split the segment, and a `;` end the name.
    if folded.split('/').any(|part| is_dots(part.split(';').next().unwrap_or(part))) {
        return Err("a segment folds to `.` or `..`");
    }
    Ok(())
}
