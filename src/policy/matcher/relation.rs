//! How two matches stand to each other: whether one takes in the other, whether a request may satisfy both.

use super::host::HostPattern;
use super::path::{PathPattern, Piece, Template};
use super::request::RequestMatch;

impl RequestMatch {
    /// Whether every request that satisfies `other` surely satisfies this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let has = |conditions: &[(Box<str>, super::value::ValueMatcher)], wanted| conditions.contains(wanted);
        self.host.covers(&other.host)
            && self.covers_methods(other)
            && self.covers_path(other)
            && self.headers.iter().all(|condition| has(&other.headers, condition))
            && self.query.iter().all(|condition| has(&other.query, condition))
    }

    /// Whether one request may satisfy both, conditions on headers and query left aside. Of regular expressions
    /// not everything is known.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        let takes_one_of = |one: &Self, other: &Self| match &other.methods {
            None => true,
            Some(methods) => methods.iter().any(|method| one.takes_method(method)),
        };
        let paths_meet = match (&self.path, &other.path) {
            (PathPattern::Template(one), PathPattern::Template(other)) => {
                one.may_meet(other, self.ignores_case())
            }
            (PathPattern::Regex(regex), PathPattern::Template(template))
            | (PathPattern::Template(template), PathPattern::Regex(regex)) => {
                !template.is_literal() || {
                    let path = template.to_string();
                    regex.is_match(&path) || regex.is_match(&format!("{path}/"))
                }
            }
            (PathPattern::Regex(_), PathPattern::Regex(_)) => true,
        };
        paths_meet
            && (self.host.covers(&other.host) || other.host.covers(&self.host))
            && (self.methods.is_none() || takes_one_of(self, other) || takes_one_of(other, self))
    }

    /// Whether it takes every method that `other` takes.
    #[must_use]
    pub fn covers_methods(&self, other: &Self) -> bool {
        match (&self.methods, &other.methods) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(methods)) => methods.iter().all(|method| self.takes_method(method)),
        }
    }

    /// Whether it takes every path that `other` takes.
    #[must_use]
    pub fn covers_path(&self, other: &Self) -> bool {
        match (&self.path, &other.path) {
            (PathPattern::Template(one), PathPattern::Template(other)) => {
                one.covers(other, self.ignores_case())
            }
            (PathPattern::Template(one), PathPattern::Regex(other)) => one.covers_beginning(other.source()),
            (PathPattern::Regex(one), PathPattern::Regex(other)) => one.source() == other.source(),
            (PathPattern::Regex(_), PathPattern::Template(_)) => false,
        }
    }
}

impl HostPattern {
    /// Whether every host that `other` means is meant.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) | (Self::Exact(_), Self::Below(_)) => false,
            (one, Self::Exact(host)) => one.matches(host),
            (Self::Below(suffix), Self::Below(other)) => other.ends_with(&**suffix),
        }
    }
}

impl Template {
    /// Whether every path that matches `other` matches this.
    #[must_use]
    pub fn covers(&self, other: &Self, ignore_case: bool) -> bool {
        let fits = match (&self.rest, &other.rest) {
            (None, None) => self.segments.len() == other.segments.len(),
            (None, Some(_)) => false,
            (Some(_), _) => self.segments.len() <= other.segments.len(),
        };
        fits && self.segments.iter().zip(&other.segments).all(|(one, other)| one.covers(other, ignore_case))
    }

    /// Whether one path may match both.
    fn may_meet(&self, other: &Self, ignore_case: bool) -> bool {
        let reaches =
            |one: &Self, other: &Self| one.rest.is_some() || one.segments.len() >= other.segments.len();
        reaches(self, other)
            && reaches(other, self)
            && self.segments.iter().zip(&other.segments).all(|(one, other)| one.may_meet(other, ignore_case))
    }

    /// Whether it is one path only.
    fn is_literal(&self) -> bool {
        self.rest.is_none() && self.segments.iter().all(|piece| matches!(piece, Piece::Literal(_)))
    }

    /// Whether every path that a regular expression matches begins as this template does, which ends in `**`.
    fn covers_beginning(&self, source: &str) -> bool {
        let is_literal = |piece: &Piece| matches!(piece, Piece::Literal(_));
        if self.rest.is_none() || !self.segments.iter().all(is_literal) {
            return false;
        }
        if self.segments.is_empty() {
            return true;
        }
        // Alternatives and flags could begin otherwise.
        if source.contains('|') || source.contains("(?") {
            return false;
        }
        let source = source.trim_start_matches('^');
        let end = source.find(|letter: char| r"\.+*?()[]{}$".contains(letter)).unwrap_or(source.len());
        let Some((literal, rest)) = source.split_at_checked(end) else { return false };
        let is_optional = rest.starts_with(['*', '?', '{']);
        let shorter = literal.char_indices().next_back().and_then(|(last, _)| literal.get(..last));
        let beginning = if is_optional { shorter.unwrap_or_default() } else { literal };
        beginning.starts_with(&format!("{}/", Self { rest: None, ..self.clone() }))
    }
}

impl Piece {
    /// Whether one segment may match both.
    #[must_use]
    pub fn may_meet(&self, other: &Self, ignore_case: bool) -> bool {
        match (self, other) {
            (Self::Any | Self::Capture(_), _) | (_, Self::Any | Self::Capture(_)) => true,
            (Self::Literal(text), piece) | (piece, Self::Literal(text)) => piece.matches(text, ignore_case),
            (Self::Mixed(prefix, _, suffix), Self::Mixed(other_prefix, _, other_suffix)) => {
                let same =
                    |(one, other): (u8, u8)| one == other || ignore_case && one.eq_ignore_ascii_case(&other);
                prefix.bytes().zip(other_prefix.bytes()).all(same)
                    && suffix.bytes().rev().zip(other_suffix.bytes().rev()).all(same)
            }
        }
    }

    /// Whether every segment that `other` matches is matched.
    #[must_use]
    pub fn covers(&self, other: &Self, ignore_case: bool) -> bool {
        let fold = |text: &str| if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
        match (self, other) {
            (Self::Any | Self::Capture(_), _) => true,
            (_, Self::Any | Self::Capture(_)) | (Self::Literal(_), Self::Mixed(..)) => false,
            (one, Self::Literal(text)) => one.matches(text, ignore_case),
            (Self::Mixed(prefix, _, suffix), Self::Mixed(other_prefix, _, other_suffix)) => {
                fold(other_prefix).starts_with(&fold(prefix)) && fold(other_suffix).ends_with(&fold(suffix))
            }
        }
    }
}
