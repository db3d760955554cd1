//! Rules, guards and named requirements, changed in one place.

use crate::policy::Policy;
use crate::policy::compile::words as match_words;
use crate::policy::diagnostic::At;
use crate::policy::document::{Document, Forbid, Guard, Match, Matcher, Route, Text};

use super::guards::Names;
use super::keys::asks_for_a_caller;
use super::requirement::{changed, fewer_operands};
use super::template::widened;
use super::words::{list, matcher};
use super::{Change, Mutant, Operator, Piece};

fn is_shadow(mode: Option<&Text>) -> bool {
    mode.is_some_and(|mode| &*mode.value == "shadow")
}

/// A list of a guard: its name, and the way to it.
type Key = (&'static str, fn(&Guard) -> &Option<Vec<Text>>, fn(&mut Guard) -> &mut Option<Vec<Text>>);
const AUDIENCES: Key = ("audiences", |guard| &guard.audiences, |guard| &mut guard.audiences);
const TYPES: Key = ("types", |guard| &guard.types, |guard| &mut guard.types);

/// What a guard asks of its tokens.
pub(super) fn of_guards(document: &Document, found: &mut Vec<Mutant>) {
    for (index, guard) in document.guards.iter().enumerate() {
        let mut add = |other: Guard, change| {
            let owner = format!("guard {}", guard.name.value);
            found.push(Mutant { change, owner, piece: Piece::Guard(index, Box::new(other)) });
        };
        let claims = guard.claims.as_deref().unwrap_or_default();
        for (place, (name, one)) in claims.iter().enumerate() {
            let shown = |one: &Matcher| format!("claims: {{ {}: {} }}", name.value, matcher(one));
            let mut left = claims.to_vec();
            left.remove(place);
            let other = Guard { claims: Some(left).filter(|left| !left.is_empty()), ..guard.clone() };
            add(other, change(Operator::DropKey, name.at, shown(one), None));
            for fewer in fewer_operands(one) {
                let change = change(Operator::DropElement, one.at(), shown(one), Some(shown(&fewer)));
                let mut claims = claims.to_vec();
                if let Some((_, slot)) = claims.get_mut(place) {
                    *slot = fewer;
                }
                add(Guard { claims: Some(claims), ..guard.clone() }, change);
            }
        }
        for (key, get, slot) in [AUDIENCES, TYPES] {
            let Some(names) = get(guard) else { continue };
            let at = names.first().map_or(guard.name.at, |first| first.at);
            let before = format!("{key}: {}", list(names));
            let mut other = guard.clone();
            *slot(&mut other) = None;
            add(other, change(Operator::DropKey, at, before.clone(), None));
            for (place, name) in names.iter().enumerate().filter(|_| names.len() > 1) {
                let mut left = names.clone();
                left.remove(place);
                let after = Some(format!("{key}: {}", list(&left)));
                let mut other = guard.clone();
                *slot(&mut other) = Some(left);
                add(other, change(Operator::DropElement, name.at, before.clone(), after));
            }
        }
    }
}

pub(super) fn of_requirements(document: &Document, guards: &Names<'_>, found: &mut Vec<Mutant>) {
    for (index, (name, written)) in document.requirements.iter().enumerate() {
        // Where nothing is left, dropping its uses says the same.
        changed(written, guards, &mut |other, change| {
            let Some(other) = other else { return };
            let owner = format!("requirement {}", name.value);
            found.push(Mutant { change, owner, piece: Piece::Requirement(index, Box::new(other)) });
        });
    }
}

pub(super) fn of_forbids(document: &Document, guards: &Names<'_>, found: &mut Vec<Mutant>) {
    for (index, forbid) in document.forbid.iter().enumerate().filter(|(_, one)| !is_shadow(one.mode.as_ref()))
    {
        let name = &forbid.name.value;
        let mut push = |piece, change| {
            found.push(Mutant { change, owner: format!("forbid rule {name}"), piece });
        };
        let gone = change(Operator::OpenForbid, forbid.at, format!("forbid: {name}"), None);
        push(Piece::NoForbid(index, None), gone);
        let mut add = |other: Forbid, change| push(Piece::Forbid(index, Box::new(other)), change);
        for (left, change) in fewer_matches(&forbid.matches) {
            add(Forbid { matches: left, ..forbid.clone() }, change);
        }
        if let Some(holes) = &forbid.except {
            for (place, hole) in holes.iter().enumerate() {
                let mut left = holes.clone();
                left.remove(place);
                let operator = if left.is_empty() { Operator::DropKey } else { Operator::DropElement };
                let change = change(operator, place_of(hole), format!("except: {}", match_words(hole)), None);
                let except = Some(left).filter(|left| !left.is_empty());
                add(Forbid { except, ..forbid.clone() }, change);
                if let Some((wider, change)) = widened(hole) {
                    let mut holes = holes.clone();
                    if let Some(slot) = holes.get_mut(place) {
                        *slot = wider;
                    }
                    add(Forbid { except: Some(holes), ..forbid.clone() }, change);
                }
            }
        }
        if let Some(unless) = &forbid.unless {
            let before = format!("unless: {}", super::words::requirement(unless));
            let closed = change(Operator::DropKey, unless.at, before, None);
            add(Forbid { unless: None, ..forbid.clone() }, closed);
            // An `unless` of which nothing is left lifts the rule for everybody: that is the rule left out.
            changed(unless, guards, &mut |other, change| {
                if other.is_some() {
                    add(Forbid { unless: other, ..forbid.clone() }, change);
                }
            });
        }
    }
}

pub(super) fn of_routes(document: &Document, policy: &Policy, guards: &Names<'_>, found: &mut Vec<Mutant>) {
    let by_place: std::collections::HashMap<At, &crate::policy::Route> =
        policy.routes.iter().map(|route| (route.meta.at, route)).collect();
    for (index, route) in document.routes.iter().enumerate().filter(|(_, one)| !is_shadow(one.mode.as_ref()))
    {
        let Some(compiled) = by_place.get(&route.at) else { continue };
        let name = &compiled.meta.name;
        let mut add = |other: Route, change| {
            let owner = format!("route {name}");
            found.push(Mutant { change, owner, piece: Piece::Route(index, Box::new(other)) });
        };
        // A rule keeps its name, or tests that say it would notice nothing else.
        let renamed = Text { value: name.clone(), at: route.at };
        let named = || Route { name: Some(renamed.clone()), ..route.clone() };
        for (matches, change) in fewer_matches(&route.matches) {
            add(Route { matches, ..named() }, change);
        }
        for (place, one) in route.matches.iter().enumerate() {
            let Some((wider, change)) = widened(one) else { continue };
            let mut matches = route.matches.clone();
            if let Some(slot) = matches.get_mut(place) {
                *slot = wider;
            }
            add(Route { matches, ..named() }, change);
        }
        if let Some(names) = &route.guard {
            guards.changed(names, &mut |guard, change| {
                add(Route { guard: Some(guard), ..route.clone() }, change);
            });
        }
        if let Some(require) = &route.require {
            let asks = route.guard.is_some() || asks_for_a_caller(require);
            changed(require, guards, &mut |other, change| {
                add(asking(route, other, asks), change);
            });
        }
    }
}

/// A route of whose requirement nothing is left lets in every caller of its guard, or everyone.
fn asking(route: &Route, require: Option<crate::policy::document::Requirement>, asks: bool) -> Route {
    if require.is_some() {
        return Route { require, ..route.clone() };
    }
    let word = if asks { "authenticated" } else { "anyone" };
    let allow = Some(Text { value: word.into(), at: route.at });
    Route { allow, require: None, token: None, ..route.clone() }
}

pub(super) fn of_default_guard(document: &Document, guards: &Names<'_>, found: &mut Vec<Mutant>) {
    let Some(names) = document.defaults.as_ref().and_then(|defaults| defaults.guard.as_ref()) else { return };
    guards.changed(names, &mut |names, change| {
        found.push(Mutant { change, owner: "defaults".to_owned(), piece: Piece::DefaultGuard(names) });
    });
}

/// The matches without each one of them, where one is left.
fn fewer_matches(matches: &[Match]) -> Vec<(Vec<Match>, Change)> {
    let of = |(index, one): (usize, &Match)| {
        let mut left = matches.to_vec();
        left.remove(index);
        let before = format!("match: {}", match_words(one));
        (left, change(Operator::DropElement, place_of(one), before, None))
    };
    matches.iter().enumerate().filter(|_| matches.len() > 1).map(of).collect()
}

fn place_of(one: &Match) -> At {
    match one {
        Match::Text(text) => text.at,
        Match::Map(map) => map.at,
    }
}

fn change(operator: Operator, at: At, before: String, after: Option<String>) -> Change {
    Change { operator, at, before, after }
}
