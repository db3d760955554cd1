//! Why a request is decided as it is: notes taken of the very walk that decides, with everything a person
//! needs to mend a policy, a token or a request.

mod advice;
mod answer;
mod forbids;
mod notes;
mod question;
mod routes;
pub mod token;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::cases::Captured;
use crate::decision::{Decision, Denial, Rule};
use crate::engine::{self, Snapshot};
use crate::policy::route::{Ask, TokenUse};
use crate::policy::words::Asked;
use crate::policy::{Judgement, Policy, RuleMeta, Shadow};
use crate::request::{Headers, Incoming, Request};
use crate::response::{self, Answer};
use crate::time::UnixTime;
use crate::token::Attempt;

pub use advice::next_for;
pub use answer::AnswerNote;
pub use forbids::ForbidNote;
pub use notes::Step;
pub use question::{BadQuestion, Question, ask, ask_captured, ask_json};
pub use routes::RouteNote;
pub use token::TokenNote;

/// The way of one request, in the order in which it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// What came out.
    pub decision: DecisionNote,
    /// What arrived, and how it was read.
    pub request: RequestNote,
    /// Every forbid rule, by name; enforced ones first.
    pub forbid: Vec<ForbidNote>,
    /// Routes whose path matches; the winner first.
    pub routes: Vec<RouteNote>,
    /// Where no path matches: one that looks much like it.
    pub nearest_route: Option<String>,
    /// The caller.
    pub token: TokenNote,
    /// What the winning route asks.
    pub route: Option<AskedNote>,
    /// What shadow rules would have done.
    pub shadow: Vec<DecisionNote>,
    /// What client and upstream are told.
    pub answer: AnswerNote,
    /// Revision of the policy.
    pub policy_revision: String,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionNote {
    /// `allow`, `deny` or `error`.
    pub outcome: Cow<'static, str>,
    /// The reason's word.
    pub reason: Cow<'static, str>,
    /// The rule that settled it.
    pub rule: Option<RuleNote>,
    /// What the caller lacks.
    pub missing: Vec<String>,
    /// What happened, in a sentence.
    pub because: String,
    /// What can be done about it.
    pub next: Option<String>,
}

/// A rule and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleNote {
    /// `route` or `forbid`.
    pub kind: Cow<'static, str>,
    /// Its name.
    pub name: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestNote {
    /// The method as sent.
    pub method: String,
    /// The host as sent.
    pub host: String,
    /// Path and query as sent.
    pub target: String,
    /// How it was read; absent where it was refused.
    pub read: Option<ReadNote>,
    /// Why it was refused before any rule.
    pub refused: Option<String>,
}

/// A request as rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadNote {
    /// Lower case, without port.
    pub host: String,
    /// Decoded segments.
    pub segments: Vec<String>,
    /// Decoded names and values.
    pub query: Vec<(String, String)>,
    /// The client's address, as `client_address` says.
    pub client_address: Option<String>,
}

/// What the winning route asks, check by check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedNote {
    /// The route.
    #[serde(flatten)]
    pub rule: RuleNote,
    /// What it asks, in words.
    pub asks: String,
    /// What becomes of a token: `required`, `optional`, `ignored`.
    pub token: Cow<'static, str>,
    /// Captures of its path.
    pub captures: Vec<(String, String)>,
    /// Whether it came to be asked.
    pub judged: bool,
    /// Each check.
    pub checks: Vec<Step>,
}

/// Explains one request.
#[must_use]
pub fn explain(snapshot: &Snapshot, arrives: &Captured, now: UnixTime) -> Explanation {
    let policy = &snapshot.policy;
    match arrives {
        Captured::Refused(denial) => {
            let nothing = crate::cases::Request::default();
            let answer = response::refuse(Some(policy), &Headers::default(), denial, ID);
            refused(policy, &nothing.incoming(), denial, &answer)
        }
        Captured::Request(request) => {
            let incoming = request.incoming();
            match engine::read(snapshot, &incoming) {
                Ok(read) => judged(snapshot, &incoming, &read, now),
                Err(denial) => {
                    let judgement = engine::refused(denial.clone());
                    let answer = response::answer(policy, &incoming, &judgement, ID);
                    refused(policy, &incoming, &denial, &answer)
                }
            }
        }
    }
}

/// The decision id in answers that nobody gets.
const ID: &str = "explain";

