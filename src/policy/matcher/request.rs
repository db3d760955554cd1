//! One match, compiled: methods, one host, one path, conditions.

use std::borrow::Cow;
use std::fmt;
use std::str;

use crate::policy::Captures;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::document::{self, Match, MatchMap, Matcher, PathMatch, Text};
use crate::policy::tri::Tri;
use crate::policy::upstream::field;
use crate::request::{Path, Reading, Request, looks_like};

use super::host::HostPattern;
use super::path::{PathPattern, Piece, Template};
use super::pattern::Pattern;
use super::value::{Kind, Quantifier, ValueMatcher};

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
    /// Compiles a match; several hosts make several.
    pub fn compile(written: &Match, reading: &Reading, problems: &mut Diagnostics) -> Vec<Self> {
        match written {
            Match::Text(text) => from_text(text, reading, problems).into_iter().collect(),
            Match::Map(map) => from_map(map, reading, problems),
        }
    }

    /// The names that its path captures.
    #[must_use]
    pub fn captures(&self) -> Vec<Box<str>> {
        match &self.path {
            PathPattern::Template(template) => template.captures(),
            PathPattern::Regex(_) => Vec::new(),
        }
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
        self.methods.as_ref().is_some_and(|methods| methods.iter().any(|named| &**named == "HEAD"))
    }

    /// How many conditions it has on headers and query.
    #[must_use]
    pub fn conditions(&self) -> usize {
        self.headers.len() + self.query.len()
    }

    /// Whether a route's conditions on method, headers and query hold; the path has matched already.
    #[must_use]
    pub fn admits(&self, request: &Request<'_>, captures: &Captures<'_>) -> bool {
        self.takes_method(request.method) && self.conditions_hold(request, Quantifier::Every, captures)
    }

    /// Whether a hole in a fence is this request: strictly, for what slips in here slips through.
    #[must_use]
    pub fn opens(&self, request: &Request<'_>) -> bool {
        if !self.host.matches(&request.host) || !self.path.matches(&request.path, self.ignore_case, false) {
            return false;
        }
        let captures = match &self.path {
            PathPattern::Template(template) => template.capture(request.path.segments()),
            PathPattern::Regex(_) => Captures::new(),
        };
        self.admits(request, &captures)
    }

    /// Whether a fence applies, and what its path captures.
    #[must_use]
    pub fn fences<'a>(&'a self, request: &Request<'_>) -> Option<Captures<'a>> {
        let applies = self.takes_method(request.method)
            && self.host.matches(&request.host)
            && self.path.matches(&request.path, self.ignore_case, true);
        if !applies {
            return None;
        }
        let captures = match &self.path {
            PathPattern::Template(template) => template
                .capture(request.path.segments())
                .into_iter()
                .map(|(name, value)| (owner_of(template, name), Cow::Owned(value.into_owned())))
                .collect(),
            PathPattern::Regex(_) => Captures::new(),
        };
        self.conditions_hold(request, Quantifier::One, &captures).then_some(captures)
    }

    fn conditions_hold(
        &self,
        request: &Request<'_>,
        quantifier: Quantifier,
        captures: &Captures<'_>,
    ) -> bool {
        let header = |(name, matcher): &(Box<str>, ValueMatcher)| {
            // A server may fold `_` to `-`: a fence holds against what looks like its header, too.
            let is_wide = quantifier == Quantifier::One && matcher.presence() != Some(false);
            let is_meant = |present: &str| {
                if is_wide { looks_like(present, name) } else { present.eq_ignore_ascii_case(name) }
            };
            let values = request.headers.iter().filter(|(present, _)| is_meant(present));
            matcher.matches_text(values.map(|(_, value)| str::from_utf8(value).ok()), quantifier, captures)
        };
        let query = |(name, matcher): &(Box<str>, ValueMatcher)| {
            let values: Vec<Cow<'_, str>> = request.query.all(name).collect();
            matcher.matches_text(values.iter().map(|value| Some(&**value)), quantifier, captures)
        };
        let all = Tri::all(self.headers.iter().map(header)).and(Tri::all(self.query.iter().map(query)));
        // What cannot be told opens no route and slips through no fence.
        match (all, quantifier) {
            (Tri::Yes, _) | (Tri::Unknown, Quantifier::One) => true,
            (Tri::No, _) | (Tri::Unknown, Quantifier::Every) => false,
        }
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

/// `[METHOD[,METHOD…] ][host]/path`.
fn from_text(text: &Text, reading: &Reading, problems: &mut Diagnostics) -> Option<RequestMatch> {
    let written = text.value.trim();
    let (methods, place) = match written.split_once(char::is_whitespace) {
        Some((methods, place)) => (Some(methods), place.trim_start()),
        None => (None, written),
    };
    let Some(slash) = place.find('/') else {
        problems
            .error(codes::MATCH_TEXT, text.at, format!("`{written}` is no match"))
            .hint("`[METHOD ][host]/path`: `GET /customers`, `GET,POST api.example.com/v1/**`");
        return None;
    };
    let methods = methods.map(|methods| {
        methods.split(',').filter_map(|name| method(name, text.at, problems)).collect::<Vec<_>>()
    });
    let (host, path) = place.split_at_checked(slash)?;
    let host = if host.is_empty() { Some(HostPattern::Any) } else { host_pattern(host, text.at, problems) };
    let template = template(path, text.at, reading, problems);
    Some(RequestMatch {
        at: text.at,
        methods,
        host: host?,
        path: PathPattern::Template(template?),
        headers: Vec::new(),
        query: Vec::new(),
        ignore_case: reading.case_insensitive,
    })
}

fn from_map(map: &MatchMap, reading: &Reading, problems: &mut Diagnostics) -> Vec<RequestMatch> {
    let Some(path) = path_of(map, reading, problems) else { return Vec::new() };
    let captures = match &path {
        PathPattern::Template(template) => template.captures(),
        PathPattern::Regex(_) => Vec::new(),
    };
    let methods = match (&map.grpc, &map.methods) {
        (Some(grpc), Some(_)) => {
            problems
                .error(codes::GRPC_MATCH, grpc.at, "`grpc` stands beside `methods`")
                .hint("gRPC requests are POST: remove `methods`");
            return Vec::new();
        }
        (Some(_), None) => Some(vec!["POST".into()]),
        (None, named) => named.as_ref().map(|named| {
            named.iter().filter_map(|name| method(&name.value, name.at, problems)).collect::<Vec<_>>()
        }),
    };
    let named = |list: &Option<Vec<(Text, Matcher)>>, lower: bool, problems: &mut Diagnostics| {
        let mut compile = |(name, matcher): &(Text, Matcher)| {
            if lower && !field::is_name(&name.value) {
                problems
                    .error(codes::HEADER_NAME, name.at, format!("`{}` is no header name", name.value))
                    .hint("letters, digits and hyphens: `x-tenant`");
                return None;
            }
            let name = if lower { name.value.to_ascii_lowercase().into() } else { name.value.clone() };
            ValueMatcher::compile(matcher, Kind::Text, &captures, problems).map(|matcher| (name, matcher))
        };
        list.iter().flatten().filter_map(&mut compile).collect::<Vec<_>>()
    };
    let headers = named(&map.headers, true, problems);
    let query = named(&map.query, false, problems);
    let hosts: Vec<HostPattern> = match &map.hosts {
        None => vec![HostPattern::Any],
        Some(hosts) => hosts.iter().filter_map(|host| host_pattern(&host.value, host.at, problems)).collect(),
    };
    let one = |host| RequestMatch {
        at: map.at,
        methods: methods.clone(),
        host,
        path: path.clone(),
        headers: headers.clone(),
        query: query.clone(),
        ignore_case: reading.case_insensitive,
    };
    hosts.into_iter().map(one).collect()
}

fn path_of(map: &MatchMap, reading: &Reading, problems: &mut Diagnostics) -> Option<PathPattern> {
    match (&map.path, &map.grpc) {
        (Some(_), Some(grpc)) => {
            problems
                .error(codes::GRPC_MATCH, grpc.at, "`grpc` stands beside `path`")
                .hint("`grpc` stands for the path `/pkg.Service/Method`: remove one of them");
            None
        }
        (Some(PathMatch::Template(text)), None) => {
            template(&text.value, text.at, reading, problems).map(PathPattern::Template)
        }
        (Some(PathMatch::Regex(text)), None) => path_regex(text, reading, problems).map(PathPattern::Regex),
        (None, Some(grpc)) => grpc_path(grpc, reading, problems).map(PathPattern::Template),
        (None, None) => Some(PathPattern::Template(Template { segments: Vec::new(), rest: Some(None) })),
    }
}

/// Every path begins with a slash: an expression that begins with a letter matches none.
fn path_regex(text: &Text, reading: &Reading, problems: &mut Diagnostics) -> Option<Pattern> {
    let first = text.value.trim_start_matches('^').chars().next();
    if first.is_some_and(char::is_alphanumeric) && !text.value.contains('|') {
        problems
            .error(
                codes::REGEX,
                text.at,
                format!("`{}` matches no request: a path begins with `/`", text.value),
            )
            .hint(format!("write `/{}`", text.value.trim_start_matches('^')));
        return None;
    }
    Pattern::compile(&text.value, reading.case_insensitive, text.at, problems)
}

fn grpc_path(grpc: &document::GrpcMatch, reading: &Reading, problems: &mut Diagnostics) -> Option<Template> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
    };
    for name in [Some(&grpc.service), grpc.method.as_ref()].into_iter().flatten() {
        if !is_name(&name.value) {
            problems
                .error(codes::GRPC_MATCH, name.at, format!("`{}` is no gRPC name", name.value))
                .hint("`{ service: pkg.Service, method: Get }`");
            return None;
        }
    }
    let method = grpc.method.as_ref().map_or("*", |method| &method.value);
    template(&format!("/{}/{method}", grpc.service.value), grpc.at, reading, problems)
}

