//! From a match as written to a match as run.

use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::document::{self, Match, MatchMap, Matcher, PathMatch, Text};
use crate::policy::matcher::host::HostPattern;
use crate::policy::matcher::path::{PathPattern, Template};
use crate::policy::matcher::pattern::Pattern;
use crate::policy::matcher::value::{Kind, ValueMatcher};
use crate::policy::upstream::field;
use crate::request::{Path, Reading};

use super::{RequestMatch, mistakes};

impl RequestMatch {
    /// Compiles a match; several hosts make several.
    pub fn compile(written: &Match, reading: &Reading, problems: &mut Diagnostics) -> Vec<Self> {
        match written {
            Match::Text(text) => from_text(text, reading, problems).into_iter().collect(),
            Match::Map(map) => from_map(map, reading, problems),
        }
    }
}

/// `[METHOD[,METHOD…] ][host]/path`.
fn from_text(text: &Text, reading: &Reading, problems: &mut Diagnostics) -> Option<RequestMatch> {
    let written = text.value.trim();
    if let Some(hint) = mistakes::of_text(written) {
        problems.error(codes::MATCH_TEXT, text.at, format!("`{written}` is no match")).hint(hint);
        return None;
    }
    let (methods, place) = match written.split_once(char::is_whitespace) {
        Some((methods, place)) => (Some(methods), place.trim_start()),
        None => (None, written),
    };
    let slash = place.find('/')?;
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
            problems.error(codes::PATH_TEMPLATE, at, format!("`{path}` matches no request: {problem}")).hint(
                match &*problem {
                    Path::HAS_SCRIPT => {
                        "`paths: { scripts: literal }` on the route admits such paths".to_owned()
                    }
                    _ => mistakes::of_template(path),
                },
            );
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
                .hint(mistakes::of_host(host));
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
    problems.error(codes::METHOD, at, format!("`{name}` matches no request")).hint(mistakes::of_method(name));
    None
}
