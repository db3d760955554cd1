//! A body that the policy writes itself, with placeholders escaped for its content type.

use std::fmt::Write as _;

use crate::policy::diagnostic::closest;

/// What a placeholder of a body stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The reason's code.
    Reason,
    /// The id of the decision.
    DecisionId,
    /// The name of the rule that turned the request away.
    Route,
    /// What the caller lacks, joined by spaces.
    Missing,
    /// The realm.
    Realm,
}

const WORDS: [(&str, Word); 5] = [
    ("reason", Word::Reason),
    ("decision_id", Word::DecisionId),
    ("route", Word::Route),
    ("missing", Word::Missing),
    ("realm", Word::Realm),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    Word(Word),
}

/// How a value is made harmless in its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// Inside a JSON or JavaScript string.
    Json,
    /// In HTML or XML text and attributes.
    Markup,
    /// As a form value.
    Form,
    /// In plain text.
    Plain,
}

/// A body as the policy writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pieces: Vec<Piece>,
    content_type: Box<str>,
    escape: Escape,
}

/// A placeholder that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownWord {
    pub written: Box<str>,
    pub meant: Option<&'static str>,
}

impl Body {
    /// Reads a body. Without a content type it is told from the text: JSON, markup, or plain text.
    pub(super) fn parse(text: &str, content_type: Option<&str>) -> Result<Self, Vec<UnknownWord>> {
        let pieces = pieces(text)?;
        let content_type = content_type.unwrap_or_else(|| guess(&pieces));
        Ok(Self { pieces, escape: Escape::of(content_type), content_type: content_type.into() })
    }

    /// The content type it is escaped for.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The body with every placeholder filled in.
    pub fn render<'v>(&self, value: impl Fn(Word) -> &'v str) -> String {
        let mut body = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => body.push_str(text),
                Piece::Word(word) => self.escape.write(value(*word), &mut body),
            }
        }
        body
    }
}

impl Escape {
    pub(super) fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or(content_type).trim().to_ascii_lowercase();
        let subtype = essence.rsplit(['/', '+']).next().unwrap_or(&essence);
        match subtype {
            "json" | "javascript" | "ecmascript" => Self::Json,
            "html" | "xml" => Self::Markup,
            "x-www-form-urlencoded" => Self::Form,
            _ => Self::Plain,
        }
    }

    fn write(self, value: &str, body: &mut String) {
        for character in value.chars() {
            match (self, character) {
                (Self::Json, '"' | '\\') => body.extend(['\\', character]),
                // `<` could end a script element around the string.
                (Self::Json, '<' | '\u{2028}' | '\u{2029}') => escape_unicode(character, body),
                (Self::Json, control) if control.is_control() => escape_unicode(control, body),
                (Self::Markup, '&') => body.push_str("&amp;"),
                (Self::Markup, '<') => body.push_str("&lt;"),
                (Self::Markup, '>') => body.push_str("&gt;"),
                (Self::Markup, '"') => body.push_str("&quot;"),
                (Self::Markup, '\'') => body.push_str("&#39;"),
                (Self::Form, other) if !other.is_ascii_alphanumeric() => escape_percent(other, body),
                (Self::Markup | Self::Plain, control) if control.is_control() => body.push(' '),
                (Self::Json | Self::Markup | Self::Form | Self::Plain, other) => body.push(other),
            }
        }
    }
}

fn escape_unicode(character: char, body: &mut String) {
    // Only characters of the basic plane get here, so four digits are enough.
    let _infallible = write!(body, "\\u{:04x}", u32::from(character));
}

fn escape_percent(character: char, body: &mut String) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        let _infallible = write!(body, "%{byte:02X}");
    }
}

/// Only `{word}` is a placeholder: a body is mostly JSON, whose braces mean themselves.
fn pieces(text: &str) -> Result<Vec<Piece>, Vec<UnknownWord>> {
    let mut pieces = Vec::new();
    let mut unknown = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            literal.push('{');
            rest = after;
            continue;
        }
        let Some((name, following)) = after.split_once('}').filter(|(name, _)| is_word(name)) else {
            literal.push('{');
            rest = after;
            continue;
        };
        if let Some((_, word)) = WORDS.iter().find(|(word, _)| *word == name) {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
            }
            pieces.push(Piece::Word(*word));
        } else {
            let meant = closest(name, WORDS.iter().map(|(word, _)| *word));
            unknown.push(UnknownWord { written: name.into(), meant });
        }
        rest = following;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.into()));
    }
    if unknown.is_empty() { Ok(pieces) } else { Err(unknown) }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn guess(pieces: &[Piece]) -> &'static str {
    let probe: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_ref(),
            Piece::Word(_) => "x",
        })
        .collect();
    let start = probe.trim_start();
    let is_json =
        start.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(start).is_ok();
    if is_json {
        "application/json"
    } else if start.starts_with('<') {
        "text/html; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    }
}
