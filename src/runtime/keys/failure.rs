//! Why a fetch brought nothing. What is told of an answer is short and escaped, and never key material.

use std::time::Duration;

use http::StatusCode;

use crate::token::keys::KeysError;

/// Most bytes of a foreign text that are shown.
const MOST_SHOWN: usize = 200;

/// A fetch that brought nothing, and when the issuer wants to be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runtime) struct Failure {
    pub cause: Cause,
    pub retry_after: Option<Duration>,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::runtime) enum Cause {
    #[error("`{0}` is no URL")]
    Url(String),
    #[error("`{0}` is plain http, over which keys can be replaced on the way")]
    PlainHttp(String),
    #[error("`{0}` is on this machine or beside it, where metadata from elsewhere name no keys")]
    Near(String),
    #[error("the roots of TLS cannot be read: {0}")]
    Roots(String),
    #[error("the bearer token cannot be read: {0}")]
    BearerToken(String),
    #[error("no connection: {0}")]
    Connection(String),
    #[error("no whole answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("it redirects{}, which is not followed", .0.as_ref().map(|to| format!(" to `{to}`")).unwrap_or_default())]
    Redirect(Option<String>),
    #[error("it answers {status}{}", said(.body.as_deref()))]
    Status { status: StatusCode, body: Option<String> },
    #[error("its answer is over {0} bytes")]
    TooLarge(usize),
    #[error("its answer broke off: {0}")]
    Broken(String),
    #[error("its answer is `{0}`, not JSON")]
    ContentType(String),
    #[error("its answer is encoded as `{0}`, which was not asked for")]
    Encoded(String),
    #[error("its answer cannot be used: {problem}{}", said(.body.as_deref()))]
    Keys { problem: KeysError, body: Option<String> },
    #[error("its metadata cannot be used: {problem}{}", said(.body.as_deref()))]
    Metadata { problem: &'static str, body: Option<String> },
    #[error("its metadata are of issuer `{found}`, not of {}", expected(.wanted))]
    OtherIssuer { found: String, wanted: Vec<Box<str>> },
}

impl Cause {
    /// The word for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Url(_) | Self::PlainHttp(_) | Self::Near(_) | Self::Roots(_) | Self::BearerToken(_) => {
                "configuration"
            }
            Self::Connection(_) => "connection",
            Self::Timeout(_) => "timeout",
            Self::Redirect(_) => "redirect",
            Self::Status { .. } => "status",
            Self::TooLarge(_) => "too_large",
            Self::Broken(_)
            | Self::ContentType(_)
            | Self::Encoded(_)
            | Self::Keys { .. }
            | Self::Metadata { .. }
            | Self::OtherIssuer { .. } => "invalid",
        }
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause, retry_after: None }
    }
}

/// The beginning of an answer, for the log: JSON is left out, since keys stand in it, and some are secrets.
pub(super) fn shown_body(body: &[u8]) -> Option<String> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    let is_json = matches!(first, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9');
    (!is_json).then(|| shown(body))
}

/// At most 200 bytes of a foreign text, escaped.
pub(in crate::runtime) fn shown(bytes: &[u8]) -> String {
    let mut text: String =
        bytes.iter().take(MOST_SHOWN).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
    text.truncate(MOST_SHOWN);
    text
}

/// An error with all its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    shown(text.as_bytes())
}

fn said(body: Option<&str>) -> String {
    body.map(|body| format!(": `{body}`")).unwrap_or_default()
}

fn expected(wanted: &[Box<str>]) -> String {
    if wanted.is_empty() {
        return "one without `iss`; give its `jwks_url` instead".to_owned();
    }
    wanted.iter().map(|iss| format!("`{iss}`")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;
