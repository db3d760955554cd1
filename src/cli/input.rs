//! What people hand over: text, files, `-`, moments and spans.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use super::attached::bytes;
use super::trouble::Trouble;
use crate::policy::units;
use crate::time::UnixTime;

/// More than any token or claim set has.
const MOST_BYTES: u64 = 1 << 20;

/// A token as it is, in a file, or on standard input; what stands before it in a header is left out.
///
/// # Errors
/// A file or an input that cannot be read.
pub fn token(given: &str) -> Result<String, Trouble> {
    let text = if given == "-" {
        standard_input()?
    } else if Path::new(given).is_file() {
        let unreadable = |cause| {
            Trouble::new(format!("`{given}` cannot be read: {cause}"), "name a file that holds a token")
        };
        String::from_utf8(bytes(Path::new(given)).map_err(unreadable)?)
            .map_err(|_| unreadable("it is no text".to_owned()))?
    } else {
        given.to_owned()
    };
    let text = text.trim();
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

/// A JSON object as it is, or on standard input.
///
/// # Errors
/// What is no object.
pub fn object(flag: &str, given: &str) -> Result<Map<String, Value>, Trouble> {
    let text = if given == "-" { standard_input()? } else { given.to_owned() };
    serde_json::from_str(&text).map_err(|error| {
        Trouble::new(
            format!("`{flag}` is no JSON object: {error}"),
            format!(r#"for example `{flag} '{{"sub": 7}}'`"#),
        )
    })
}

fn standard_input() -> Result<String, Trouble> {
    let mut text = String::new();
    let input = std::io::stdin().lock();
    input.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| {
        Trouble::new(format!("standard input cannot be read: {error}"), "pipe text into it")
    })?;
    Ok(text)
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
