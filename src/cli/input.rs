//! What people hand over: text, files, `-`, moments and spans.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::trouble::Trouble;
use crate::policy::units;
use crate::time::UnixTime;

/// More than any captured request, key set or token has.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// What a file holds, or standard input where its name is `-`.
///
/// # Errors
/// Why it cannot be read, or that it is too large.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    if path.as_os_str() == "-" { bounded(io::stdin().lock()) } else { file(path) }
}

/// What a file holds.
///
/// # Errors
/// As [`bytes`].
pub fn file(path: &Path) -> Result<Vec<u8>, String> {
    bounded(File::open(path).map_err(|error| error.to_string())?)
}

fn bounded(from: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) {
        Ok(bytes)
    } else {
        Err("it has more than 8 MiB".to_owned())
    }
}

/// Text of a file, or of standard input where its name is `-`.
fn text(name: &str) -> Result<String, Trouble> {
    let unreadable = |cause: String| {
        let shown = if name == "-" { "standard input".to_owned() } else { format!("`{name}`") };
        Trouble::new(format!("{shown} cannot be read: {cause}"), "name a file of text, or pipe it into `-`")
    };
    let bytes = bytes(Path::new(name)).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| unreadable("it is no UTF-8 text".to_owned()))
}

/// A token as it is, in a file, or on standard input; a header's name and what stands before it there is left out.
///
/// # Errors
/// A file or an input that cannot be read.
pub fn token(given: &str) -> Result<String, Trouble> {
    let text = if given == "-" || Path::new(given).is_file() {
        text(given)?
    } else if Path::new(given).is_dir() {
        return Err(Trouble::new(format!("`{given}` is a directory"), "name a file that holds a token"));
    } else if names_a_file(given) {
        return Err(Trouble::new(
            format!("there is no file `{given}`"),
            "name a file that holds a token, or pipe one into `-`",
        ));
    } else {
        given.to_owned()
    };
    let text = text.trim();
    if text.contains("-----BEGIN") {
        return Err(Trouble::new(
            "this is a PEM, a key or certificate, and no token",
            "`portcullis token mint --key FILE` makes a token with a private key",
        ));
    }
    let header = text.split_once(':').filter(|(name, _)| name.trim().eq_ignore_ascii_case("authorization"));
    let text = header.map_or(text, |(_, value)| value.trim());
    let bare = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bare.map_or(text, |(_, token)| token.trim());
    if token.is_empty() {
        return Err(Trouble::new(
            "there is no token",
            "give one, name a file that holds one, or pipe it into `-`",
        ));
    }
    Ok(token.to_owned())
}

/// What to say of a word that was read as a token and may have been meant as a file.
pub fn is_perhaps_a_file(given: &str) -> bool {
    !given.contains(['.', ' ', ':']) && given != "-" && !Path::new(given).exists()
}

/// Said of such a word; it is not repeated, for it may be a secret.
pub const TAKEN_FOR_A_TOKEN: &str =
    "note: there is no file of that name here, so the word itself was read as a token\n";

/// Whether a text is the path of a file, there or not. No token holds a slash, or ends as files do; what begins as
/// tokens do is not repeated in an error.
fn names_a_file(given: &str) -> bool {
    let ends =
        Path::new(given).extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    !given.contains(' ') && !given.starts_with("eyJ") && (given.contains('/') || ends)
}

/// Of files that hold tokens.
const ENDINGS: [&str; 4] = ["txt", "jwt", "token", "json"];

/// A JSON object as it is, or on standard input.
///
/// # Errors
/// What is no object.
pub fn object(flag: &str, given: &str) -> Result<Map<String, Value>, Trouble> {
    let text = if given == "-" { text(given)? } else { given.to_owned() };
    serde_json::from_str(&text).map_err(|error| {
        Trouble::new(
            format!("`{flag}` is no JSON object: {error}"),
            format!(r#"for example `{flag} '{{"sub": 7}}'`"#),
        )
    })
}

/// `2026-01-01T00:00:00Z`, or seconds since 1970.
pub fn moment(text: &str) -> Result<UnixTime, String> {
    let seconds = || text.parse().ok().map(UnixTime::from_seconds);
    units::moment(text)
        .or_else(seconds)
        .ok_or_else(|| "a moment in UTC such as 2026-01-01T00:00:00Z, or seconds since 1970".to_owned())
}

/// A span ahead (`1h`) or back (`-5m`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Ahead(Duration),
    Back(Duration),
}

impl Span {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (is_back, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let duration =
            units::duration(rest).ok_or("a span with its unit: 90s, 5m, 1h, 7d, or -5m for the past")?;
        Ok(if is_back { Self::Back(duration) } else { Self::Ahead(duration) })
    }

    /// The moment that far from another.
    pub fn from(self, now: UnixTime) -> UnixTime {
        match self {
            Self::Ahead(duration) => now.plus(duration),
            Self::Back(duration) => now.minus(duration),
        }
    }
}
