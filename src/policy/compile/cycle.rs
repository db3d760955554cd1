//! Circles of `use`.

use std::collections::{BTreeSet, HashMap};

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{Requirement, Text};

/// Reports every circle once, at the definition that comes first by name.
pub(super) fn report(named: &[(Text, Requirement)], problems: &mut Diagnostics) {
    let uses: HashMap<&str, Vec<&str>> = named
        .iter()
        .map(|(name, requirement)| {
            let mut found = Vec::new();
            collect_uses(requirement, &mut found);
            (&*name.value, found)
        })
        .collect();
    let mut known: BTreeSet<Vec<&str>> = BTreeSet::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (name, _) in named {
        walk(&name.value, &uses, &mut done, &mut known);
    }
    for circle in known {
        let Some(first) = circle.first() else { continue };
        let Some((name, _)) = named.iter().find(|(name, _)| &&*name.value == first) else { continue };
        let way = circle.iter().chain(std::iter::once(first)).copied().collect::<Vec<_>>().join(" → ");
        problems
            .error(codes::CYCLE, name.at, format!("requirement `{first}` uses itself: {way}"))
            .hint("break the circle: write one of them out");
    }
}

/// Goes depth first without recursion: a chain may be as long as a file.
fn walk<'d>(
    start: &'d str,
    uses: &HashMap<&'d str, Vec<&'d str>>,
    done: &mut BTreeSet<&'d str>,
    circles: &mut BTreeSet<Vec<&'d str>>,
) {
    let mut way: Vec<(&'d str, usize)> = vec![(start, 0)];
    let mut on_the_way: BTreeSet<&'d str> = BTreeSet::from([start]);
    while let Some((name, next)) = way.pop() {
        let Some(used) = uses.get(name).and_then(|uses| uses.get(next)).copied() else {
            on_the_way.remove(name);
            done.insert(name);
            continue;
        };
        way.push((name, next + 1));
        if on_the_way.contains(used) {
            let circle = way.iter().map(|(name, _)| *name).skip_while(|name| *name != used);
            circles.insert(from_its_least(circle.collect()));
        } else if !done.contains(used) {
            on_the_way.insert(used);
            way.push((used, 0));
        }
    }
}

/// The same circle, begun at the name that comes first.
fn from_its_least(mut circle: Vec<&str>) -> Vec<&str> {
    let least = circle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(index, _)| index);
    circle.rotate_left(least);
    circle
}

fn collect_uses<'d>(requirement: &'d Requirement, found: &mut Vec<&'d str>) {
    found.extend(requirement.uses.as_ref().map(|name| &*name.value));
    let branches = requirement.any.iter().flatten().chain(requirement.all.iter().flatten());
    for inner in branches.chain(requirement.not.as_deref()) {
        collect_uses(inner, found);
    }
}
