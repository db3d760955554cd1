//! Path templates and regular expressions.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::policy::Captures;
use crate::request::{Path, Segment};

use super::capture::is_name;
use super::pattern::Pattern;

/// Names that placeholders have elsewhere, and that a capture may not take.
pub const RESERVED: [&str; 15] = [
    "subject",
    "scopes",
    "roles",
    "groups",
    "permissions",
    "issuer",
    "guard",
    "route",
    "claims",
    "params",
    "reason",
    "decision_id",
    "missing",
    "realm",
    "any",
];

/// Most segments of a template. Looking a path up goes as deep.
const MOST_SEGMENTS: usize = 100;

/// The path of a match.
#[derive(Debug, Clone)]
pub enum PathPattern {
    /// A template.
    Template(Template),
    /// Anchored at both ends, over the decoded segments joined by `/`.
    Regex(Pattern),
}

/// A path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its segments.
    pub segments: Vec<Piece>,
    /// Whether `**` follows, and its capture's name.
    pub rest: Option<Option<Box<str>>>,
}

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// This text.
    Literal(Box<str>),
    /// Text around one capture; the capture holds at least one character.
    Mixed(Box<str>, Box<str>, Box<str>),
    /// One segment, captured.
    Capture(Box<str>),
    /// One segment.
    Any,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Says what is wrong, or why no well-formed request can match it.
    pub fn parse(text: &str, admits_semicolons: bool) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else { return Err("a path starts with `/`".to_owned()) };
        // A trailing slash never makes a difference.
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut template = Self { segments: Vec::new(), rest: None };
        if rest.is_empty() {
            return if text == "//" { Err("`//` is refused in requests".to_owned()) } else { Ok(template) };
        }
        for piece in rest.split('/') {
            if template.rest.is_some() {
                return Err("`**` stands last only".to_owned());
            }
            refuse_impossible(piece, admits_semicolons)?;
            match piece {
                "**" => template.rest = Some(None),
                "*" => template.segments.push(Piece::Any),
                _ => match piece.strip_prefix('{').and_then(|inner| inner.strip_suffix("=**}")) {
                    Some(name) => template.rest = Some(Some(capture_name(name)?)),
                    None => template.segments.push(parse_piece(piece)?),
                },
            }
        }
        if template.segments.len() > MOST_SEGMENTS {
            return Err(format!("it has more than {MOST_SEGMENTS} segments"));
        }
        let names = template.captures();
        for (index, name) in names.iter().enumerate() {
            if names.iter().skip(index + 1).any(|other| other == name) {
                return Err(format!("the capture `{{{name}}}` is there twice"));
            }
        }
        Ok(template)
    }

    /// The names captured.
    #[must_use]
    pub fn captures(&self) -> Vec<Box<str>> {
        let of_piece = |piece: &Piece| match piece {
            Piece::Mixed(_, name, _) | Piece::Capture(name) => Some(name.clone()),
            Piece::Literal(_) | Piece::Any => None,
        };
        let mut names: Vec<Box<str>> = self.segments.iter().filter_map(of_piece).collect();
        names.extend(self.rest.clone().flatten());
        names
    }

    /// Whether a path matches.
    #[must_use]
    pub fn matches(&self, path: &[Segment<'_>], ignore_case: bool) -> bool {
        let fits = if self.rest.is_some() {
            path.len() >= self.segments.len()
        } else {
            path.len() == self.segments.len()
        };
        fits && self.segments.iter().zip(path).all(|(piece, segment)| piece.matches(segment, ignore_case))
    }

    /// What a path that matches gives the captures.
    #[must_use]
    pub fn capture<'a>(&'a self, path: &'a [Segment<'a>]) -> Captures<'a> {
        let mut captures = Captures::new();
        for (piece, segment) in self.segments.iter().zip(path) {
            match piece {
                Piece::Capture(name) => captures.push(name, Cow::Borrowed(&**segment)),
                Piece::Mixed(prefix, name, suffix) => {
                    let end = segment.len().saturating_sub(suffix.len());
                    captures.push(name, Cow::Borrowed(segment.get(prefix.len()..end).unwrap_or_default()));
                }
                Piece::Literal(_) | Piece::Any => {}
            }
        }
        if let Some(Some(name)) = &self.rest {
            let rest = path.get(self.segments.len()..).unwrap_or_default();
            captures.push(name, Cow::Owned(rest.join("/")));
        }
        captures
    }

    /// A target, escaped, that this template matches.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = String::new();
        for piece in &self.segments {
            target.push('/');
            let text = match piece {
                Piece::Literal(text) => text.to_string(),
                Piece::Mixed(prefix, _, suffix) => format!("{prefix}x{suffix}"),
                Piece::Capture(_) | Piece::Any => "x".to_owned(),
            };
            target.extend(utf8_percent_encode(&text, NON_ALPHANUMERIC));
        }
        if target.is_empty() { "/".to_owned() } else { target }
    }

    /// A path that matches both this and a template of the same shape, for showing.
    #[must_use]
    pub fn example(&self, other: &Self) -> String {
        let mut example = String::new();
        for (index, piece) in self.segments.iter().enumerate() {
            example.push('/');
            match (piece, other.segments.get(index)) {
                (Piece::Literal(text), _) => example.push_str(text),
                (Piece::Mixed(prefix, _, suffix), Some(Piece::Mixed(other_prefix, _, other_suffix))) => {
                    let longer = |one: &'_ str, two: &'_ str| {
                        if one.len() >= two.len() { one.to_owned() } else { two.to_owned() }
                    };
                    example.push_str(&longer(prefix, other_prefix));
                    example.push('x');
                    example.push_str(&longer(suffix, other_suffix));
                }
                (Piece::Mixed(prefix, _, suffix), _) => {
                    example.push_str(prefix);
                    example.push('x');
                    example.push_str(suffix);
                }
                (Piece::Capture(_) | Piece::Any, _) => example.push('x'),
            }
        }
        if example.is_empty() { "/".to_owned() } else { example }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(template) => template.fmt(formatter),
            Self::Regex(regex) => write!(formatter, "~{regex}"),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.segments {
            match piece {
                Piece::Literal(text) => write!(formatter, "/{text}"),
                Piece::Mixed(prefix, name, suffix) => write!(formatter, "/{prefix}{{{name}}}{suffix}"),
                Piece::Capture(name) => write!(formatter, "/{{{name}}}"),
                Piece::Any => formatter.write_str("/*"),
            }?;
        }
        match &self.rest {
            Some(Some(name)) => write!(formatter, "/{{{name}=**}}"),
            Some(None) => formatter.write_str("/**"),
            None if self.segments.is_empty() => formatter.write_str("/"),
            None => Ok(()),
        }
    }
}

