//! Requests made of a match, to ask the policy what would become of them.

use crate::decision::RouteId;
use crate::policy::matcher::host::HostPattern;
use crate::policy::matcher::path::PathPattern;
use crate::policy::matcher::request::RequestMatch;
use crate::policy::matcher::value::ValueMatcher;
use crate::policy::requirement::Requirement;
use crate::policy::route::TokenCondition;
use crate::policy::{Policy, Route};
use crate::request::{Headers, Incoming, Request, Source};

/// A request that satisfies a match, but perhaps for its method or host.
pub(super) struct Example {
    pub method: String,
    pub host: String,
    path: String,
    query: Pairs,
    headers: Pairs,
}

/// Names and values.
type Pairs = Vec<(String, String)>;

/// Where a request ends up.
pub(super) struct Outcome<'p> {
    pub route: RouteId,
    pub matched: &'p RequestMatch,
    /// What fences ask beside the route; `None` where one lets nobody through.
    pub fences: Option<Vec<&'p Requirement>>,
}

impl Example {
    /// Makes one; `None` where no value is known that a condition would take.
    pub fn of(matched: &RequestMatch) -> Option<Self> {
        let PathPattern::Template(template) = &matched.path else { return None };
        let pairs = |conditions: &[(Box<str>, ValueMatcher)]| {
            let wanted = conditions.iter().filter(|(_, matcher)| matcher.presence() != Some(false));
            wanted
                .map(|(name, matcher)| Some((name.to_string(), matcher.example()?.as_str()?.to_owned())))
                .collect::<Option<Vec<_>>>()
        };
        let (headers, query) = (pairs(&matched.headers)?, pairs(&matched.query)?);
        let method = matched.methods.as_ref().and_then(|methods| methods.first()).map_or("GET", |name| name);
        let path = template.target();
        Some(Self { method: method.to_owned(), host: matched.host.example(), path, query, headers })
    }

    /// The same with another method.
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// The same for a host that only a rule for every host takes.
    pub fn for_another_host(mut self) -> Self {
        "another-host.example".clone_into(&mut self.host);
        self
    }

    /// Requests that say what a match wants said, but in such a way that one of its conditions does not hold:
    /// with a second value, under another spelling of the name, or with what should be absent.
    pub fn evading(matched: &RequestMatch) -> Vec<Self> {
        let header = |name: &str| name.contains('-').then(|| name.replace('-', "_"));
        let of_headers = matched.headers.iter().flat_map(|condition| around(condition, header));
        let mut found: Vec<Self> = of_headers
            .filter_map(|change| Self::of(matched).map(|known| (change, known)))
            .map(|(change, known)| Self { headers: change.applied(known.headers), ..known })
            .collect();
        let of_query = matched.query.iter().flat_map(|condition| around(condition, in_other_case));
        let by_query = of_query
            .filter_map(|change| Self::of(matched).map(|known| (change, known)))
            .map(|(change, known)| Self { query: change.applied(known.query), ..known });
        found.extend(by_query);
        found
    }

    fn target(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, query.join("&"))
    }

    /// Asks the policy.
    pub fn outcome<'p>(&self, policy: &'p Policy) -> Option<Outcome<'p>> {
        let headers = Headers::new(self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())));
        let target = self.target();
        let incoming = Incoming {
            method: &self.method,
            host: &self.host,
            target: &target,
            headers,
            source: Source::default(),
        };
        let request = Request::read(&incoming, &policy.reading).ok()?;
        let (route, matched) = policy.index.winner(&request)?;
        let mut fences = Some(Vec::new());
        for forbid in policy.forbids.iter().filter(|forbid| !forbid.shadow) {
            let holds = |(condition, _): &(TokenCondition, _)| *condition == TokenCondition::Whatever;
            if !forbid.condition.matching(&request).iter().any(holds) {
                continue;
            }
            match (&forbid.unless, &mut fences) {
                (Some(unless), Some(found)) => found.push(unless),
                (None, _) => fences = None,
                (Some(_), None) => {}
            }
        }
        Some(Outcome { route, matched, fences })
    }

    /// As one would write it.
    pub fn shown(&self, any_host: &HostPattern) -> String {
        let host = if *any_host == HostPattern::Any { "" } else { self.host.as_str() };
        let mut shown = format!("{} {host}{}", self.method, self.target());
        for (name, value) in &self.headers {
            shown.extend([" [", name, ": ", value, "]"]);
        }
        shown
    }
}

/// How a request may be changed.
enum Change {
    Added(String, String),
    Renamed(String, String),
}

impl Change {
    fn applied(self, mut pairs: Pairs) -> Pairs {
        match self {
            Self::Added(name, value) => pairs.push((name, value)),
            Self::Renamed(from, to) => {
                for (name, _) in pairs.iter_mut().filter(|(name, _)| *name == from) {
                    name.clone_from(&to);
                }
            }
        }
        pairs
    }
}

/// Ways around one condition.
fn around(
    (name, matcher): &(Box<str>, ValueMatcher),
    spelt_otherwise: impl Fn(&str) -> Option<String>,
) -> Vec<Change> {
    let added = Change::Added(name.to_string(), "another-value".to_owned());
    let renamed = spelt_otherwise(name).filter(|_| matcher.presence() != Some(false));
    [added].into_iter().chain(renamed.map(|to| Change::Renamed(name.to_string(), to))).collect()
}

/// `Scope` for `scope`.
fn in_other_case(name: &str) -> Option<String> {
    let mut letters = name.chars();
    let first = letters.next().filter(char::is_ascii_alphabetic)?;
    let other =
        if first.is_ascii_uppercase() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() };
    Some(std::iter::once(other).chain(letters).collect())
}

impl Outcome<'_> {
    /// The route.
    pub fn rule<'p>(&self, policy: &'p Policy) -> Option<&'p Route> {
        policy.route(self.route)
    }
}
