//! The keys of a requirement, as tables.

use crate::policy::document::{Matcher, Requirement, SourceCondition, Text};

/// A key that holds a list of names.
pub(super) struct ListKey {
    pub name: &'static str,
    pub get: fn(&Requirement) -> &Option<Vec<Text>>,
    pub set: fn(&mut Requirement) -> &mut Option<Vec<Text>>,
}

/// Names with what they have to match.
type Entries = Option<Vec<(Text, Matcher)>>;

/// A key that holds a map of matchers.
pub(super) struct MapKey {
    pub name: &'static str,
    pub get: fn(&Requirement) -> &Entries,
    pub set: fn(&mut Requirement) -> &mut Entries,
}

macro_rules! key {
    ($kind:ident, $field:ident) => {
        $kind { name: stringify!($field), get: |one| &one.$field, set: |one| &mut one.$field }
    };
}

/// In the order of the language's page.
pub(super) const LISTS: [ListKey; 9] = [
    key!(ListKey, guard),
    key!(ListKey, scopes),
    key!(ListKey, roles),
    key!(ListKey, groups),
    key!(ListKey, permissions),
    key!(ListKey, any_scope),
    key!(ListKey, any_role),
    key!(ListKey, any_group),
    key!(ListKey, any_permission),
];

/// Those that ask for all of their names, each with the key that asks for one.
pub(super) const ALL_AND_ANY: [(ListKey, ListKey); 4] = [
    (key!(ListKey, scopes), key!(ListKey, any_scope)),
    (key!(ListKey, roles), key!(ListKey, any_role)),
    (key!(ListKey, groups), key!(ListKey, any_group)),
    (key!(ListKey, permissions), key!(ListKey, any_permission)),
];

pub(super) const MAPS: [MapKey; 3] = [key!(MapKey, claims), key!(MapKey, headers), key!(MapKey, query)];

/// The lists of a source that are there.
pub(super) fn of_source(source: &SourceCondition) -> impl Iterator<Item = (&'static str, &[Text])> {
    let lists = [("cidrs", &source.cidrs), ("principals", &source.principals)];
    lists.into_iter().filter_map(|(name, list)| Some((name, list.as_deref()?)))
}

/// How many keys there are; entries of maps and lists of a source count on their own.
pub(super) fn count(written: &Requirement) -> usize {
    let lists = LISTS.iter().filter(|key| (key.get)(written).is_some()).count();
    let entries: usize = MAPS.iter().map(|key| (key.get)(written).as_ref().map_or(0, Vec::len)).sum();
    let source = written.source.as_ref().map_or(0, |source| of_source(source).count());
    let others = [
        written.subject.is_some(),
        written.when.is_some(),
        written.any.is_some(),
        written.all.is_some(),
        written.not.is_some(),
        written.uses.is_some(),
    ];
    lists + entries + source + others.iter().filter(|is_there| **is_there).count()
}

/// Whether anything in it is about the caller, as far as one can tell without compiling it.
pub(super) fn asks_for_a_caller(written: &Requirement) -> bool {
    let several = |list: &Option<Vec<Requirement>>| list.iter().flatten().any(asks_for_a_caller);
    LISTS.iter().any(|key| (key.get)(written).is_some())
        || written.subject.is_some()
        || written.claims.is_some()
        || written.uses.is_some()
        || several(&written.any)
        || several(&written.all)
        || written.not.as_deref().is_some_and(asks_for_a_caller)
}
