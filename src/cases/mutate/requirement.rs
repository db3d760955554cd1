//! Requirements, changed in one place.

use crate::policy::document::{Matcher, Operand, Requirement, Text};

use super::guards::Names;
use super::keys::{ALL_AND_ANY, LISTS, MAPS, count, of_source};
use super::words::{self, list, matcher};
use super::{Change, Operator};

/// Where a changed requirement goes. `None`: nothing is left of it.
pub(super) type Found<'f> = dyn FnMut(Option<Requirement>, Change) + 'f;

/// Every way to change a requirement in one place.
pub(super) fn changed(written: &Requirement, guards: &Names<'_>, found: &mut Found<'_>) {
    lists(written, guards, found);
    matchers(written, found);
    source(written, found);
    if let Some(when) = &written.when {
        let change = dropped(when.at, format!("when: {}", when.value));
        drop_key(written, |one| one.when = None, change, found);
    }
    if let Some(name) = &written.uses {
        let change = dropped(name.at, format!("use: {}", name.value));
        drop_key(written, |one| one.uses = None, change, found);
    }
    several(written, guards, found);
    all_to_any(written, found);
}

fn dropped(at: crate::policy::diagnostic::At, before: String) -> Change {
    Change { operator: Operator::DropKey, at, before, after: None }
}

fn drop_key(
    written: &Requirement,
    remove: impl FnOnce(&mut Requirement),
    change: Change,
    found: &mut Found<'_>,
) {
    let is_last = count(written) == 1;
    let mut without = written.clone();
    remove(&mut without);
    found((!is_last).then_some(without), change);
}

/// Gives the list without each of its elements, where one is left.
fn fewer<T: Clone>(all: &[T]) -> impl Iterator<Item = (&T, Vec<T>)> {
    let of = |(index, one)| {
        let mut fewer = all.to_vec();
        fewer.remove(index);
        (one, fewer)
    };
    all.iter().enumerate().filter(|_| all.len() > 1).map(of)
}

fn lists(written: &Requirement, guards: &Names<'_>, found: &mut Found<'_>) {
    for key in LISTS {
        let Some(names) = (key.get)(written) else { continue };
        if key.name == "guard" {
            guards.changed(names, &mut |names, change| {
                let mut other = written.clone();
                *(key.set)(&mut other) = Some(names);
                found(Some(other), change);
            });
            continue;
        }
        let before = format!("{}: {}", key.name, list(names));
        let at = names.first().map_or(written.at, |first| first.at);
        drop_key(written, |one| *(key.set)(one) = None, dropped(at, before.clone()), found);
        for (name, fewer) in fewer(names) {
            let after = Some(format!("{}: {}", key.name, list(&fewer)));
            let mut other = written.clone();
            *(key.set)(&mut other) = Some(fewer);
            found(Some(other), element(name, before.clone(), after));
        }
    }
}

fn element(name: &Text, before: String, after: Option<String>) -> Change {
    Change { operator: Operator::DropElement, at: name.at, before, after }
}

fn matchers(written: &Requirement, found: &mut Found<'_>) {
    if let Some(one) = &written.subject {
        let change = dropped(one.at(), format!("subject: {}", matcher(one)));
        drop_key(written, |other| other.subject = None, change, found);
        for fewer in fewer_operands(one) {
            let change = operand(one, format!("subject: {}", matcher(&fewer)), "subject: ");
            found(Some(Requirement { subject: Some(fewer), ..written.clone() }), change);
        }
    }
    for key in MAPS {
        let entries = (key.get)(written).as_deref().unwrap_or_default();
        for (index, (name, one)) in entries.iter().enumerate() {
            let before = format!("{}: {{ {}: ", key.name, name.value);
            let remove = |other: &mut Requirement| {
                let slot = (key.set)(other);
                if let Some(left) = slot {
                    left.remove(index);
                }
                *slot = slot.take().filter(|left| !left.is_empty());
            };
            let change = dropped(name.at, format!("{before}{} }}", matcher(one)));
            drop_key(written, remove, change, found);
            for fewer in fewer_operands(one) {
                let mut other = written.clone();
                let change = operand(one, format!("{before}{} }}", matcher(&fewer)), &before);
                if let Some((_, slot)) = (key.set)(&mut other).as_mut().and_then(|left| left.get_mut(index)) {
                    *slot = fewer;
                }
                found(Some(other), change);
            }
        }
    }
}

fn operand(one: &Matcher, after: String, before: &str) -> Change {
    let end = if before.contains('{') { " }" } else { "" };
    let before = format!("{before}{}{end}", matcher(one));
    Change { operator: Operator::DropElement, at: one.at(), before, after: Some(after) }
}