impl Piece {
    /// Whether a decoded segment matches.
    #[must_use]
    pub fn matches(&self, segment: &str, ignore_case: bool) -> bool {
        match self {
            Self::Any | Self::Capture(_) => true,
            Self::Literal(text) => same(text, segment, ignore_case),
            Self::Mixed(prefix, _, suffix) => {
                let middle = segment.len().checked_sub(prefix.len() + suffix.len());
                middle.is_some_and(|middle| middle > 0)
                    && segment.get(..prefix.len()).is_some_and(|start| same(prefix, start, ignore_case))
                    && segment
                        .get(segment.len() - suffix.len()..)
                        .is_some_and(|end| same(suffix, end, ignore_case))
            }
        }
    }
}

fn same(text: &str, other: &str, ignore_case: bool) -> bool {
    if ignore_case { text.eq_ignore_ascii_case(other) } else { text == other }
}

/// What no well-formed request can have once decoded.
fn refuse_impossible(piece: &str, admits_semicolons: bool) -> Result<(), String> {
    if piece.is_empty() {
        return Err("`//` is refused in requests".to_owned());
    }
    if matches!(piece, "." | "..") {
        return Err(format!("a `{piece}` segment is refused in requests"));
    }
    for (letter, why) in [
        ('%', "segments are compared decoded: write the character itself"),
        ('?', "the query takes no part in path matching: use `query`"),
        ('\\', "a backslash is refused in requests"),
    ] {
        if piece.contains(letter) {
            return Err(format!("`{letter}`: {why}"));
        }
    }
    if piece.contains(';') && !admits_semicolons {
        return Err("`;` is refused in requests".to_owned());
    }
    if piece.contains(char::is_control) {
        return Err("a control character is refused in requests".to_owned());
    }
    Ok(())
}

fn parse_piece(piece: &str) -> Result<Piece, String> {
    if piece.contains('*') {
        return Err("a `*` stands alone in its segment".to_owned());
    }
    let Some((prefix, rest)) = piece.split_once('{') else {
        if piece.contains('}') {
            return Err("a `}` without `{`".to_owned());
        }
        return Ok(Piece::Literal(piece.into()));
    };
    let Some((name, suffix)) = rest.split_once('}') else { return Err("a `{` is not closed".to_owned()) };
    if prefix.contains('}') || suffix.contains(['{', '}']) {
        return Err("a segment holds at most one capture".to_owned());
    }
    let name = capture_name(name)?;
    if prefix.is_empty() && suffix.is_empty() {
        return Ok(Piece::Capture(name));
    }
    Ok(Piece::Mixed(prefix.into(), name, suffix.into()))
}

fn capture_name(name: &str) -> Result<Box<str>, String> {
    if !is_name(name) {
        return Err(format!("`{{{name}}}`: a capture's name is made of letters, digits and `_`"));
    }
    if RESERVED.contains(&name) {
        return Err(format!("`{{{name}}}` means something else elsewhere: give the capture another name"));
    }
    Ok(name.into())
}

impl PathPattern {
    /// Whether a path is surely meant: with an escaped slash in it, it is by no regular expression.
    #[must_use]
    pub fn matches(&self, path: &Path<'_>, ignore_case: bool) -> bool {
        match self {
            Self::Template(template) => template.matches(path.segments(), ignore_case),
            Self::Regex(regex) => !path.holds_encoded_slash() && regex.is_match(&path.joined()),
        }
    }

    /// Whether a path may be meant: with an escaped slash in it, it is by every regular expression. A trailing
    /// slash makes no difference: `/admin/.*` holds against `/admin` and `/admin/`, as `/admin/**` does. The root
    /// has no slash but its own: `//` is no request.
    #[must_use]
    pub fn fences(&self, path: &Path<'_>, ignore_case: bool) -> bool {
        let Self::Regex(regex) = self else { return self.matches(path, ignore_case) };
        let joined = path.joined();
        path.holds_encoded_slash()
            || regex.is_match(&joined)
            || (joined != "/" && regex.is_match(&format!("{joined}/")))
    }
}
