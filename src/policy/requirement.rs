//! What a rule asks of a request: three-valued, and only a plain yes opens.

mod check;

use std::net::IpAddr;

use crate::decision::Denied;
use crate::request::Request;
use crate::time::UnixTime;
use crate::token::Identity;
use crate::token::claims::ClaimPath;

use super::Captures;
use super::condition::Condition;
use super::diagnostic::At;
use super::guard::{GuardName, Guards};
use super::matcher::capture::CaptureText;
use super::matcher::network::{Cidrs, Principals};
use super::matcher::value::ValueMatcher;
use super::observe::Observer;
use super::tri::Tri;

/// A requirement, compiled: all of its checks must hold.
#[derive(Debug, Default)]
pub struct Requirement {
    /// Where it was written.
    pub at: At,
    /// The checks, in a fixed order that has no influence on the result.
    pub checks: Vec<Check>,
}

/// What a caller may have been granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// OAuth scopes.
    Scopes,
    /// Roles.
    Roles,
    /// Groups.
    Groups,
    /// Permissions.
    Permissions,
}

/// One thing that must hold.
#[derive(Debug)]
pub enum Check {
    /// The caller has all, or one, of these.
    Has {
        /// Of what kind.
        kind: Granted,
        /// All of them, or at least one.
        all: bool,
        /// Which.
        names: Vec<CaptureText>,
    },
    /// The token belongs to one of these guards.
    Guard(Vec<GuardName>),
    /// The caller's subject.
    Subject(ValueMatcher),
    /// A claim.
    Claim(ClaimPath, ValueMatcher),
    /// The peer's address.
    Address(Cidrs),
    /// The peer's mutual-TLS identity.
    Principal(Principals),
    /// A header, by lower-case name.
    Header(Box<str>, ValueMatcher),
    /// A query parameter.
    Query(Box<str>, ValueMatcher),
    /// A CEL condition.
    When(Condition),
    /// At least one holds.
    Any(Vec<Requirement>),
    /// All hold.
    All(Vec<Requirement>),
    /// It does not hold.
    Not(Box<Requirement>),
    /// A named requirement.
    Use(Box<str>, Box<Requirement>),
}

/// The caller, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// No credential was sent.
    Absent,
    /// One was sent, and could not be judged.
    Unjudged,
    /// It verified.
    Verified(&'a Identity),
}

/// What requirements are judged on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Captures of the route's path.
    pub captures: &'a Captures<'a>,
    /// The caller.
    pub known: Known<'a>,
    /// All guards.
    pub guards: &'a Guards,
    /// The client's address, as `client_address` says.
    pub address: Option<IpAddr>,
    /// The time.
    pub now: UnixTime,
}

/// Why something does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason to report.
    pub reason: Denied,
    /// What is missing, for `missing_*`.
    pub missing: Vec<Box<str>>,
}

impl Failure {
    fn add_missing(&mut self, missing: Vec<Box<str>>) {
        for name in missing {
            if !self.missing.contains(&name) {
                self.missing.push(name);
            }
        }
    }
}

/// The judgement of one requirement or check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Yes, no, unknown.
    pub tri: Tri,
    /// Why not; absent exactly where `tri` is yes.
    pub failure: Option<Failure>,
}

impl Verdict {
    pub(super) const YES: Self = Self { tri: Tri::Yes, failure: None };

    pub(super) fn from(tri: Tri, reason: Denied) -> Self {
        match tri {
            Tri::Yes => Self::YES,
            Tri::No | Tri::Unknown => Self { tri, failure: Some(Failure { reason, missing: Vec::new() }) },
        }
    }

    /// The reason, if it hangs on a caller who is not there or cannot be judged.
    fn hangs_on(&self) -> Option<Denied> {
        let reason = self.failure.as_ref().filter(|_| self.tri == Tri::Unknown)?.reason;
        matches!(reason, Denied::KeysUnavailable | Denied::MissingToken).then_some(reason)
    }
}

impl Requirement {
    /// Judges all checks. Of several failures the first by precedence is reported.
    pub(super) fn judge<O: Observer>(&self, facts: &Facts<'_>, observer: &mut O) -> Verdict {
        all(self.checks.iter().map(|check| check.judge(facts, observer)))
    }

    /// Whether it can be yes, and whether it can be no, without a caller.
    #[must_use]
    pub fn without_caller(&self) -> Possible {
        self.possible(&mut |check| if check.needs_caller() { Possible::UNKNOWN } else { Possible::EITHER })
    }

