//! Requirements: names resolved, captures checked, named requirements put in place.

use std::collections::HashMap;

use crate::policy::condition::Condition;
use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::document::{self, Matcher, Text};
use crate::policy::guard::{GuardName, Guards};
use crate::policy::matcher::capture::CaptureText;
use crate::policy::matcher::network::{Cidrs, Principals};
use crate::policy::matcher::value::{Kind, ValueMatcher};
use crate::policy::requirement::{Check, Granted, Requirement};

use super::issuer::{claim_path, is_header_name};

/// Checks that all uses of named requirements may add up to in a set.
const MOST_CHECKS: usize = 1_000_000;

/// What is known when a requirement is compiled.
pub(super) struct Scope<'d> {
    /// Guards by name.
    pub guards: &'d Guards,
    /// Named requirements.
    pub named: HashMap<&'d str, &'d document::Requirement>,
    /// Checks compiled so far.
    pub checks: usize,
}

impl<'d> Scope<'d> {
    /// Compiles one requirement for a rule with these captures.
    pub fn compile(
        &mut self,
        written: &'d document::Requirement,
        captures: &[Box<str>],
        problems: &mut Diagnostics,
    ) -> Requirement {
        self.inside(written, captures, &mut Vec::new(), problems)
    }

    fn inside(
        &mut self,
        written: &'d document::Requirement,
        captures: &[Box<str>],
        using: &mut Vec<&'d str>,
        problems: &mut Diagnostics,
    ) -> Requirement {
        let mut checks = Vec::new();
        self.has(written, captures, &mut checks, problems);
        if let Some(names) = &written.guard {
            checks.push(Check::Guard(guard_names(self.guards, names, problems)));
        }
        values(written, captures, &mut checks, problems);
        source(written, &mut checks, problems);
        if let Some(when) = &written.when {
            checks.extend(Condition::compile(when, captures, problems).map(Check::When));
        }
        let mut several =
            |scope: &mut Self, list: &'d [document::Requirement], problems: &mut Diagnostics| {
                list.iter().map(|one| scope.inside(one, captures, using, problems)).collect::<Vec<_>>()
            };
        if let Some(branches) = &written.any {
            checks.push(Check::Any(several(self, branches, problems)));
        }
        if let Some(parts) = &written.all {
            checks.push(Check::All(several(self, parts, problems)));
        }
        if let Some(inner) = &written.not {
            checks.push(Check::Not(Box::new(self.inside(inner, captures, using, problems))));
        }
        if let Some(name) = &written.uses {
            checks.extend(self.used(name, captures, using, problems));
        }
        self.checks = self.checks.saturating_add(checks.len());
        Requirement { at: written.at, checks }
    }

    fn has(
        &self,
        written: &document::Requirement,
        captures: &[Box<str>],
        checks: &mut Vec<Check>,
        problems: &mut Diagnostics,
    ) {
        let lists = [
            (Granted::Scopes, true, &written.scopes),
            (Granted::Scopes, false, &written.any_scope),
            (Granted::Roles, true, &written.roles),
            (Granted::Roles, false, &written.any_role),
            (Granted::Groups, true, &written.groups),
            (Granted::Groups, false, &written.any_group),
            (Granted::Permissions, true, &written.permissions),
            (Granted::Permissions, false, &written.any_permission),
        ];
        for (kind, all, list) in lists {
            let Some(list) = list else { continue };
            let names =
                list.iter().filter_map(|name| CaptureText::compile(name, captures, problems)).collect();
            checks.push(Check::Has { kind, all, names });
        }
    }

    fn used(
        &mut self,
        name: &'d Text,
        captures: &[Box<str>],
        using: &mut Vec<&'d str>,
        problems: &mut Diagnostics,
    ) -> Option<Check> {
        let Some(written) = self.named.get(&*name.value).copied() else {
            let problem = problems.error(
                codes::UNKNOWN_REQUIREMENT,
                name.at,
                format!("there is no requirement `{}`", name.value),
            );
            match closest(&name.value, self.named.keys().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("name it under `requirements`"),
            };
            return None;
        };
        // A cycle is reported where it is defined; here it only must not go on for ever.
        if using.contains(&&*name.value) {
            return None;
        }
        if self.checks > MOST_CHECKS {
            problems
                .error(
                    codes::TOO_MANY_CHECKS,
                    name.at,
                    "the uses of named requirements add up to over a million checks",
                )
                .hint("use fewer levels of `use`");
            return None;
        }
        using.push(&name.value);
        let inner = self.inside(written, captures, using, problems);
        using.pop();
        Some(Check::Use(name.value.clone(), Box::new(inner)))
    }
}

