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

    /// Requests that hold what one condition of a match wants to be absent.
    pub fn evading(matched: &RequestMatch) -> Vec<Self> {
        let unwanted = |conditions: &[(Box<str>, ValueMatcher)]| -> Vec<String> {
            let absent = conditions.iter().filter(|(_, matcher)| matcher.presence() == Some(false));
            absent.map(|(name, _)| name.to_string()).collect()
        };
        let with = |change: &dyn Fn(&mut Self)| {
            Self::of(matched).map(|mut example| {
                change(&mut example);
                example
            })
        };
        let pair = |name: &String| (name.clone(), "a-value".to_owned());
        let of_headers = unwanted(&matched.headers);
        let of_query = unwanted(&matched.query);
        let by_header =
            of_headers.iter().filter_map(|name| with(&|example| example.headers.push(pair(name))));
        let by_query = of_query.iter().filter_map(|name| with(&|example| example.query.push(pair(name))));
        by_header.chain(by_query).collect()
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
        // Where several must let it through, none of them decides alone.
        let [(route, matched)] = policy.index.matches_for(&request)?.try_into().ok()?;
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

impl Outcome<'_> {
    /// The route.
    pub fn rule<'p>(&self, policy: &'p Policy) -> Option<&'p Route> {
        policy.route(self.route)
    }
}
