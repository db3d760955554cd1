//! A header value with placeholders: `{subject}`, `{claims.tenant}`, `{params.id}`.

use crate::policy::diagnostic::closest;
use crate::token::claims::ClaimPath;

use super::field;

/// A header value as the policy describes it. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text, as it is.
    Literal(Box<str>),
    /// Something of the request or its caller.
    Value(Placeholder),
}

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// The caller's id.
    Subject,
    /// The caller's scopes.
    Scopes,
    /// The caller's roles.
    Roles,
    /// The caller's groups.
    Groups,
    /// The caller's permissions.
    Permissions,
    /// The name of the token's issuer.
    Issuer,
    /// The guard that the decision reports.
    Guard,
    /// The name of the route.
    Route,
    /// A claim.
    Claim(ClaimPath),
    /// A capture of the route's path.
    Capture(Box<str>),
}

/// Placeholders of one word.
const WORDS: [(&str, Placeholder); 8] = [
    ("subject", Placeholder::Subject),
    ("scopes", Placeholder::Scopes),
    ("roles", Placeholder::Roles),
    ("groups", Placeholder::Groups),
    ("permissions", Placeholder::Permissions),
    ("issuer", Placeholder::Issuer),
    ("guard", Placeholder::Guard),
    ("route", Placeholder::Route),
];

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// A `{` without its `}`.
    Unclosed,
    /// Nothing is written.
    Empty,
    /// The text cannot stand in a header.
    Unprintable,
    /// No such placeholder; perhaps another was meant.
    Unknown { written: Box<str>, meant: Option<Box<str>> },
    /// `{claims.…}` with a path that is none.
    ClaimPath { written: Box<str>, cause: &'static str },
}

impl Template {
    /// The pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Names of the captures it uses.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Value(Placeholder::Capture(name)) => Some(name.as_ref()),
            Part::Value(_) | Part::Literal(_) => None,
        })
    }

    /// Stands for a template that could not be read; the set that holds it is never used.
    pub(super) fn broken() -> Self {
        Self(vec![Part::Literal("-".into())])
    }

    /// Reads a template as written.
    pub(super) fn parse(text: &str, captures: &[Box<str>]) -> Result<Self, Vec<Problem>> {
        let mut parts = Vec::new();
        let mut problems = Vec::new();
        let mut literal = String::new();
        // What is sent if every placeholder is one letter: the literal text is judged in its place.
        let mut probe = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                literal.push('{');
                rest = after;
                continue;
            }
            let Some((inside, following)) = split_placeholder(after) else {
                problems.push(Problem::Unclosed);
                return Err(problems);
            };
            match placeholder(inside, captures) {
                Ok(placeholder) => {
                    probe.push_str(&literal);
                    probe.push('x');
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                    }
                    parts.push(Part::Value(placeholder));
                }
                Err(problem) => problems.push(problem),
            }
            rest = following;
        }
        literal.push_str(rest);
        probe.push_str(&literal);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        if text.is_empty() {
            problems.push(Problem::Empty);
        } else if problems.is_empty() && !field::is_upstream_value(&probe) {
            problems.push(Problem::Unprintable);
        }
        if problems.is_empty() { Ok(Self(parts)) } else { Err(problems) }
    }
}

/// Splits at the `}` that ends a placeholder; one inside a quoted claim name does not.
fn split_placeholder(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (index, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '}' if !quoted => return Some((text.get(..index)?, text.get(index + 1..)?)),
            _ => {}
        }
    }
    None
}

fn placeholder(written: &str, captures: &[Box<str>]) -> Result<Placeholder, Problem> {
    if let Some((_, known)) = WORDS.iter().find(|(word, _)| *word == written) {
        return Ok(known.clone());
    }
    if let Some(name) = written.strip_prefix("params.") {
        return Ok(Placeholder::Capture(name.into()));
    }
    let claim = written.strip_prefix("claims").filter(|path| path.starts_with(['.', '[']));
    if let Some(path) = claim {
        return ClaimPath::parse(path.strip_prefix('.').unwrap_or(path))
            .map(Placeholder::Claim)
            .map_err(|cause| Problem::ClaimPath { written: written.into(), cause });
    }
    Err(Problem::Unknown { written: written.into(), meant: meant(written, captures) })
}

fn meant(written: &str, captures: &[Box<str>]) -> Option<Box<str>> {
    if captures.iter().any(|capture| capture.as_ref() == written) {
        return Some(format!("params.{written}").into());
    }
    if let Some((prefix, rest)) = written.split_once('.') {
        return closest(prefix, ["claims", "params"]).map(|prefix| format!("{prefix}.{rest}").into());
    }
    // Claims that everybody knows by the names they have in a token.
    if matches!(written, "sub" | "iss" | "aud" | "email" | "name" | "tenant" | "jti") {
        return Some(format!("claims.{written}").into());
    }
    closest(written, WORDS.iter().map(|(word, _)| *word)).map(Into::into)
}