/// Resolves guard names; `any` stands alone.
pub(super) fn guard_names(guards: &Guards, names: &[Text], problems: &mut Diagnostics) -> Vec<GuardName> {
    let mut found = Vec::new();
    for name in names {
        if &*name.value == "any" {
            if names.len() > 1 {
                problems
                    .error(codes::ANY_BESIDE_OTHERS, name.at, "`any` stands beside other guards")
                    .hint("`any` means every token that verifies: write it alone, or leave it out");
            }
            found.push(GuardName::Any);
            continue;
        }
        match guards.find(&name.value) {
            Some(id) => found.push(GuardName::One(id)),
            None => unknown_guard(guards, name, problems),
        }
    }
    found
}

fn unknown_guard(guards: &Guards, name: &Text, problems: &mut Diagnostics) {
    let problem = problems.error(
        codes::UNKNOWN_GUARD,
        name.at,
        format!("there is no guard or issuer `{}`", name.value),
    );
    match closest(&name.value, guards.names()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("declare it under `guards` or `issuers`"),
    };
}

fn values(
    written: &document::Requirement,
    captures: &[Box<str>],
    checks: &mut Vec<Check>,
    problems: &mut Diagnostics,
) {
    let compile = |matcher: &Matcher, kind, problems: &mut Diagnostics| {
        ValueMatcher::compile(matcher, kind, captures, problems)
    };
    if let Some(matcher) = &written.subject {
        checks.extend(compile(matcher, Kind::Claim, problems).map(Check::Subject));
    }
    for (path, matcher) in written.claims.iter().flatten() {
        let (path, matcher) = (claim_path(path, problems), compile(matcher, Kind::Claim, problems));
        checks.extend(path.zip(matcher).map(|(path, matcher)| Check::Claim(path, matcher)));
    }
    for (name, matcher) in written.headers.iter().flatten() {
        if !is_header_name(&name.value) {
            wrong_header(name.at, &name.value, problems);
        }
        let lower = name.value.to_ascii_lowercase().into_boxed_str();
        checks.extend(compile(matcher, Kind::Text, problems).map(|matcher| Check::Header(lower, matcher)));
    }
    for (name, matcher) in written.query.iter().flatten() {
        let compiled = compile(matcher, Kind::Text, problems);
        checks.extend(compiled.map(|matcher| Check::Query(name.value.clone(), matcher)));
    }
}

fn wrong_header(at: At, name: &str, problems: &mut Diagnostics) {
    problems
        .error(codes::HEADER_NAME, at, format!("`{name}` is no header name"))
        .hint("letters, digits and hyphens: `x-tenant`");
}

fn source(written: &document::Requirement, checks: &mut Vec<Check>, problems: &mut Diagnostics) {
    let Some(source) = &written.source else { return };
    if let Some(cidrs) = &source.cidrs {
        checks.extend(Cidrs::compile(cidrs, problems).map(Check::Address));
    }
    if let Some(principals) = &source.principals {
        checks.extend(Principals::compile(principals, problems).map(Check::Principal));
    }
}

/// Reports every cycle of `use` once, at the first of its definitions.
pub(super) fn report_cycles(named: &[(Text, document::Requirement)], problems: &mut Diagnostics) {
    let uses: HashMap<&str, Vec<&str>> = named
        .iter()
        .map(|(name, requirement)| {
            let mut found = Vec::new();
            collect_uses(requirement, &mut found);
            (&*name.value, found)
        })
        .collect();
    for (name, _) in named {
        let mut way = vec![&*name.value];
        if leads_back(&uses, &mut way, &mut Vec::new()) && way.iter().min() == Some(&&*name.value) {
            way.push(&name.value);
            problems
                .error(
                    codes::CYCLE,
                    name.at,
                    format!("requirement `{}` uses itself: {}", name.value, way.join(" → ")),
                )
                .hint("break the circle: write one of them out");
        }
    }
}

/// Whether following `use` from the end of `way` comes back to its beginning; `way` is then the circle.
fn leads_back<'d>(
    uses: &HashMap<&'d str, Vec<&'d str>>,
    way: &mut Vec<&'d str>,
    seen: &mut Vec<&'d str>,
) -> bool {
    let (Some(first), Some(last)) = (way.first().copied(), way.last().copied()) else { return false };
    for next in uses.get(last).into_iter().flatten() {
        if *next == first {
            return true;
        }
        if seen.contains(next) {
            continue;
        }
        seen.push(next);
        way.push(next);
        if leads_back(uses, way, seen) {
            return true;
        }
        way.pop();
    }
    false
}

fn collect_uses<'d>(requirement: &'d document::Requirement, found: &mut Vec<&'d str>) {
    found.extend(requirement.uses.as_ref().map(|name| &*name.value));
    let branches = requirement.any.iter().flatten().chain(requirement.all.iter().flatten());
    for inner in branches.chain(requirement.not.as_deref()) {
        collect_uses(inner, found);
    }
}
