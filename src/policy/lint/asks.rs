//! Whether one rule asks at least as much as another.

use crate::policy::Route;
use crate::policy::guard::{GuardName, Guards};
use crate::policy::matcher::capture::CaptureText;
use crate::policy::requirement::{Check, Requirement};
use crate::policy::route::{Ask, TokenUse};
use crate::policy::words::Checked;

/// Compares what rules ask. Yes is proved; no may only mean that it could not be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks<'p> {
    pub guards: &'p Guards,
}

impl<'p> Asks<'p> {
    /// Whether whoever `strict` lets in, `other` lets in too. `fences` are requirements that hold beside
    /// `strict`.
    pub fn implies(self, strict: &'p Route, fences: &[&'p Requirement], other: &Route) -> bool {
        let wanted = match (&strict.ask, &other.ask) {
            (Ask::Nobody, _) | (_, Ask::Anyone) => return true,
            (_, Ask::Nobody) => return false,
            (Ask::Anyone | Ask::Require(_), Ask::Require(wanted)) => wanted,
        };
        let mut held: Vec<&Check> = fences.iter().flat_map(|fence| &fence.checks).collect();
        if let Ask::Require(requirement) = &strict.ask {
            held.extend(&requirement.checks);
        }
        let asks_for_token =
            strict.token == TokenUse::Required || held.iter().any(|check| check.needs_caller());
        let wants_token = other.token == TokenUse::Required;
        (asks_for_token || !wants_token) && self.all(&held, wanted)
    }

    fn all(self, held: &[&Check], wanted: &Requirement) -> bool {
        wanted.checks.iter().all(|check| self.one(held, check))
    }

    fn one(self, held: &[&Check], wanted: &Check) -> bool {
        match wanted {
            Check::All(parts) => parts.iter().all(|part| self.all(held, part)),
            Check::Use(_, inner) => self.all(held, inner),
            Check::Any(branches) if branches.iter().any(|branch| self.all(held, branch)) => true,
            Check::Has { .. }
            | Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_)
            | Check::Any(_)
            | Check::Not(_) => held.iter().any(|check| self.gives(check, wanted)),
        }
    }

    /// Whether one check that holds brings another with it.
    fn gives(self, check: &Check, wanted: &Check) -> bool {
        let inner = |requirement: &Requirement| {
            let checks: Vec<&Check> = requirement.checks.iter().collect();
            self.one(&checks, wanted)
        };
        match (check, wanted) {
            (Check::All(parts), _) => parts.iter().any(inner),
            (Check::Use(_, one), _) => inner(one),
            (Check::Any(branches), _) if branches.iter().all(inner) => true,
            (Check::Guard(names), Check::Guard(wanted)) => {
                names.iter().all(|name| wanted.iter().any(|wide| self.covers(*wide, *name)))
            }
            (
                Check::Has { kind, all, names },
                Check::Has { kind: wanted_kind, all: wanted_all, names: wanted },
            ) => kind == wanted_kind && has(*all, names, *wanted_all, wanted),
            _ => self.said(check) == self.said(wanted),
        }
    }

    fn said(self, check: &Check) -> String {
        Checked { check, guards: self.guards }.to_string()
    }

    /// Whether every token of one guard surely belongs to another.
    pub fn covers(self, wide: GuardName, narrow: GuardName) -> bool {
        let (wide, narrow) = match (wide, narrow) {
            (GuardName::Any, _) => return true,
            (GuardName::One(_), GuardName::Any) => return false,
            (GuardName::One(wide), GuardName::One(narrow)) if wide == narrow => return true,
            (GuardName::One(wide), GuardName::One(narrow)) => {
                (self.guards.get(wide), self.guards.get(narrow))
            }
        };
        let (Some(wide), Some(narrow)) = (wide, narrow) else { return false };
        narrow.issuers.iter().all(|issuer| wide.issuers.contains(issuer))
            && takes_all(wide.audiences.as_deref(), narrow.audiences.as_deref())
            && takes_all(wide.types.as_deref(), narrow.types.as_deref())
            && wide.claims.iter().all(|claim| narrow.claims.contains(claim))
    }
}

/// Whether a list of which one is enough, or none asked for, takes in another.
fn takes_all<T: PartialEq>(wide: Option<&[T]>, narrow: Option<&[T]>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|one| wide.contains(one)),
    }
}

/// All of some names give all, or one, of others; one of some gives one of others.
fn has(all: bool, names: &[CaptureText], wanted_all: bool, wanted: &[CaptureText]) -> bool {
    match (all || names.len() == 1, wanted_all || wanted.len() == 1) {
        (true, true) => wanted.iter().all(|name| names.contains(name)),
        (true, false) => wanted.iter().any(|name| names.contains(name)),
        (false, false) => names.iter().all(|name| wanted.contains(name)),
        (false, true) => false,
    }
}
