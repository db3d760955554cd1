//! Mutants that a test file accepts.

use crate::cases::mutate::{Accepted, Operator};
use crate::policy::diagnostic::{At, Diagnostics, closest, codes};
use crate::policy::yaml::{Kind, Node};

use super::{Fields, text};

const HINT: &str = "as `portcullis test --mutate` names it: `{ operator: drop a key, owner: route /admin/**, \
    before: \"guard: admin\", after: \"guard: any\", because: … }`";

/// `accepted_mutants: [{ operator, owner, before, after, because }]`.
pub(super) fn accepted(node: &Node, problems: &mut Diagnostics) -> Vec<Accepted> {
    let Kind::Sequence(items) = &node.kind else {
        problems.error(codes::TEST_SHAPE, node.at, "`accepted_mutants` is a list").hint(HINT);
        return Vec::new();
    };
    items.iter().filter_map(|item| one(item, problems)).collect()
}

fn one(node: &Node, problems: &mut Diagnostics) -> Option<Accepted> {
    let mut keys = Fields::of(node, problems)?;
    let operator = keys.take("operator").map(|node| (text(node).unwrap_or_default(), node.at));
    let operator = operator.and_then(|(word, at)| self::operator(word, at, problems));
    let (owner, before) = (keys.text("owner", problems), keys.text("before", problems));
    let (after, because) = (keys.text("after", problems), keys.text("because", problems));
    let at = keys.at();
    keys.finish(&["operator", "owner", "before", "after", "because"], problems);
    let because = because.filter(|reason| !reason.trim().is_empty());
    if because.is_none() {
        problems
            .error(codes::TEST_SHAPE, at, "why no test can notice this mutant is not said")
            .hint("`because: the fence before it asks for the same`");
    }
    if owner.is_none() || before.is_none() {
        problems.error(codes::TEST_SHAPE, at, "which mutant is accepted is not said").hint(HINT);
    }
    Some(Accepted {
        at: node.at,
        operator: operator?,
        owner: owner?,
        before: before?,
        after,
        because: because?,
    })
}

fn operator(word: &str, at: At, problems: &mut Diagnostics) -> Option<Operator> {
    let known = Operator::ALL.into_iter().find(|operator| operator.word() == word);
    if known.is_none() {
        let words = Operator::ALL.map(Operator::word);
        let problem = problems.error(codes::TEST_SHAPE, at, format!("`{word}` is no way to change a policy"));
        match closest(word, words) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!("one of {}", words.join(", "))),
        };
    }
    known
}
