//! Requirements: names resolved, captures checked, named requirements put in place.

use std::collections::{HashMap, HashSet};

use crate::policy::condition::Condition;
use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::document::{self, Matcher, Text};
use crate::policy::guard::{GuardName, Guards};
use crate::policy::matcher::capture::CaptureText;
use crate::policy::matcher::network::{Cidrs, Principals};
use crate::policy::matcher::value::{Kind, ValueMatcher};
use crate::policy::requirement::{Check, Granted, Requirement};

use super::issuer::{claim_path, is_header_name};

/// Checks that the uses of named requirements may add up to in one rule.
const MOST_CHECKS: usize = 10_000;
/// The same for all rules of a set.
const MOST_CHECKS_OF_SET: usize = 500_000;
/// Most named requirements that stand inside of one another.
const MOST_DEPTH: usize = 32;

/// What is known when a requirement is compiled.
pub(super) struct Scope<'d> {
    /// Guards by name.
    pub guards: &'d Guards,
    /// Named requirements.
    pub named: HashMap<&'d str, &'d document::Requirement>,
    /// Names that some rule uses, or something that it uses.
    pub used: HashSet<&'d str>,
    /// Checks compiled so far.
    pub checks: usize,
    /// Those before the rule that is being compiled.
    pub before_rule: usize,
}

/// Checks with the places of their keys.
#[derive(Default)]
struct Checks(Vec<(At, Check)>);

impl Checks {
    fn add(&mut self, at: At, check: Check) {
        self.0.push((at, check));
    }

    /// In the order written: of several guards the first is the one reported.
    fn in_order(mut self) -> Vec<Check> {
        self.0.sort_by_key(|(at, _)| at.start);
        self.0.into_iter().map(|(_, check)| check).collect()
    }
}

fn first(texts: &[Text]) -> At {
    texts.first().map_or_else(At::default, |text| text.at)
}

impl<'d> Scope<'d> {
    /// Compiles one requirement for a rule with these captures.
    pub fn compile(
        &mut self,
        written: &'d document::Requirement,
        captures: &[Box<str>],
        problems: &mut Diagnostics,
    ) -> Requirement {
        self.before_rule = self.checks;
        self.inside(written, captures, &mut Vec::new(), problems)
    }

    /// Compiles what no rule uses, so that nothing invalid goes unseen. Which captures it may name cannot be
    /// known: that is judged at each use.
    pub fn compile_unused(&mut self, problems: &mut Diagnostics) {
        let mut unused: Vec<_> = self.named.iter().map(|(name, written)| (*name, *written)).collect();
        unused.retain(|(name, _)| !self.used.contains(name));
        unused.sort_by_key(|(name, _)| *name);
        for (name, written) in unused {
            // One that another of these uses has been seen there.
            if self.used.contains(name) {
                continue;
            }
            let mut apart = Diagnostics::default();
            self.before_rule = self.checks;
            self.inside(written, &[], &mut vec![name], &mut apart);
            let own = apart.problems.into_iter().filter(|problem| problem.code != codes::UNKNOWN_CAPTURE);
            problems.problems.extend(own);
        }
    }