    /// Whether some caller could satisfy it with the request that a preflight announces: what needs no caller is
    /// judged, but for headers that are not there yet, and of the rest it is not known who may come.
    pub(super) fn could_hold<O: Observer>(&self, facts: &Facts<'_>, observer: &mut O) -> bool {
        let mut possible = |check: &Check| {
            let is_missing =
                matches!(check, Check::Header(name, _) if facts.request.headers.alike(name).next().is_none());
            if is_missing || check.needs_caller() {
                return Possible::EITHER;
            }
            match check.judge(facts, observer).tri {
                Tri::Yes => Possible::ALWAYS,
                Tri::No => Possible::NEVER,
                Tri::Unknown => Possible::UNKNOWN,
            }
        };
        self.possible(&mut possible).yes
    }

    /// What it can be, where this is known of the checks that hold no others.
    fn possible(&self, of_leaf: &mut impl FnMut(&Check) -> Possible) -> Possible {
        self.checks.iter().fold(Possible::ALWAYS, |so_far, check| {
            let parts = check.parts().iter();
            let found = if parts.len() == 0 {
                of_leaf(check)
            } else if let Check::Not(inner) = check {
                inner.possible(of_leaf).not()
            } else if let Check::Any(_) = check {
                parts.fold(Possible::NEVER, |any, part| any.or(part.possible(of_leaf)))
            } else {
                parts.fold(Possible::ALWAYS, |all, part| all.and(part.possible(of_leaf)))
            };
            so_far.and(found)
        })
    }

    /// Whether any check, however deep, is about the caller.
    #[must_use]
    pub fn needs_caller(&self) -> bool {
        self.checks.iter().any(Check::needs_caller)
    }

    /// Whether a condition, however deep, looks at the host.
    #[must_use]
    pub fn sees_host(&self) -> bool {
        // As a word of its own: not `localhost`, nor the header `x-forwarded-host`.
        let is_part = |letter: Option<char>| {
            letter.is_some_and(|letter| letter.is_alphanumeric() || "_-".contains(letter))
        };
        let names_it = |source: &str| {
            source.match_indices("host").any(|(at, word)| {
                let (before, after) = (source.get(..at), source.get(at + word.len()..));
                !is_part(before.and_then(|text| text.chars().next_back()))
                    && !is_part(after.and_then(|text| text.chars().next()))
            })
        };
        let looks = |check: &Check| matches!(check, Check::When(condition) if names_it(condition.source()));
        self.checks.iter().any(|check| looks(check) || check.parts().iter().any(Self::sees_host))
    }

    /// Every guard named, in the order written; those under `not` are not asked for and left out.
    pub fn guards_asked(&self, found: &mut Vec<GuardName>) {
        for check in self.checks.iter().filter(|check| !matches!(check, Check::Not(_))) {
            if let Check::Guard(names) = check {
                let new: Vec<_> = names.iter().filter(|name| !found.contains(name)).copied().collect();
                found.extend(new);
            }
            for part in check.parts() {
                part.guards_asked(found);
            }
        }
    }
}

/// Which results are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Possible {
    /// It can be yes.
    pub yes: bool,
    /// It can be no.
    pub no: bool,
}

impl Possible {
    const ALWAYS: Self = Self { yes: true, no: false };
    const NEVER: Self = Self { yes: false, no: true };
    const EITHER: Self = Self { yes: true, no: true };
    const UNKNOWN: Self = Self { yes: false, no: false };

    const fn and(self, other: Self) -> Self {
        Self { yes: self.yes && other.yes, no: self.no || other.no }
    }

    const fn or(self, other: Self) -> Self {
        Self { yes: self.yes || other.yes, no: self.no && other.no }
    }

    const fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}

/// All must hold: the failure first by precedence is the one reported.
fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut combined = Verdict::YES;
    for verdict in verdicts {
        combined.tri = combined.tri.and(verdict.tri);
        let Some(failure) = verdict.failure else { continue };
        match &mut combined.failure {
            Some(known) if known.reason == failure.reason => known.add_missing(failure.missing),
            Some(known) if known.reason.precedence() < failure.reason.precedence() => {}
            first => *first = Some(failure),
        }
    }
    combined
}

/// One must hold. Where none does, a caller who is missing or cannot be judged is what it hangs on.
fn any(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut tri = Tri::No;
    let mut hangs_on = None;
    for verdict in verdicts {
        tri = tri.or(verdict.tri);
        hangs_on = match (hangs_on, verdict.hangs_on()) {
            (Some(Denied::KeysUnavailable), _) | (_, None) => hangs_on,
            (_, found) => found,
        };
    }
    Verdict::from(tri, hangs_on.filter(|_| tri == Tri::Unknown).unwrap_or(Denied::RequirementUnmet))
}

fn not(verdict: &Verdict) -> Verdict {
    Verdict::from(verdict.tri.not(), verdict.hangs_on().unwrap_or(Denied::RequirementUnmet))
}
