//! Routes.

use std::collections::HashSet;

use crate::policy::answer;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::document::{self, Document};
use crate::policy::guard::GuardName;
use crate::policy::matcher::request::RequestMatch;
use crate::policy::requirement::{Check, Requirement};
use crate::policy::route::{Ask, Route, TokenUse};
use crate::policy::upstream;
use crate::request::Reading;

use super::caller::Families;
use super::requirement::{Scope, guard_names};
use super::{Places, common_captures, report_twice, settings, words};

/// Compiles all routes, in the order of their names, each with its matches.
pub(super) fn compile<'d>(
    document: &'d Document,
    scope: &mut Scope<'d>,
    families: &Families<'_>,
    reading: &Reading,
    places: &Places<'_>,
    problems: &mut Diagnostics,
) -> Vec<(Route, Vec<RequestMatch>)> {
    let mut routes: Vec<_> = document.routes.iter().map(|route| (name(route), route)).collect();
    report_names(&routes, problems);
    routes.sort_by(|(first, _), (second, _)| first.cmp(second));
    let mut compiler = Compiler { document, scope, families, reading, places, problems };
    routes.into_iter().map(|(name, route)| compiler.route(name, route)).collect()
}

/// Two routes without a name whose matches are the same text are reported where they overlap.
fn report_names(routes: &[(Box<str>, &document::Route)], problems: &mut Diagnostics) {
    let is_text = |one: &document::Match| matches!(one, document::Match::Text(_));
    let mut texts: HashSet<&str> = HashSet::new();
    let named = routes.iter().filter(|(name, route)| {
        let says_its_match = route.name.is_none() && route.matches.iter().all(is_text);
        !route.matches.is_empty() && (!says_its_match || texts.insert(name))
    });
    report_twice("route", named.map(|(name, route)| (&**name, route.at)), problems);
}

fn is_shadow(route: &document::Route) -> bool {
    route.mode.as_ref().is_some_and(|mode| &*mode.value == "shadow")
}

fn name(route: &document::Route) -> Box<str> {
    if let Some(name) = &route.name {
        return name.value.clone();
    }
    let said: Vec<String> = route.matches.iter().map(words).collect();
    let suffix = if is_shadow(route) { " (shadow)" } else { "" };
    format!("{}{suffix}", said.join(", ")).into()
}

struct Compiler<'c, 'd, 'f> {
    document: &'d Document,
    scope: &'c mut Scope<'d>,
    families: &'c Families<'f>,
    reading: &'c Reading,
    places: &'c Places<'c>,
    problems: &'c mut Diagnostics,
}

impl<'d> Compiler<'_, 'd, '_> {
    fn route(&mut self, name: Box<str>, written: &'d document::Route) -> (Route, Vec<RequestMatch>) {
        let paths = written.paths.as_ref();
        let of_set = self.document.paths.as_ref();
        let admits_semicolons = settings::admits_semicolons(paths) || settings::admits_semicolons(of_set);
        let admits_scripts = settings::admits_scripts(paths) || settings::admits_scripts(of_set);
        let reading = Reading {
            admit_semicolons: admits_semicolons,
            admit_scripts: admits_scripts,
            ..self.reading.clone()
        };
        let matches: Vec<RequestMatch> = written
            .matches
            .iter()
            .flat_map(|one| RequestMatch::compile(one, &reading, self.problems))
            .collect();
        let captures = common_captures(matches.iter());
        let (ask, token, guards) = self.ask(written, &captures);
        let look_in = match token {
            TokenUse::Ignored => Vec::new(),
            TokenUse::Required | TokenUse::Optional => self.families.guards.issuers_of(&guards),
        };
        let defaults = self.document.defaults.as_ref().and_then(|defaults| defaults.upstream.as_ref());
        let route = Route {
            meta: self.places.meta(name, written.at),
            ask,
            token,
            guards,
            look_in,
            admits_encoded_slashes: settings::admits_encoded_slashes(paths)
                || settings::admits_encoded_slashes(of_set),
            admits_semicolons,
            admits_scripts,
            upstream: upstream::compile(defaults, written.upstream.as_ref(), &captures, self.problems),
            answers: answer::compile_rule(written.on_deny.as_deref(), self.problems),
            shadow: is_shadow(written),
            loosens: written.loosens.as_ref().filter(|flag| flag.value).map(|flag| flag.at),
        };
        (route, matches)
    }

