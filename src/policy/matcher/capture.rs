//! Texts that may hold path captures: `tenant-{tenant}`, `{id}`; `{{` is a literal brace.

use std::borrow::Cow;

use crate::policy::Captures;
use crate::policy::diagnostic::{Diagnostics, closest, codes};
use crate::policy::document::Text;
use crate::policy::tri::Tri;

/// A text with captures in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureText {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Capture(Box<str>),
}

impl CaptureText {
    /// Reads a text; `captures` are the names that may stand in it.
    pub fn compile(text: &Text, captures: &[Box<str>], problems: &mut Diagnostics) -> Option<Self> {
        let parts = match parse(&text.value) {
            Ok(parts) => parts,
            Err(problem) => {
                problems
                    .error(codes::CAPTURE_TEXT, text.at, format!("`{}`: {problem}", text.value))
                    .hint("a capture is `{name}`; `{{` is a literal brace");
                return None;
            }
        };
        let mut complete = true;
        for part in &parts {
            let Part::Capture(name) = part else { continue };
            if captures.contains(name) {
                continue;
            }
            complete = false;
            let problem = problems.error(
                codes::UNKNOWN_CAPTURE,
                text.at,
                format!("no capture `{{{name}}}` is made here"),
            );
            match closest(name, captures.iter().map(|known| &**known)) {
                Some(near) => problem.hint(format!("did you mean `{{{near}}}`?")),
                None if captures.is_empty() => {
                    problem.hint("only a route's own path makes captures: `/users/{id}`")
                }
                None => problem.hint(format!("the path makes: {}", captures.join(", "))),
            };
        }
        complete.then_some(Self { parts })
    }

    /// The text without captures, if it has none.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the text is exactly one capture.
    #[must_use]
    pub fn is_one_capture(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Capture(_)])
    }

    /// The text with captures put in; `None` if one is missing or empty, for an empty capture equals nothing.
    #[must_use]
    pub fn render<'c>(&'c self, captures: &'c Captures<'_>) -> Option<Cow<'c, str>> {
        let value = |name: &str| {
            let found = captures.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| &**value).filter(|text| !text.is_empty())
        };
        match self.parts.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [Part::Literal(text)] => Some(Cow::Borrowed(text)),
            [Part::Capture(name)] => value(name).map(Cow::Borrowed),
            parts => {
                let text = |part: &'c Part| match part {
                    Part::Literal(text) => Some(&**text),
                    Part::Capture(name) => value(name),
                };
                parts.iter().map(text).collect::<Option<String>>().map(Cow::Owned)
            }
        }
    }

    /// Whether the text is `other`, by the captures of a request.
    #[must_use]
    pub fn equals(&self, other: &str, captures: &Captures<'_>, ignore_case: bool) -> Tri {
        self.is_that(captures, ignore_case, |text, ignore_case| {
            if ignore_case { text.eq_ignore_ascii_case(other) } else { text == other }
        })
    }

    /// Whether `judge` holds for the text; told is whether it is to ignore the case of letters. It cannot be told
    /// where it holds only with the case ignored, and the application ignores that of paths; nor where it holds
    /// for a text that other captures make, too: of several only the last may hold a slash, or `a/b` and `c` would
    /// read like `a` and `b/c`.
    pub fn is_that(
        &self,
        captures: &Captures<'_>,
        ignore_case: bool,
        judge: impl Fn(&str, bool) -> bool,
    ) -> Tri {
        let Some(text) = self.render(captures) else { return Tri::No };
        if judge(&text, ignore_case) {
            return if self.is_ambiguous(captures) { Tri::Unknown } else { Tri::Yes };
        }
        let may_be = captures.any_case() && self.literal().is_none() && judge(&text, true);
        if may_be { Tri::Unknown } else { Tri::No }
    }

    fn is_ambiguous(&self, captures: &Captures<'_>) -> bool {
        let is_capture = |part: &Part| matches!(part, Part::Capture(_));
        let last = self.parts.iter().rposition(is_capture);
        self.parts.iter().take(last.unwrap_or_default()).any(|part| match part {
            Part::Literal(_) => false,
            Part::Capture(name) => {
                captures.iter().any(|(known, value)| **known == **name && value.contains('/'))
            }
        })
    }

    /// The text as a policy writes it.
    #[must_use]
    pub fn written(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.replace('{', "{{"),
                Part::Capture(name) => format!("{{{name}}}"),
            })
            .collect()
    }
}

fn parse(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at_checked(brace).ok_or("cut inside a character")?;
        literal.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix('}') {
            // A single closing brace means itself, and so does a doubled one.
            literal.push('}');
            rest = after.strip_prefix('}').unwrap_or(after);
        } else {
            let (name, after) =
                from.strip_prefix('{').and_then(|from| from.split_once('}')).ok_or("a `{` is not closed")?;
            if !is_name(name) {
                return Err("a capture's name is made of letters, digits and `_`");
            }
            let between_has_slash = literal.contains('/');
            if parts.iter().any(|part| matches!(part, Part::Capture(_))) && !between_has_slash {
                return Err("two captures need a `/` between them");
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal).into()));
            }
            parts.push(Part::Capture(name.into()));
            rest = after;
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.into()));
    }
    Ok(parts)
}

/// Whether this may name a capture.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
