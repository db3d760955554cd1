//! The policy: as written ([`document`]), as run ([`Policy`]), and the one walk that decides.

pub mod answer;
mod captures;
pub mod compile;
pub mod condition;
pub mod decide;
pub mod diagnostic;
pub mod document;
pub mod guard;
mod lint;
pub mod matcher;
pub mod observe;
pub mod reader;
pub mod requirement;
pub mod route;
pub mod schema;
pub mod tri;
pub mod units;
pub mod upstream;
pub mod words;
pub mod yaml;

use std::sync::Arc;

use crate::decision::{Decision, ForbidId, RouteId, Rule};
use crate::request::Reading;
use crate::token::settings::{IssuerSettings, Place};
use crate::token::{Identity, Verification};

use answer::{Answers, RuleAnswers};
use diagnostic::{At, Diagnostic};
use guard::{GuardName, Guards};
use matcher::index::RouteIndex;
use route::ClientAddress;
use upstream::Removals;

pub use captures::Captures;
pub use compile::compile;
pub use route::{Forbid, Route};

/// Where a rule was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMeta {
    /// Its name: as given, or the match as written.
    pub name: Box<str>,
    /// The file, as shown to people.
    pub file: Box<str>,
    /// Its first line, from 1.
    pub line: u32,
    /// The place that tells it from every other rule of its kind.
    pub at: At,
}

/// A policy set, compiled.
#[derive(Debug)]
pub struct Policy {
    /// Hash of the files it was compiled from, 16 hexadecimal digits.
    pub revision: Box<str>,
    /// The files, as shown to people.
    pub files: Vec<Box<str>>,
    /// Issuers; an `IssuerId` is an index into this list.
    pub issuers: Vec<Arc<IssuerSettings>>,
    /// Guards, the issuers among them.
    pub guards: Guards,
    /// `defaults.guard`.
    pub default_guards: Vec<GuardName>,
    /// Routes in the order of their names; a `RouteId` is an index into this list.
    pub routes: Vec<Route>,
    /// Forbid rules in the order of their names; a `ForbidId` is an index into this list.
    pub forbids: Vec<Forbid>,
    /// Finds the most specific enforced route.
    pub index: RouteIndex,
    /// Finds the most specific shadow route.
    pub shadow_index: RouteIndex,
    /// Whether any rule is a shadow.
    pub has_shadows: bool,
    /// `preflight: allow`.
    pub preflights_pass: bool,
    /// Where the client's address stands.
    pub client_address: ClientAddress,
    /// How targets are read.
    pub reading: Reading,
    /// The answers of the set.
    pub answers: Answers,
    /// What no client may send on any route: headers that some part of the policy sets for the upstream, and
    /// what asks an application for another method or target.
    pub removals: Removals,
    /// What `check` warns of.
    pub warnings: Vec<Diagnostic>,
}

impl Policy {
    /// A route by its id.
    #[must_use]
    pub fn route(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(usize::try_from(id.0).ok()?)
    }

    /// A forbid rule by its id.
    #[must_use]
    pub fn forbid(&self, id: ForbidId) -> Option<&Forbid> {
        self.forbids.get(usize::try_from(id.0).ok()?)
    }

    /// Name and place of a rule.
    #[must_use]
    pub fn rule(&self, rule: Rule) -> Option<&RuleMeta> {
        match rule {
            Rule::None => None,
            Rule::Route(id) => self.route(id).map(|route| &route.meta),
            Rule::Forbid(id) => self.forbid(id).map(|forbid| &forbid.meta),
        }
    }

    /// How denials of a rule are answered; `None` where no rule spoke, or says nothing of it.
    #[must_use]
    pub fn rule_answers(&self, rule: Rule) -> Option<&RuleAnswers> {
        match rule {
            Rule::None => None,
            Rule::Route(id) => self.route(id)?.answers.as_deref(),
            Rule::Forbid(id) => self.forbid(id)?.answers.as_deref(),
        }
    }
}

/// What a shadow rule would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The shadow rule.
    pub rule: Rule,
    /// Its decision. A shadow fence that would not have held is not recorded.
    pub decision: Decision,
}

/// One request, judged.
#[derive(Debug, Clone)]
pub struct Judgement<'a> {
    /// The decision.
    pub decision: Decision,
    /// The winning route, also where a fence or the token turned the request away; `None` if none won
    /// or none was looked for.
    pub route: Option<RouteId>,
    /// The verified caller, if a token was judged and is good.
    pub caller: Option<Arc<Identity>>,
    /// Where the credential stood, if a token was judged and is good.
    pub credential: Option<&'a Place>,
    /// The guard to report: the first that the route names and the token belongs to, else the issuer's
    /// name; empty without a caller.
    pub guard: &'a str,
    /// Captures of the winning route.
    pub captures: Captures<'a>,
    /// What shadow rules would have done.
    pub shadows: Vec<Shadow>,
    /// How many `when` conditions of the enforcing rules failed to evaluate.
    pub condition_errors: u32,
    /// Whether the token came from the cache of verified tokens.
    pub cached: bool,
    /// What was made of a token that was not known already.
    pub verification: Option<Verification>,
}

impl Judgement<'_> {
    /// A judgement that knows no caller.
    #[must_use]
    pub fn of(decision: Decision, route: Option<RouteId>) -> Self {
        Self {
            decision,
            route,
            caller: None,
            credential: None,
            guard: "",
            captures: Captures::new(),
            shadows: Vec::new(),
            condition_errors: 0,
            cached: false,
            verification: None,
        }
    }
}