    fn ask(
        &mut self,
        written: &'d document::Route,
        captures: &[Box<str>],
    ) -> (Ask, TokenUse, Vec<GuardName>) {
        match (&written.allow, &written.require) {
            (Some(_), Some(_)) => {
                self.wrong(written.at, "a route has `allow` and `require`", "keep one of them");
            }
            (None, None) => self.wrong(
                written.at,
                "a route says neither `allow` nor `require`",
                "say what it asks: `require: { scopes: […] }`, or `allow: anyone`",
            ),
            (Some(allow), None) => return self.allow(written, &allow.value),
            (None, Some(require)) => {
                let mut requirement = self.scope.compile(require, captures, self.problems);
                self.add_guard(written, &mut requirement);
                return self.require(written, requirement);
            }
        }
        (Ask::Nobody, TokenUse::Ignored, Vec::new())
    }

    fn allow(&mut self, written: &'d document::Route, word: &str) -> (Ask, TokenUse, Vec<GuardName>) {
        let token = written.token.as_ref().map(|text| &*text.value);
        if word == "authenticated" {
            let mut requirement = Requirement { at: written.at, ..Requirement::default() };
            self.add_guard(written, &mut requirement);
            if matches!(token, Some("optional" | "ignored")) {
                self.contradiction(written, "`allow: authenticated` needs a token");
            }
            let guards = self.families.settle_authenticated(&mut requirement, written.at, self.problems);
            return (Ask::Require(requirement), TokenUse::Required, guards);
        }
        if matches!(token, Some("required" | "optional")) {
            self.contradiction(written, &format!("`allow: {word}` looks at no token"));
        }
        if let Some(guard) = written.guard.as_ref().and_then(|names| names.first()) {
            self.problems
                .error(codes::TOKEN_CONTRADICTION, guard.at, format!("`allow: {word}` asks for no guard"))
                .hint("remove `guard`, or say `allow: authenticated`");
        }
        let ask = if word == "anyone" { Ask::Anyone } else { Ask::Nobody };
        (ask, TokenUse::Ignored, Vec::new())
    }

    fn require(
        &mut self,
        written: &document::Route,
        mut requirement: Requirement,
    ) -> (Ask, TokenUse, Vec<GuardName>) {
        let token = written.token.as_ref().map(|text| &*text.value);
        let needs_caller = requirement.needs_caller();
        if token == Some("ignored") {
            if needs_caller {
                self.contradiction(written, "`token: ignored` with a requirement that needs a caller");
            }
            return (Ask::Require(requirement), TokenUse::Ignored, Vec::new());
        }
        if !needs_caller && token.is_none() {
            return (Ask::Require(requirement), TokenUse::Ignored, Vec::new());
        }
        let can_do_without = requirement.without_caller().yes;
        let guards = if needs_caller {
            self.families.settle(&mut requirement, written.at, self.problems)
        } else {
            let named = self.families.unnamed(written.at, self.problems);
            if token == Some("required") {
                requirement.checks.insert(0, Check::Guard(named.clone()));
            }
            named
        };
        let token = match token {
            Some("required") => TokenUse::Required,
            Some("optional") => TokenUse::Optional,
            _ if can_do_without => TokenUse::Optional,
            _ => TokenUse::Required,
        };
        (Ask::Require(requirement), token, guards)
    }

    fn add_guard(&mut self, written: &document::Route, requirement: &mut Requirement) {
        if let Some(names) = &written.guard {
            let is_first = names.iter().all(|name| name.at.start < requirement.at.start);
            let check = Check::Guard(guard_names(self.families.guards, names, self.problems));
            let place = if is_first { 0 } else { requirement.checks.len() };
            requirement.checks.insert(place, check);
        }
    }

    fn contradiction(&mut self, written: &document::Route, message: &str) {
        let at = written.token.as_ref().map_or(written.at, |text| text.at);
        self.problems
            .error(codes::TOKEN_CONTRADICTION, at, message)
            .hint("remove `token`, or change what is asked");
    }

    fn wrong(&mut self, at: At, message: &str, hint: &str) {
        self.problems.error(codes::ALLOW_OR_REQUIRE, at, message).hint(hint);
    }
}