fn judged(snapshot: &Snapshot, incoming: &Incoming<'_>, request: &Request<'_>, now: UnixTime) -> Explanation {
    let policy = &snapshot.policy;
    let mut notes = notes::Notes::new(policy);
    let judged = engine::authorize_observed(snapshot, request, now, Attempt::Final, &mut notes);
    // A final attempt never asks for keys.
    let judgement =
        judged.unwrap_or_else(|_| engine::refused(Denial::new(crate::decision::Denied::InternalError)));
    let answer = response::answer(policy, incoming, &judgement, ID);
    let routes = routes::considered(policy, request, judgement.route);
    let nearest = if routes.is_empty() { routes::nearest(policy, request) } else { None };
    let address = policy.client_address.read(request).map(|address| address.to_string());
    let token = token::note(snapshot, request, &notes.looked_in, now);
    Explanation {
        decision: decision(policy, &judgement.decision, &routes, nearest.as_deref()),
        request: RequestNote {
            read: Some(ReadNote {
                host: request.host.to_string(),
                segments: request.path.segments().iter().map(ToString::to_string).collect(),
                query: request.query.pairs().map(|(name, value)| (name.into(), value.into())).collect(),
                client_address: address,
            }),
            ..arrived(incoming)
        },
        forbid: forbids::notes(policy, request, &mut notes),
        route: asked(policy, &judgement, &mut notes),
        routes,
        nearest_route: nearest,
        token,
        shadow: judgement.shadows.iter().map(|shadow| shadow_note(policy, shadow)).collect(),
        answer: AnswerNote::of(&answer),
        policy_revision: policy.revision.to_string(),
    }
}

fn refused(policy: &Policy, incoming: &Incoming<'_>, denial: &Denial, answer: &Answer<'_>) -> Explanation {
    Explanation {
        decision: decision(policy, &Decision::Deny(denial.clone()), &[], None),
        request: RequestNote {
            refused: Some(denial.detail.as_deref().unwrap_or_default().to_owned()),
            ..arrived(incoming)
        },
        forbid: Vec::new(),
        routes: Vec::new(),
        nearest_route: None,
        token: TokenNote::default(),
        route: None,
        shadow: Vec::new(),
        answer: AnswerNote::of(answer),
        policy_revision: policy.revision.to_string(),
    }
}

fn arrived(incoming: &Incoming<'_>) -> RequestNote {
    RequestNote {
        method: incoming.method.to_owned(),
        host: incoming.host.to_owned(),
        target: incoming.target.to_owned(),
        read: None,
        refused: None,
    }
}

fn decision(
    policy: &Policy,
    decision: &Decision,
    routes: &[RouteNote],
    nearest: Option<&str>,
) -> DecisionNote {
    let rule = rule(policy, decision.rule());
    let (missing, because, next) = match decision {
        Decision::Allow(grant) => (Vec::new(), advice::of_grant(grant.reason).to_owned(), None),
        Decision::Deny(denial) => (
            denial.missing.iter().map(ToString::to_string).collect(),
            advice::because(denial),
            Some(advice::next(denial, routes, nearest)),
        ),
    };
    DecisionNote {
        outcome: decision.outcome().label().into(),
        reason: decision.reason_label().into(),
        rule,
        missing,
        because,
        next,
    }
}

fn shadow_note(policy: &Policy, shadow: &Shadow) -> DecisionNote {
    DecisionNote { rule: rule(policy, shadow.rule), ..decision(policy, &shadow.decision, &[], None) }
}

fn rule(policy: &Policy, rule: Rule) -> Option<RuleNote> {
    let kind = match rule {
        Rule::None => return None,
        Rule::Route(_) => "route",
        Rule::Forbid(_) => "forbid",
    };
    policy.rule(rule).map(|meta| RuleNote::of(kind, meta))
}

impl RuleNote {
    fn of(kind: &'static str, meta: &RuleMeta) -> Self {
        Self { kind: kind.into(), name: meta.name.to_string(), file: meta.file.to_string(), line: meta.line }
    }
}

fn asked(policy: &Policy, judgement: &Judgement<'_>, notes: &mut notes::Notes<'_>) -> Option<AskedNote> {
    let route = policy.route(judgement.route?)?;
    let checks = notes.take_route();
    let asks = match &route.ask {
        Ask::Anyone => "anyone".to_owned(),
        Ask::Nobody => "nobody is let in".to_owned(),
        Ask::Require(requirement) => Asked { requirement, guards: &policy.guards }.to_string(),
    };
    Some(AskedNote {
        rule: RuleNote::of("route", &route.meta),
        asks,
        token: match route.token {
            TokenUse::Required => "required",
            TokenUse::Optional => "optional",
            TokenUse::Ignored => "ignored",
        }
        .into(),
        captures: judgement
            .captures
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()))
            .collect(),
        judged: !checks.is_empty(),
        checks,
    })
}

#[cfg(test)]
mod tests;
