//! Routes and forbid rules as they run.

use std::net::IpAddr;
use std::str;

use crate::request::{Path, Request};
use crate::token::IssuerId;

use super::answer::RuleAnswers;
use super::diagnostic::At;
use super::guard::GuardName;
use super::matcher::request::RequestMatch;
use super::requirement::Requirement;
use super::upstream::UpstreamPlan;
use super::{Captures, RuleMeta};

/// What a route asks.
#[derive(Debug)]
pub enum Ask {
    /// `allow: anyone`.
    Anyone,
    /// `allow: nobody`.
    Nobody,
    /// `allow: authenticated`, or a requirement; the route's guard is one of its checks.
    Require(Requirement),
}

/// What a route makes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// There must be one.
    Required,
    /// There may be one; a bad one is refused all the same.
    Optional,
    /// None is looked at.
    Ignored,
}

/// `token` of a forbid rule's match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCondition {
    /// Not written.
    Whatever,
    /// Something stands in a place of any issuer.
    Present,
    /// Nothing does.
    Absent,
    /// It verifies, or cannot be judged.
    Valid,
}

/// A route, compiled.
#[derive(Debug)]
pub struct Route {
    /// Name and place.
    pub meta: RuleMeta,
    /// What it asks.
    pub ask: Ask,
    /// What it makes of a token.
    pub token: TokenUse,
    /// The guards it names, in the order written; `defaults.guard` where it names none.
    pub guards: Vec<GuardName>,
    /// The issuers in whose places a token is looked for.
    pub look_in: Vec<IssuerId>,
    /// `paths.encoded_slashes: segment`, here or for the set.
    pub admits_encoded_slashes: bool,
    /// `paths.semicolons: literal`, here or for the set.
    pub admits_semicolons: bool,
    /// `paths.scripts: literal`, here or for the set.
    pub admits_scripts: bool,
    /// What the upstream is told.
    pub upstream: UpstreamPlan,
    /// How denials of this route are answered.
    pub answers: Option<Box<RuleAnswers>>,
    /// Evaluated and recorded, never enforced.
    pub shadow: bool,
    /// Where it says `loosens: true`: that it asks less than a wider one is meant.
    pub loosens: Option<At>,
}

/// A forbid rule, compiled.
#[derive(Debug)]
pub struct Forbid {
    /// Name and place.
    pub meta: RuleMeta,
    /// When it applies.
    pub condition: ForbidCondition,
    /// What lifts it.
    pub unless: Option<Requirement>,
    /// The guards that `unless` names.
    pub guards: Vec<GuardName>,
    /// The issuers in whose places a token is looked for.
    pub look_in: Vec<IssuerId>,
    /// How denials of this rule are answered.
    pub answers: Option<Box<RuleAnswers>>,
    /// Evaluated and recorded, never enforced.
    pub shadow: bool,
}

/// When a forbid rule applies.
#[derive(Debug)]
pub struct ForbidCondition {
    /// Any of these, where the token is so.
    pub matches: Vec<(RequestMatch, TokenCondition)>,
    /// None of these.
    pub except: Vec<RequestMatch>,
}

impl ForbidCondition {
    /// Its matches and its holes.
    pub fn all(&self) -> impl Iterator<Item = &RequestMatch> {
        self.matches.iter().map(|(one, _)| one).chain(&self.except)
    }

    /// All ways in which the rule matches, each with its token condition and what its path captures;
    /// empty where nothing does. A path that may be read in several ways is fenced in if one of them is.
    #[must_use]
    pub fn matching<'a>(&'a self, request: &Request<'_>) -> Fenced<'a> {
        let mut found = self.matching_as_read(request);
        for path in Self::other_readings(request, || self.except.iter().any(|hole| hole.opens(request))) {
            found.extend(self.matching_as_read(&Request { path, ..request.clone() }));
        }
        found
    }

    /// The same for the request that a preflight announces, of which headers and token are not known.
    #[must_use]
    pub fn announced<'a>(&'a self, request: &Request<'_>) -> Fenced<'a> {
        let mut readings = vec![request.clone()];
        let could_open = || self.except.iter().any(|hole| hole.could_open(request));
        let others = Self::other_readings(request, could_open).into_iter();
        readings.extend(others.map(|path| Request { path, ..request.clone() }));
        let is_outside = |reading: &&Request<'_>| !self.except.iter().any(|hole| hole.could_open(reading));
        let ways = |reading: &Request<'_>| -> Fenced<'a> {
            let found = |(one, token): &'a (RequestMatch, TokenCondition)| {
                Some((*token, one.fences_announced(reading)?))
            };
            self.matches.iter().filter_map(found).collect()
        };
        readings.iter().filter(is_outside).flat_map(ways).collect()
    }

    /// The other readings of a path; `/index.php` is its directory, unless a hole is opened for it as it is written.
    fn other_readings<'r>(request: &Request<'r>, is_opened: impl Fn() -> bool) -> Vec<Path<'r>> {
        let mut readings = request.path.other_readings();
        readings.extend(request.path.directory().filter(|_| !is_opened()));
        readings
    }

    fn matching_as_read<'a>(&'a self, request: &Request<'_>) -> Fenced<'a> {
        if self.except.iter().any(|hole| hole.opens(request)) {
            return Fenced::new();
        }
        self.matches.iter().filter_map(|(one, token)| Some((*token, one.fences(request)?))).collect()
    }
}

/// Ways in which a forbid rule matches a request.
pub type Fenced<'a> = Vec<(TokenCondition, Captures<'a>)>;

/// Where the client's address stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClientAddress {
    /// The peer of the proxy.
    #[default]
    Peer,
    /// A header that holds one address.
    Header(Box<str>),
    /// `x-forwarded-for`-like: the n-th address from the right, from 1.
    Forwarded(Box<str>, usize),
}

impl ClientAddress {
    /// The client's address; `None` where the header is missing, repeated or malformed.
    #[must_use]
    pub fn read(&self, request: &Request<'_>) -> Option<IpAddr> {
        let parse = |text: &str| text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical());
        match self {
            Self::Peer => request.source.address.map(|address| address.to_canonical()),
            Self::Header(name) => {
                let mut values = request.headers.all(name);
                let value = values.next()?;
                if values.next().is_some() {
                    return None;
                }
                parse(str::from_utf8(value).ok()?)
            }
            Self::Forwarded(name, hops) => {
                let values: Vec<&str> =
                    request.headers.all(name).map(str::from_utf8).collect::<Result<_, _>>().ok()?;
                let mut from_the_right = values.iter().rev().flat_map(|value| value.rsplit(','));
                from_the_right.nth(hops.checked_sub(1)?).and_then(parse)
            }
        }
    }
}
