//! Pieces of a policy, as they are written.

use crate::policy::document::{Matcher, Operand, Requirement, Scalar, Text};

/// `[a, b]`, or `a` where there is one.
pub(super) fn texts(list: &[Text]) -> String {
    match list {
        [one] => one.value.to_string(),
        several => format!("[{}]", joined(several.iter().map(|text| text.value.to_string()))),
    }
}

/// `[a, b]`, always.
pub(super) fn list(list: &[Text]) -> String {
    format!("[{}]", joined(list.iter().map(|text| text.value.to_string())))
}

pub(super) fn matcher(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Scalar(one) => scalar(&one.value),
        Matcher::List(_, several) => format!("[{}]", joined(several.iter().map(|one| scalar(&one.value)))),
        Matcher::Operator { name, operand: Operand::One(one), .. } => {
            format!("{{ {}: {} }}", name.value, scalar(&one.value))
        }
        Matcher::Operator { name, operand: Operand::Many(_, several), .. } => {
            let several = joined(several.iter().map(|one| scalar(&one.value)));
            format!("{{ {}: [{several}] }}", name.value)
        }
    }
}

fn scalar(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text(text) => text.to_string(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Float(number) => number.to_string(),
        Scalar::Bool(flag) => flag.to_string(),
    }
}

/// A whole requirement: its keys in a map, or the name it uses.
pub(super) fn requirement(written: &Requirement) -> String {
    if let (Some(name), 1) = (&written.uses, super::keys::count(written)) {
        return name.value.to_string();
    }
    let mut parts = Vec::new();
    for key in super::keys::LISTS {
        if let Some(names) = (key.get)(written) {
            let shown = if key.name == "guard" { texts(names) } else { list(names) };
            parts.push(format!("{}: {shown}", key.name));
        }
    }
    if let Some(one) = &written.subject {
        parts.push(format!("subject: {}", matcher(one)));
    }
    for map in super::keys::MAPS {
        for (name, one) in (map.get)(written).iter().flatten() {
            parts.push(format!("{}: {{ {}: {} }}", map.name, name.value, matcher(one)));
        }
    }
    for (name, names) in written.source.iter().flat_map(super::keys::of_source) {
        parts.push(format!("source: {{ {name}: {} }}", list(names)));
    }
    parts.extend(written.when.as_ref().map(|when| format!("when: {}", when.value)));
    parts.extend(written.any.as_ref().map(|several| format!("any: {}", requirements(several))));
    parts.extend(written.all.as_ref().map(|several| format!("all: {}", requirements(several))));
    parts.extend(written.not.as_ref().map(|inner| format!("not: {}", requirement(inner))));
    parts.extend(written.uses.as_ref().map(|name| format!("use: {}", name.value)));
    format!("{{ {} }}", parts.join(", "))
}

pub(super) fn requirements(several: &[Requirement]) -> String {
    format!("[{}]", joined(several.iter().map(requirement)))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