/// The matcher without each element of its list.
pub(super) fn fewer_operands(one: &Matcher) -> Vec<Matcher> {
    match one {
        Matcher::Scalar(_) | Matcher::Operator { operand: Operand::One(_), .. } => Vec::new(),
        Matcher::List(at, several) => fewer(several).map(|(_, fewer)| Matcher::List(*at, fewer)).collect(),
        Matcher::Operator { at, name, operand: Operand::Many(place, several), ignore_case } => {
            let with = |(_, fewer)| Matcher::Operator {
                at: *at,
                name: name.clone(),
                operand: Operand::Many(*place, fewer),
                ignore_case: ignore_case.clone(),
            };
            fewer(several).map(with).collect()
        }
    }
}

fn source(written: &Requirement, found: &mut Found<'_>) {
    let Some(source) = &written.source else { return };
    for (key, names) in of_source(source) {
        let before = format!("source: {{ {key}: {} }}", list(names));
        let with = |left: Option<Vec<Text>>| {
            let mut other = source.clone();
            *(if key == "cidrs" { &mut other.cidrs } else { &mut other.principals }) = left;
            (other.cidrs.is_some() || other.principals.is_some()).then_some(other)
        };
        let at = names.first().map_or(source.at, |first| first.at);
        drop_key(written, |one| one.source = with(None), dropped(at, before.clone()), found);
        for (name, fewer) in fewer(names) {
            let after = Some(format!("source: {{ {key}: {} }}", list(&fewer)));
            let other = Requirement { source: with(Some(fewer)), ..written.clone() };
            found(Some(other), element(name, before.clone(), after));
        }
    }
}

/// `any`, `all` and `not`, and what is inside of them. A part of which nothing is left is left out itself: that
/// is the business of the list.
fn several(written: &Requirement, guards: &Names<'_>, found: &mut Found<'_>) {
    type Key = (&'static str, fn(&mut Requirement) -> &mut Option<Vec<Requirement>>);
    const ANY: Key = ("any", |one| &mut one.any);
    const ALL: Key = ("all", |one| &mut one.all);
    for ((name, slot), list) in [(ANY, &written.any), (ALL, &written.all)] {
        let Some(list) = list else { continue };
        let at = list.first().map_or(written.at, |first| first.at);
        let before = format!("{name}: {}", words::requirements(list));
        drop_key(written, |one| *slot(one) = None, dropped(at, before.clone()), found);
        let mut with = |list: Vec<Requirement>, change| {
            let mut other = written.clone();
            *slot(&mut other) = Some(list);
            found(Some(other), change);
        };
        for (part, fewer) in fewer(list) {
            let before = format!("{name}: … {}", words::requirement(part));
            with(fewer, Change { operator: Operator::DropElement, at: part.at, before, after: None });
        }
        for (index, part) in list.iter().enumerate() {
            changed(part, guards, &mut |inner, change| {
                let mut list = list.clone();
                if let (Some(slot), Some(inner)) = (list.get_mut(index), inner) {
                    *slot = inner;
                    with(list, change);
                }
            });
        }
    }
    if let Some(inner) = &written.not {
        let change = dropped(inner.at, format!("not: {}", words::requirement(inner)));
        drop_key(written, |one| one.not = None, change, found);
        changed(inner, guards, &mut |inner, change| {
            if let Some(inner) = inner {
                found(Some(Requirement { not: Some(Box::new(inner)), ..written.clone() }), change);
            }
        });
    }
}

/// A single element is the same under either word.
fn all_to_any(written: &Requirement, found: &mut Found<'_>) {
    let change = |at, before, after| Change { operator: Operator::AllToAny, at, before, after: Some(after) };
    for (all, any) in ALL_AND_ANY {
        let Some(names) = (all.get)(written).as_ref().filter(|names| names.len() > 1) else { continue };
        if (any.get)(written).is_some() {
            continue;
        }
        let mut other = written.clone();
        *(any.set)(&mut other) = (all.set)(&mut other).take();
        let at = names.first().map_or(written.at, |first| first.at);
        let shown = |name: &str| format!("{name}: {}", list(names));
        found(Some(other), change(at, shown(all.name), shown(any.name)));
    }
    if let Some(parts) = written.all.as_ref().filter(|parts| parts.len() > 1 && written.any.is_none()) {
        let at = parts.first().map_or(written.at, |first| first.at);
        let shown = |name: &str| format!("{name}: {}", words::requirements(parts));
        let other = Requirement { any: Some(parts.clone()), all: None, ..written.clone() };
        found(Some(other), change(at, shown("all"), shown("any")));
    }
}
