//! Requirements and matchers.

use crate::policy::diagnostic::{Diagnostics, Spanned, closest, codes};
use crate::policy::document::{Matcher, Operand, Requirement, Scalar, SourceCondition, Text};
use crate::policy::yaml::fields::{Fields, as_text, entries, list, quoted_capture, said, text};
use crate::policy::yaml::{Kind, Node};

const OPERATORS: [&str; 11] = [
    "equals",
    "one_of",
    "contains",
    "contains_any",
    "contains_all",
    "prefix",
    "suffix",
    "matches",
    "present",
    "at_least",
    "at_most",
];

/// A map, or the name of a requirement.
pub(super) fn read(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Requirement> {
    if as_text(node).is_some() {
        let uses = text(node, what, problems)?;
        return Some(Requirement { uses: Some(uses), ..empty(node) });
    }
    let mut keys = match &node.kind {
        Kind::Mapping(entries) if entries.is_empty() => return nothing(node, what, problems),
        Kind::Null => return nothing(node, what, problems),
        Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_)
        | Kind::Mapping(_) => Fields::of(node, what, problems)?,
    };
    let requirement = Requirement {
        at: node.at,
        scopes: keys.texts("scopes", problems),
        roles: keys.texts("roles", problems),
        groups: keys.texts("groups", problems),
        permissions: keys.texts("permissions", problems),
        any_scope: keys.texts("any_scope", problems),
        any_role: keys.texts("any_role", problems),
        any_group: keys.texts("any_group", problems),
        any_permission: keys.texts("any_permission", problems),
        guard: keys.text_or_texts("guard", problems),
        subject: keys.take("subject").and_then(|node| matcher(node, "subject", problems)),
        claims: keys.take("claims").and_then(|node| matchers(node, "claims", problems)),
        source: keys.take("source").and_then(|node| source(node, problems)),
        headers: keys.take("headers").and_then(|node| matchers(node, "headers", problems)),
        query: keys.take("query").and_then(|node| matchers(node, "query", problems)),
        when: keys.text("when", problems),
        any: keys.take("any").and_then(|node| several(node, "any", problems)),
        all: keys.take("all").and_then(|node| several(node, "all", problems)),
        not: keys.take("not").and_then(|node| read(node, "`not`", problems)).map(Box::new),
        uses: keys.text("use", problems),
    };
    keys.finish(problems);
    Some(requirement)
}

fn nothing(node: &Node, what: &str, problems: &mut Diagnostics) -> Option<Requirement> {
    problems
        .error(codes::EMPTY, node.at, format!("{what} is empty"))
        .hint("an empty requirement would hold for everyone: say what is asked");
    None
}

fn empty(node: &Node) -> Requirement {
    Requirement {
        at: node.at,
        scopes: None,
        roles: None,
        groups: None,
        permissions: None,
        any_scope: None,
        any_role: None,
        any_group: None,
        any_permission: None,
        guard: None,
        subject: None,
        claims: None,
        source: None,
        headers: None,
        query: None,
        when: None,
        any: None,
        all: None,
        not: None,
        uses: None,
    }
}

fn several(node: &Node, name: &str, problems: &mut Diagnostics) -> Option<Vec<Requirement>> {
    let items = list(node, name, problems)?;
    let read: Vec<Requirement> = items.iter().filter_map(|item| read(item, "a branch", problems)).collect();
    // A branch that could not be read has been reported; the rest must not be taken for the whole.
    (read.len() == items.len()).then_some(read)
}

fn source(node: &Node, problems: &mut Diagnostics) -> Option<SourceCondition> {
    let mut keys = Fields::of(node, "`source`", problems)?;
    let condition = SourceCondition {
        at: node.at,
        cidrs: keys.texts("cidrs", problems),
        principals: keys.texts("principals", problems),
    };
    keys.finish(problems);
    if condition.cidrs.is_none() && condition.principals.is_none() {
        problems
            .error(codes::EMPTY, node.at, "`source` names neither `cidrs` nor `principals`")
            .hint("`source: { cidrs: [10.0.0.0/8] }`");
    }
    Some(condition)
}

/// Names with their matchers, not empty.
pub(super) fn matchers(node: &Node, name: &str, problems: &mut Diagnostics) -> Option<Vec<(Text, Matcher)>> {
    let entries = entries(node, name, problems)?;
    let mut found = Vec::new();
    for (key, value) in entries {
        let what = key.value.clone();
        if let Some(matcher) = matcher(value, &what, problems) {
            found.push((key, matcher));
        }
    }
    Some(found)
}

