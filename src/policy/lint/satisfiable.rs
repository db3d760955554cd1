//! Requirements that nobody can meet.

use serde_json::Value;

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::guard::{Guard, GuardName};
use crate::policy::matcher::capture::CaptureText;
use crate::policy::matcher::value::ValueMatcher;
use crate::policy::requirement::{Check, Granted, Requirement};
use crate::token::IssuerId;
use crate::token::claims::ClaimPath;
use crate::token::settings::Read;

use super::requirements;

/// Ways of choosing one guard of each list that are looked at; beyond them it is left open.
const MOST_WAYS: usize = 256;

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    for requirement in requirements(policy) {
        Search { policy }.requirement(requirement, &Facts::default(), problems);
    }
}

/// What has to hold together.
#[derive(Clone, Default)]
struct Facts<'r> {
    guards: Vec<&'r [GuardName]>,
    claims: Vec<(&'r ClaimPath, &'r ValueMatcher)>,
    granted: Vec<(Granted, bool, &'r [CaptureText])>,
}

impl<'r> Facts<'r> {
    fn add(&mut self, requirement: &'r Requirement) {
        for check in &requirement.checks {
            match check {
                Check::Guard(names) => self.guards.push(names),
                Check::Claim(path, matcher) => self.claims.push((path, matcher)),
                Check::Has { kind, all, names } => self.granted.push((*kind, *all, names)),
                Check::All(parts) => {
                    for part in parts {
                        self.add(part);
                    }
                }
                Check::Use(_, inner) => self.add(inner),
                Check::Subject(_)
                | Check::Address(_)
                | Check::Principal(_)
                | Check::Header(..)
                | Check::Query(..)
                | Check::When(_)
                | Check::Any(_)
                | Check::Not(_) => {}
            }
        }
    }
}

struct Search<'p> {
    policy: &'p Policy,
}

impl<'p> Search<'p> {
    /// Reports the outermost part that nobody can meet.
    fn requirement(
        &self,
        requirement: &'p Requirement,
        outer: &Facts<'p>,
        problems: &mut Diagnostics,
    ) -> bool {
        let mut facts = outer.clone();
        facts.add(requirement);
        if let Some(cause) = self.contradiction(&facts) {
            warn(requirement.at, &cause, problems);
            return false;
        }
        self.inner(requirement, &facts, problems)
    }

    fn inner(&self, requirement: &'p Requirement, facts: &Facts<'p>, problems: &mut Diagnostics) -> bool {
        let mut holds = true;
        for check in &requirement.checks {
            match check {
                Check::Any(branches) => {
                    let met =
                        branches.iter().filter(|branch| self.requirement(branch, facts, problems)).count();
                    holds &= met > 0;
                }
                Check::All(parts) => {
                    for part in parts {
                        holds &= self.inner(part, facts, problems);
                    }
                }
                Check::Use(_, used) => holds &= self.inner(used, facts, problems),
                Check::Has { .. }
                | Check::Guard(_)
                | Check::Subject(_)
                | Check::Claim(..)
                | Check::Address(_)
                | Check::Principal(_)
                | Check::Header(..)
                | Check::Query(..)
                | Check::When(_)
                | Check::Not(_) => {}
            }
        }
        holds
    }

    /// Why these cannot hold together, if they cannot for any choice of guards.
    fn contradiction(&self, facts: &Facts<'p>) -> Option<String> {
        let mut ways: Vec<Vec<&Guard>> = vec![Vec::new()];
        for names in &facts.guards {
            if names.contains(&GuardName::Any) {
                continue;
            }
            let guards: Vec<&Guard> = names
                .iter()
                .filter_map(|name| match name {
                    GuardName::Any => None,
                    GuardName::One(id) => self.policy.guards.get(*id),
                })
                .collect();
            if ways.len().saturating_mul(guards.len()) > MOST_WAYS {
                return None;
            }
            let extended = ways.iter().flat_map(|way| {
                guards.iter().map(move |guard| way.iter().copied().chain([*guard]).collect::<Vec<_>>())
            });
            ways = extended.collect();
        }
        let mut cause = None;
        for way in &ways {
            cause = Some(self.conflict(way, facts)?);
        }
        cause
    }

