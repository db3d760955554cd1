//! One match, compiled: methods, one host, one path, conditions.

mod compile;
mod mistakes;

use std::borrow::Cow;
use std::fmt;

use crate::policy::Captures;
use crate::policy::diagnostic::At;
use crate::policy::tri::Tri;
use crate::request::Request;

use super::host::HostPattern;
use super::named::{self, Purpose};
use super::path::{PathPattern, Piece, Template};
use super::value::ValueMatcher;

/// One match for one host.
#[derive(Debug, Clone)]
pub struct RequestMatch {
    /// Where it was written.
    pub at: At,
    /// The methods named; absent: any.
    pub methods: Option<Vec<Box<str>>>,
    /// The host.
    pub host: HostPattern,
    /// The path.
    pub path: PathPattern,
    /// Header conditions, names in lower case.
    pub headers: Vec<(Box<str>, ValueMatcher)>,
    /// Query conditions.
    pub query: Vec<(Box<str>, ValueMatcher)>,
    ignore_case: bool,
}

/// As a policy writes it: `GET,POST api.example.com/v1/**`, with its conditions in brackets.
impl fmt::Display for RequestMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(methods) = &self.methods {
            write!(formatter, "{} ", methods.join(","))?;
        }
        write!(formatter, "{}{}", self.host, self.path)?;
        for (name, matcher) in &self.headers {
            write!(formatter, " [header {name} {matcher}]")?;
        }
        for (name, matcher) in &self.query {
            write!(formatter, " [query {name} {matcher}]")?;
        }
        Ok(())
    }
}

impl RequestMatch {
    /// The names that its path captures.
    #[must_use]
    pub fn captures(&self) -> Vec<Box<str>> {
        match &self.path {
            PathPattern::Template(template) => template.captures(),
            PathPattern::Regex(_) => Vec::new(),
        }
    }

    /// What its path captures of a request whose path matches.
    #[must_use]
    pub fn capture<'a>(&'a self, request: &'a Request<'_>) -> Captures<'a> {
        let captures = match &self.path {
            PathPattern::Template(template) => template.capture(request.path.segments()),
            PathPattern::Regex(_) => Captures::new(),
        };
        captures.of_path(self.ignore_case)
    }

    /// Whether a method is among those named. `GET` means `GET` and `HEAD`.
    #[must_use]
    pub fn takes_method(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| {
            methods.iter().any(|named| **named == *method || (method == "HEAD" && &**named == "GET"))
        })
    }

    /// Whether letters of its path are compared without regard to case.
    #[must_use]
    pub const fn ignores_case(&self) -> bool {
        self.ignore_case
    }

    /// Whether `HEAD` is named itself.
    #[must_use]
    pub fn names_head(&self) -> bool {
        self.names("HEAD")
    }

    /// Whether it names a method itself.
    #[must_use]
    pub fn names(&self, method: &str) -> bool {
        self.methods.as_ref().is_some_and(|methods| methods.iter().any(|named| **named == *method))
    }

    /// How many conditions it has on headers and query.
    #[must_use]
    pub fn conditions(&self) -> usize {
        self.headers.len() + self.query.len()
    }

    /// Whether a route's conditions on method, headers and query hold; the path has matched already. Unknown where
    /// it hangs on which of several values is read, or under which spelling of the name.
    #[must_use]
    pub fn admits(&self, request: &Request<'_>, captures: &Captures<'_>) -> Tri {
        if !self.takes_method(request.method) {
            return Tri::No;
        }
        if self.conditions() == 0 || self.judge_conditions(request, Purpose::Opening, captures) == Tri::Yes {
            return Tri::Yes;
        }
        self.judge_conditions(request, Purpose::Fence, captures).and(Tri::Unknown)
    }

    /// Whether a hole in a fence is this request: strictly, for what slips in here slips through.
    #[must_use]
    pub fn opens(&self, request: &Request<'_>) -> bool {
        self.is_opened(request, |_| true)
    }

    /// Whether a hole in a fence may be the request that a preflight announces: headers that browsers do not send
    /// with a preflight may be there then.
    #[must_use]
    pub fn could_open(&self, announced: &Request<'_>) -> bool {
        self.is_opened(announced, |name| announced.headers.alike(name).next().is_some())
    }

    fn is_opened(&self, request: &Request<'_>, is_told: impl Fn(&str) -> bool) -> bool {
        let applies = self.takes_method(request.method)
            && self.host.matches(&request.host)
            && self.path.matches(&request.path, self.ignore_case);
        if !applies {
            return false;
        }
        self.judge_told(request, Purpose::Opening, &self.capture(request), is_told) == Tri::Yes
    }

    /// Whether a fence applies, and what its path captures.
    #[must_use]
    pub fn fences<'a>(&'a self, request: &Request<'_>) -> Option<Captures<'a>> {
        let applies = self.takes_method(request.method)
            && self.host.matches(&request.host)
            && self.path.fences(&request.path, self.ignore_case);
        if !applies {
            return None;
        }
        let captures: Captures<'a> = match &self.path {
            PathPattern::Template(template) => template
                .capture(request.path.segments())
                .into_iter()
                .map(|(name, value)| (owner_of(template, name), Cow::Owned(value.into_owned())))
                .collect(),
            PathPattern::Regex(_) => Captures::new(),
        };
        let captures = captures.of_path(self.ignore_case);
        // What cannot be told slips through no fence.
        (self.judge_conditions(request, Purpose::Fence, &captures) != Tri::No).then_some(captures)
    }

    /// Whether a fence applies to the request that a preflight announces: browsers send no headers of their own
    /// with a preflight, so that a header that is not there says nothing.
    #[must_use]
    pub fn fences_announced<'a>(&'a self, announced: &Request<'_>) -> Option<Captures<'a>> {
        let is_untold = |(name, matcher): &(Box<str>, ValueMatcher)| {
            matcher.presence() == Some(false) && announced.headers.alike(name).next().is_none()
        };
        if self.headers.iter().any(is_untold) { None } else { self.fences(announced) }
    }

    fn judge_conditions(&self, request: &Request<'_>, purpose: Purpose, captures: &Captures<'_>) -> Tri {
        self.judge_told(request, purpose, captures, |_| true)
    }

    /// Judges the conditions; those on headers only where they can be told.
    fn judge_told(
        &self,
        request: &Request<'_>,
        purpose: Purpose,
        captures: &Captures<'_>,
        is_told: impl Fn(&str) -> bool,
    ) -> Tri {
        let header = |(name, matcher): &(Box<str>, ValueMatcher)| {
            named::header(name, matcher, purpose, request, captures)
        };
        let parameter = |(name, matcher): &(Box<str>, ValueMatcher)| {
            named::parameter(name, matcher, purpose, request, captures)
        };
        let told = self.headers.iter().filter(|(name, _)| is_told(name));
        Tri::all(told.map(header)).and(Tri::all(self.query.iter().map(parameter)))
    }
}

/// The template's own spelling of a capture's name, which lives as long as the policy.
fn owner_of<'a>(template: &'a Template, name: &str) -> &'a str {
    let of_piece = |piece: &'a Piece| match piece {
        Piece::Mixed(_, known, _) | Piece::Capture(known) => Some(&**known),
        Piece::Literal(_) | Piece::Any => None,
    };
    let rest = template.rest.iter().flatten().map(|known| &**known);
    template.segments.iter().filter_map(of_piece).chain(rest).find(|known| *known == name).unwrap_or_default()
}
