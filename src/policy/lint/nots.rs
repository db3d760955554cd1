//! `not` over several things that have to hold together: it holds as soon as one of them does not.

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::matcher::capture::CaptureText;
use crate::policy::requirement::{Check, Granted, Requirement};

use super::{requirements, visit};

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    for requirement in requirements(policy) {
        visit(requirement, &mut |check| {
            if let Check::Not(inner) = check {
                negated(inner, problems);
            }
        });
    }
}

/// Who writes `all` there says that he means it, and who names a requirement thinks of it as one thing.
fn negated(inner: &Requirement, problems: &mut Diagnostics) {
    if inner.checks.len() > 1 {
        problems
            .warning(
                codes::NOT_ALL_OF_SEVERAL,
                inner.at,
                format!("this `not` holds as soon as one of its {} checks does not", inner.checks.len()),
            )
            .hint("none of them: `not: { any: [{ … }, { … }] }`; if \"not all of them\" is meant, say `not: { all: [{ … }, { … }] }`");
        return;
    }
    listed(inner, problems);
}

/// A list of which all are asked for, also as one of several of which none shall hold.
fn listed(inner: &Requirement, problems: &mut Diagnostics) {
    let [check] = inner.checks.as_slice() else { return };
    if let Check::Has { kind, all: true, names } = check
        && names.len() > 1
    {
        warn(inner.at, *kind, names, problems);
    }
    if let Check::Any(branches) = check {
        for branch in branches {
            listed(branch, problems);
        }
    }
}

fn warn(at: At, kind: Granted, names: &[CaptureText], problems: &mut Diagnostics) {
    let names: Vec<String> = names.iter().map(CaptureText::written).collect();
    let (word, quoted) = (kind.word(), names.join("`, `"));
    let each: Vec<String> = names.iter().map(|name| format!("{{ {word}s: [{name}] }}")).collect();
    problems
        .warning(
            codes::NOT_ALL_OF_SEVERAL,
            at,
            format!("this `not` holds for whoever lacks one {word} of `{quoted}`"),
        )
        .hint(format!(
            "none of them: `not: {{ any_{word}: [{}] }}`; if \"not all of them\" is meant, say `not: {{ all: [{}] }}`",
            names.join(", "),
            each.join(", ")
        ));
}
