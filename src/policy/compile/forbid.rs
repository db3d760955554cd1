//! Forbid rules.

use crate::policy::answer;
use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{self, Document, Match};
use crate::policy::matcher::request::RequestMatch;
use crate::policy::route::{Forbid, ForbidCondition, TokenCondition};
use crate::request::Reading;

use super::caller::Families;
use super::requirement::Scope;
use super::{Places, common_captures, report_twice};

/// Compiles all forbid rules, in the order of their names.
pub(super) fn compile<'d>(
    document: &'d Document,
    scope: &mut Scope<'d>,
    families: &Families<'_>,
    reading: &Reading,
    places: &Places<'_>,
    problems: &mut Diagnostics,
) -> Vec<Forbid> {
    let is_named = |forbid: &&document::Forbid| forbid.name.at != forbid.at;
    let names = document.forbid.iter().filter(is_named).map(|forbid| (&*forbid.name.value, forbid.name.at));
    report_twice("forbid rule", names, problems);
    let mut rules: Vec<&document::Forbid> = document.forbid.iter().collect();
    rules.sort_by(|first, second| first.name.value.cmp(&second.name.value));
    rules.into_iter().map(|written| one(written, scope, families, reading, places, problems)).collect()
}

fn one<'d>(
    written: &'d document::Forbid,
    scope: &mut Scope<'d>,
    families: &Families<'_>,
    reading: &Reading,
    places: &Places<'_>,
    problems: &mut Diagnostics,
) -> Forbid {
    let condition = condition(written, reading, problems);
    let captures = common_captures(condition.matches.iter().map(|(one, _)| one));
    let mut guards = Vec::new();
    let unless = written.unless.as_ref().map(|unless| {
        let mut requirement = scope.compile(unless, &captures, problems);
        if requirement.needs_caller() {
            guards = families.settle(&mut requirement, unless.at, problems);
        }
        requirement
    });
    Forbid {
        meta: places.meta(written.name.value.clone(), written.at),
        condition,
        unless,
        look_in: families.guards.issuers_of(&guards),
        guards,
        answers: answer::compile_rule(written.on_deny.as_deref(), problems),
        shadow: written.mode.as_ref().is_some_and(|mode| &*mode.value == "shadow"),
    }
}

fn condition(written: &document::Forbid, reading: &Reading, problems: &mut Diagnostics) -> ForbidCondition {
    let mut matches = Vec::new();
    for one in &written.matches {
        let token = token_condition(one);
        matches.extend(RequestMatch::compile(one, reading, problems).into_iter().map(|found| (found, token)));
    }
    let mut except = Vec::new();
    for hole in written.except.iter().flatten() {
        if let Match::Map(map) = hole
            && let Some(token) = &map.token
        {
            problems
                .error(codes::TOKEN_IN_EXCEPT, token.at, "`token` stands in `match`, not in `except`")
                .hint("a hole in a fence is a place, not a caller; use `unless` for callers");
        }
        except.extend(RequestMatch::compile(hole, reading, problems));
    }
    for hole in &except {
        if let Some((fence, _)) = matches.iter().find(|(fence, _)| hole.covers(fence)) {
            problems
                .error(codes::HOLE_TOO_WIDE, hole.at, "this hole is as wide as the fence")
                .see(fence.at, "nothing of this is left")
                .hint("`except` is narrower than `match`: `match: /admin/**`, `except: /admin/login`");
        }
    }
    ForbidCondition { matches, except }
}

fn token_condition(written: &Match) -> TokenCondition {
    let Match::Map(map) = written else { return TokenCondition::Whatever };
    match map.token.as_ref().map(|text| &*text.value) {
        Some("present") => TokenCondition::Present,
        Some("absent") => TokenCondition::Absent,
        Some("valid") => TokenCondition::Valid,
        _ => TokenCondition::Whatever,
    }
}