    fn conflict(&self, guards: &[&Guard], facts: &Facts<'p>) -> Option<String> {
        let all = (0..self.policy.issuers.len()).filter_map(|index| u16::try_from(index).ok().map(IssuerId));
        let issuers: Vec<IssuerId> =
            all.filter(|issuer| guards.iter().all(|guard| guard.issuers.contains(issuer))).collect();
        if issuers.is_empty() && !guards.is_empty() {
            let names: Vec<&str> = guards.iter().map(|guard| &*guard.name).collect();
            return Some(format!("no token belongs to {} at once", names.join(" and ")));
        }
        let of_guards =
            guards.iter().flat_map(|guard| guard.claims.iter().map(|(path, matcher)| (path, matcher)));
        let claims: Vec<_> = of_guards.chain(facts.claims.iter().copied()).collect();
        for (index, (path, matcher)) in claims.iter().enumerate() {
            let earlier = claims.iter().take(index).filter(|(known, _)| known == path);
            for (_, other) in earlier {
                if matcher.excludes(other) {
                    return Some(format!("claim `{path}` cannot satisfy both `{other}` and `{matcher}`"));
                }
            }
        }
        let mut causes = issuers.iter().map(|issuer| self.lacks(*issuer, &claims, facts));
        let first = causes.next()?;
        causes.all(|cause| cause.is_some()).then_some(first)?
    }

    /// What a token of this issuer can never be granted.
    fn lacks(
        &self,
        issuer: IssuerId,
        claims: &[(&ClaimPath, &ValueMatcher)],
        facts: &Facts<'p>,
    ) -> Option<String> {
        let settings = self.policy.issuers.get(usize::from(issuer.0))?;
        for (kind, all, names) in &facts.granted {
            let word = kind.word();
            let paths = paths(&settings.read, *kind);
            if paths.is_empty() {
                return Some(format!(
                    "tokens of `{}` hold no {word}s: `read` names no claim for them",
                    settings.name
                ));
            }
            let exactly = |path: &ClaimPath| {
                let mut of_path = claims.iter().filter(|(known, _)| *known == path);
                of_path.find_map(|(_, matcher)| matcher.only_value()).map(|value| granted(*kind, &value))
            };
            let Some(held) = paths.iter().map(exactly).collect::<Option<Vec<_>>>() else { continue };
            let held = held.concat();
            let is_there =
                |name: &CaptureText| name.literal().is_none_or(|name| held.iter().any(|one| one == name));
            let possible = if *all { names.iter().all(is_there) } else { names.iter().any(is_there) };
            let wildcard = settings.scope_wildcard.as_deref().filter(|_| *kind == Granted::Scopes);
            if !possible && wildcard.is_none_or(|wildcard| !held.iter().any(|one| one == wildcard)) {
                return Some(format!("the guard says that the {word}s are just `{}`", held.join(" ")));
            }
        }
        None
    }
}

fn paths(read: &Read, kind: Granted) -> &[ClaimPath] {
    match kind {
        Granted::Scopes => &read.scopes,
        Granted::Roles => &read.roles,
        Granted::Groups => &read.groups,
        Granted::Permissions => &read.permissions,
    }
}

/// What a claim of this value grants.
fn granted(kind: Granted, value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if kind == Granted::Scopes => text.split(' ').map(str::to_owned).collect(),
        Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            value.as_str().map(str::to_owned).into_iter().collect()
        }
    }
}

fn warn(at: At, cause: &str, problems: &mut Diagnostics) {
    problems
        .warning(codes::NEVER_HOLDS, at, format!("nobody can meet this: {cause}"))
        .hint("change it, or say `allow: nobody` if that is meant");
}
