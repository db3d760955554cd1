//! What of a request may stand in a log. Whoever sends a request chooses its target and its ids: they are cut,
//! and only taken for what they have the form of.

use crate::request::Incoming;
use crate::response::Answer;

/// Longest path that is shown.
const MOST_PATH: usize = 1024;

/// Longest host and method that are shown.
const MOST_WORD: usize = 255;

/// The path without query and fragment. What is no path may hold anything, such as a password before a host.
pub(in crate::telemetry) fn path<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
    let end = incoming.target.find(['?', '#']).unwrap_or(incoming.target.len());
    let path = incoming.target.get(..end)?;
    (path.starts_with('/') || path == "*").then(|| cut(path, MOST_PATH))
}

pub(in crate::telemetry) fn host<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
    let host = incoming.host;
    (!host.is_empty() && !host.contains(['@', '/', '?'])).then(|| cut(host, MOST_WORD))
}

pub(in crate::telemetry) fn method<'a>(incoming: &Incoming<'a>) -> &'a str {
    cut(incoming.method, MOST_WORD)
}

/// `x-request-id`, if it is a UUID, a ULID or hexadecimal: a secret that somebody put there is none of these.
pub(in crate::telemetry) fn request_id<'a>(incoming: &Incoming<'a>) -> Option<&'a str> {
    let id = incoming.headers.text("x-request-id")?;
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_ulid = id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    ((8..=64).contains(&id.len()) && is_hexadecimal(id) || is_ulid).then_some(id)
}

/// What the client is told, if it is told anything: 200 where the request goes on.
pub(in crate::telemetry) fn status(answer: &Answer<'_>) -> u16 {
    match answer {
        Answer::Allow { .. } => 200,
        Answer::Deny { status, .. } => *status,
    }
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}