pub(super) fn matcher(node: &Node, name: &str, problems: &mut Diagnostics) -> Option<Matcher> {
    match &node.kind {
        Kind::Sequence(_) => {
            let items = list(node, name, problems)?;
            let scalars = items.iter().map(|item| scalar(item, name, problems)).collect::<Vec<_>>();
            scalars.into_iter().collect::<Option<Vec<_>>>().map(|scalars| Matcher::List(node.at, scalars))
        }
        Kind::Mapping(_) => operator(node, name, problems),
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Text { .. } => {
            scalar(node, name, problems).map(Matcher::Scalar)
        }
    }
}

fn operator(node: &Node, name: &str, problems: &mut Diagnostics) -> Option<Matcher> {
    if let Some(hint) = quoted_capture(node) {
        problems
            .error(codes::WRONG_TYPE, node.at, format!("`{name}` is compared with a map without a value"))
            .hint(hint);
        return None;
    }
    let entries = entries(node, name, problems)?;
    let mut found = None;
    let mut is_unknown = false;
    let mut ignore_case = None;
    for (key, value) in entries {
        if &*key.value == "ignore_case" {
            match value.kind {
                Kind::Bool(flag) => ignore_case = Some(Spanned { value: flag, at: value.at }),
                Kind::Null
                | Kind::Integer(_)
                | Kind::Float(_)
                | Kind::Text { .. }
                | Kind::Sequence(_)
                | Kind::Mapping(_) => {
                    problems
                        .error(codes::WRONG_TYPE, value.at, "`ignore_case` is `true` or `false`")
                        .hint("write `true`");
                }
            }
        } else if !OPERATORS.contains(&&*key.value) {
            is_unknown = true;
            let problem =
                problems.error(codes::UNKNOWN_KEY, key.at, format!("there is no matcher `{}`", key.value));
            match closest(&key.value, OPERATORS) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint(format!("one of {}", OPERATORS.join(", "))),
            };
        } else if found.is_some() {
            problems
                .error(
                    codes::SEVERAL_MATCHERS,
                    key.at,
                    format!("`{}` is a second matcher for one value", key.value),
                )
                .hint("exactly one; use `all: [{ claims: … }, { claims: … }]` for several");
        } else {
            found = Some((key, value));
        }
    }
    let Some((operator, value)) = found else {
        if !is_unknown {
            problems
                .error(codes::EMPTY, node.at, format!("`{name}` has no matcher"))
                .hint(format!("one of {}", OPERATORS.join(", ")));
        }
        return None;
    };
    let operand = match &value.kind {
        Kind::Sequence(_) => {
            let items = list(value, &operator.value, problems)?;
            let scalars =
                items.iter().map(|item| scalar(item, &operator.value, problems)).collect::<Vec<_>>();
            Operand::Many(value.at, scalars.into_iter().collect::<Option<Vec<_>>>()?)
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Mapping(_) => Operand::One(scalar(value, &operator.value, problems)?),
    };
    Some(Matcher::Operator { at: node.at, name: operator, operand, ignore_case })
}

fn scalar(node: &Node, name: &str, problems: &mut Diagnostics) -> Option<Spanned<Scalar>> {
    let value = match &node.kind {
        Kind::Text { value, .. } if !value.is_empty() => Scalar::Text(value.clone()),
        Kind::Integer(value) if is_odd_number(node, &value.to_string()) => {
            return quote_it(node, name, &value.to_string(), problems);
        }
        Kind::Float(value) if value.is_finite() && is_odd_number(node, &value.to_string()) => {
            return quote_it(node, name, &value.to_string(), problems);
        }
        Kind::Integer(value) => Scalar::Integer(*value),
        Kind::Float(value) if value.is_finite() => Scalar::Float(*value),
        Kind::Bool(value) => Scalar::Bool(*value),
        Kind::Null | Kind::Text { .. } => {
            problems
                .error(codes::EMPTY, node.at, format!("`{name}` is compared with nothing"))
                .hint("nothing equals nothing: use `present: false` for a missing value");
            return None;
        }
        Kind::Float(_) | Kind::Sequence(_) | Kind::Mapping(_) => {
            problems
                .error(
                    codes::WRONG_TYPE,
                    node.at,
                    format!("`{name}` is compared with one value, and this is {}", said(&node.kind)),
                )
                .hint("a string, a number, `true` or `false`");
            return None;
        }
    };
    Some(Spanned { value, at: node.at })
}

/// `007`, `1.10`: YAML reads a number where a text is almost always meant. Its spelling is longer than it has
/// to be, and would be lost.
fn is_odd_number(node: &Node, shortest: &str) -> bool {
    let written = usize::try_from(node.at.end.saturating_sub(node.at.start)).unwrap_or(0);
    written > shortest.len()
}

fn quote_it(node: &Node, name: &str, value: &str, problems: &mut Diagnostics) -> Option<Spanned<Scalar>> {
    problems
        .error(codes::QUOTE_IT, node.at, format!("`{name}`: this is read as the number {value}"))
        .hint(format!("quote it if the text is meant, or write `{value}`"));
    None
}