    fn inside(
        &mut self,
        written: &'d document::Requirement,
        captures: &[Box<str>],
        using: &mut Vec<&'d str>,
        problems: &mut Diagnostics,
    ) -> Requirement {
        let mut checks = Checks::default();
        has(written, captures, &mut checks, problems);
        if let Some(names) = &written.guard {
            checks.add(first(names), Check::Guard(guard_names(self.guards, names, problems)));
        }
        values(written, captures, &mut checks, problems);
        source(written, &mut checks, problems);
        if let Some(when) = &written.when
            && let Some(condition) = Condition::compile(when, captures, problems)
        {
            checks.add(when.at, Check::When(condition));
        }
        let mut several =
            |scope: &mut Self, list: &'d [document::Requirement], problems: &mut Diagnostics| {
                list.iter().map(|one| scope.inside(one, captures, using, problems)).collect::<Vec<_>>()
            };
        if let Some(branches) = &written.any {
            let at = branches.first().map_or(written.at, |branch| branch.at);
            checks.add(at, Check::Any(several(self, branches, problems)));
        }
        if let Some(parts) = &written.all {
            let at = parts.first().map_or(written.at, |part| part.at);
            checks.add(at, Check::All(several(self, parts, problems)));
        }
        if let Some(inner) = &written.not {
            let compiled = self.inside(inner, captures, using, problems);
            checks.add(inner.at, Check::Not(Box::new(compiled)));
        }
        if let Some(name) = &written.uses
            && let Some(check) = self.used(name, captures, using, problems)
        {
            checks.add(name.at, check);
        }
        self.checks = self.checks.saturating_add(checks.0.len());
        Requirement { at: written.at, checks: checks.in_order() }
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
            let near = closest(&name.value, self.named.keys().copied());
            match (self.guards.find(&name.value), near) {
                (Some(_), _) => problem.hint(format!("it is a guard: `{{ guard: {} }}`", name.value)),
                (None, Some(near)) => problem.hint(format!("did you mean `{near}`?")),
                (None, None) => problem.hint("name it under `requirements`"),
            };
            return None;
        };
        self.used.insert(&name.value);
        // A cycle is reported where it is defined; here it only must not go on for ever.
        if using.contains(&&*name.value) {
            return None;
        }
        if using.len() >= MOST_DEPTH {
            problems
                .error(
                    codes::TOO_MANY_CHECKS,
                    name.at,
                    "named requirements use one another more than 32 deep",
                )
                .hint("write some of them out");
            return None;
        }
        if self.checks - self.before_rule > MOST_CHECKS || self.checks > MOST_CHECKS_OF_SET {
            problems
                .error(
                    codes::TOO_MANY_CHECKS,
                    name.at,
                    "the uses of named requirements add up to too many checks: 10,000 a rule, 500,000 a set",
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

fn has(
    written: &document::Requirement,
    captures: &[Box<str>],
    checks: &mut Checks,
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
        let names = list.iter().filter_map(|name| CaptureText::compile(name, captures, problems)).collect();
        checks.add(first(list), Check::Has { kind, all, names });
    }
}

fn values(
    written: &document::Requirement,
    captures: &[Box<str>],
    checks: &mut Checks,
    problems: &mut Diagnostics,
) {
    let compile = |matcher: &Matcher, kind, problems: &mut Diagnostics| {
        ValueMatcher::compile(matcher, kind, captures, problems)
    };
    if let Some(matcher) = &written.subject
        && let Some(compiled) = compile(matcher, Kind::Subject, problems)
    {
        checks.add(matcher.at(), Check::Subject(compiled));
    }
    for (path, matcher) in written.claims.iter().flatten() {
        let (claim, matcher) = (claim_path(path, problems), compile(matcher, Kind::Claim, problems));
        if let (Some(claim), Some(matcher)) = (claim, matcher) {
            checks.add(path.at, Check::Claim(claim, matcher));
        }
    }
    for (name, matcher) in written.headers.iter().flatten() {
        if !is_header_name(&name.value) {
            wrong_header(name.at, &name.value, problems);
        }
        let lower = name.value.to_ascii_lowercase().into_boxed_str();
        if let Some(matcher) = compile(matcher, Kind::Text, problems) {
            checks.add(name.at, Check::Header(lower, matcher));
        }
    }
    for (name, matcher) in written.query.iter().flatten() {
        if let Some(matcher) = compile(matcher, Kind::Text, problems) {
            checks.add(name.at, Check::Query(name.value.clone(), matcher));
        }
    }
}

fn wrong_header(at: At, name: &str, problems: &mut Diagnostics) {
    problems
        .error(codes::HEADER_NAME, at, format!("`{name}` is no header name"))
        .hint("letters, digits and hyphens: `x-tenant`");
}

fn source(written: &document::Requirement, checks: &mut Checks, problems: &mut Diagnostics) {
    let Some(source) = &written.source else { return };
    if let Some(cidrs) = &source.cidrs
        && let Some(compiled) = Cidrs::compile(cidrs, problems)
    {
        checks.add(first(cidrs), Check::Address(compiled));
    }
    if let Some(principals) = &source.principals
        && let Some(compiled) = Principals::compile(principals, problems)
    {
        checks.add(first(principals), Check::Principal(compiled));
    }
}
