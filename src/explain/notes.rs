//! Notes of a walk: which rules matched, and what every check asked and found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decision::{Denied, ForbidId};
use crate::policy::Policy;
use crate::policy::observe::Observer;
use crate::policy::requirement::{Check, Facts, Known, Verdict};
use crate::policy::tri::Tri;
use crate::policy::words::Checked;
use crate::token::{Identity, IssuerId};

/// Longest value that is shown whole.
const MOST_SHOWN: usize = 200;

/// One check, judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it asks, in words.
    pub asks: String,
    /// What there is; absent for what only joins others.
    pub has: Option<String>,
    /// `yes`, `no` or `unknown`.
    pub verdict: Cow<'static, str>,
    /// Why not.
    pub reason: Option<Cow<'static, str>>,
    /// The checks within it.
    pub steps: Vec<Step>,
}

/// Takes notes.
#[derive(Debug)]
pub(super) struct Notes<'p> {
    policy: &'p Policy,
    /// Forbid rules that matched, each with the steps of every way in which it was judged.
    pub matched: BTreeMap<ForbidId, Vec<Judged>>,
    /// Issuers in whose places a token was looked for.
    pub looked_in: Vec<IssuerId>,
    /// Steps under construction: the innermost open check last.
    open: Vec<Vec<Step>>,
    done: Vec<Step>,
}

/// A forbid rule's `unless`, judged in one way of matching.
#[derive(Debug)]
pub(super) struct Judged {
    pub tri: Tri,
    pub reason: Option<Denied>,
    pub steps: Vec<Step>,
}

impl<'p> Notes<'p> {
    pub fn new(policy: &'p Policy) -> Self {
        Self { policy, matched: BTreeMap::new(), looked_in: Vec::new(), open: Vec::new(), done: Vec::new() }
    }

    /// What is left when every fence has taken its steps: those of the route.
    pub fn take_route(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.done)
    }
}

impl Observer for Notes<'_> {
    fn forbid_matches(&mut self, forbid: ForbidId) {
        self.matched.entry(forbid).or_default();
    }

    fn forbid_judged(&mut self, forbid: ForbidId, verdict: &Verdict) {
        let steps = std::mem::take(&mut self.done);
        let reason = verdict.failure.as_ref().map(|failure| failure.reason);
        self.matched.entry(forbid).or_default().push(Judged { tri: verdict.tri, reason, steps });
    }

    fn rival_lets_through(&mut self) {
        self.done.clear();
    }

    fn looks_for_caller(&mut self, look_in: &[IssuerId]) {
        // What was judged for a preflight that turned out to be none is not part of this walk.
        self.done.clear();
        self.looked_in = look_in.to_vec();
    }

    fn enter(&mut self, _check: &Check) {
        self.open.push(Vec::new());
    }

    fn leave(&mut self, check: &Check, facts: &Facts<'_>, verdict: &Verdict) {
        let steps = grouped(check, self.open.pop().unwrap_or_default());
        let words = match check {
            Check::Any(_) => "at least one of".to_owned(),
            Check::All(_) => ALL.to_owned(),
            Check::Not(_) => "not".to_owned(),
            Check::Use(name, _) => format!("requirement {name}"),
            Check::Has { .. }
            | Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_) => Checked { check, guards: &self.policy.guards }.to_string(),
        };
        let step = Step {
            asks: words,
            has: has(check, facts),
            verdict: word(verdict.tri).into(),
            reason: verdict.failure.as_ref().map(|failure| failure.reason.label().into()),
            steps,
        };
        self.open.last_mut().unwrap_or(&mut self.done).push(step);
    }
}

const ALL: &str = "all of";

const fn word(tri: Tri) -> &'static str {
    match tri {
        Tri::Yes => "yes",
        Tri::No => "no",
        Tri::Unknown => "unknown",
    }
}

/// The steps of several requirements lie behind one another, as many for each as it has checks. Those of one with
/// more than one check are put together, or nobody could see to which way of an `any` each belongs.
fn grouped(check: &Check, steps: Vec<Step>) -> Vec<Step> {
    let (Check::Any(several) | Check::All(several)) = check else { return steps };
    let mut rest = steps.into_iter();
    let groups = several.iter().flat_map(|one| {
        let own: Vec<Step> = rest.by_ref().take(one.checks.len()).collect();
        if own.len() > 1 { vec![together(own)] } else { own }
    });
    groups.collect()
}

/// All must hold: of several reasons the one that would be reported.
fn together(steps: Vec<Step>) -> Step {
    let tri = |step: &Step| {
        [Tri::Yes, Tri::No].into_iter().find(|tri| word(*tri) == step.verdict).unwrap_or(Tri::Unknown)
    };
    let reasons = steps.iter().filter_map(|step| Denied::from_label(step.reason.as_deref()?));
    Step {
        asks: ALL.to_owned(),
        has: None,
        verdict: word(Tri::all(steps.iter().map(tri))).into(),
        reason: reasons.min_by_key(|reason| reason.precedence()).map(|reason| reason.label().into()),
        steps,
    }
}

/// What there is to be compared with what a check asks.
fn has(check: &Check, facts: &Facts<'_>) -> Option<String> {
    let of_caller = |show: &dyn Fn(&Identity) -> String| match facts.known {
        Known::Absent => "no token".to_owned(),
        Known::Unjudged => "a token that could not be judged".to_owned(),
        Known::Verified(identity) => show(identity),
    };
    Some(match check {
        Check::Has { kind, .. } => of_caller(&|identity| listed(kind.of(identity).iter().map(|one| &**one))),
        Check::Guard(_) => of_caller(&|identity| listed(facts.guards.all_of(identity).into_iter())),
        Check::Subject(_) => of_caller(&|identity| cut(identity.subject.as_deref().unwrap_or("none"))),
        Check::Claim(path, _) => of_caller(&|identity| match path.find(&identity.claims) {
            None => "none".to_owned(),
            Some(Value::String(text)) => cut(text),
            Some(other) => cut(&other.to_string()),
        }),
        Check::Address(_) => facts.address.map_or("unknown".to_owned(), |address| address.to_string()),
        Check::Principal(_) if facts.request.source.principal.is_empty() => "none".to_owned(),
        Check::Principal(_) => cut(facts.request.source.principal),
        Check::Header(name, _) => {
            let values: Vec<String> = facts
                .request
                .headers
                .all(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
                .collect();
            listed(values.iter().map(String::as_str))
        }
        Check::Query(name, _) => {
            let values: Vec<String> = facts.request.query.all(name).map(Into::into).collect();
            listed(values.iter().map(String::as_str))
        }
        Check::When(_) | Check::Any(_) | Check::All(_) | Check::Not(_) | Check::Use(..) => return None,
    })
}

fn listed<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let items: Vec<&str> = items.collect();
    if items.is_empty() { "none".to_owned() } else { cut(&items.join(", ")) }
}

pub(super) fn cut(text: &str) -> String {
    let start: String = text.chars().take(MOST_SHOWN).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}