fn template(path: &str, at: At, reading: &Reading, problems: &mut Diagnostics) -> Option<Template> {
    let parsed = Template::parse(path, reading.admit_semicolons).and_then(|template| {
        // Whatever else the door refuses: a request made of this very template is shown to it.
        let target = template.target();
        match Path::read(&target, reading).map(|_| ()) {
            Ok(()) => Ok(template),
            Err(problem) => Err(problem.to_owned()),
        }
    });
    match parsed {
        Ok(template) => Some(template),
        Err(problem) => {
            problems
                .error(codes::PATH_TEMPLATE, at, format!("`{path}` matches no request: {problem}"))
                .hint("literal segments, `{name}`, `*`, `{id}:delete`, and `**` at the end");
            None
        }
    }
}

fn host_pattern(host: &str, at: At, problems: &mut Diagnostics) -> Option<HostPattern> {
    match HostPattern::parse(host) {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            problems
                .error(codes::HOST_PATTERN, at, format!("`{host}` matches no request: {problem}"))
                .hint("`api.example.com`, or `*.example.com` for all below");
            None
        }
    }
}

fn method(name: &str, at: At, problems: &mut Diagnostics) -> Option<Box<str>> {
    let well_formed = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if well_formed && name != "CONNECT" {
        return Some(name.into());
    }
    let problem = problems.error(codes::METHOD, at, format!("`{name}` matches no request"));
    if name == "CONNECT" {
        problem.hint("CONNECT is refused: it has no path to judge");
    } else {
        problem.hint(format!("methods are upper-case: `{}`", name.to_ascii_uppercase()));
    }
    None
}
