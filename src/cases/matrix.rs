//! Who may do what: rows of requests, columns of tokens.

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::yaml::{Kind, Node};

use super::read::{is_reason, one_line, status, text, unknown_reason};
use super::{Case, Expect};

/// Makes a case of every cell.
pub(super) fn matrix(
    base: &Case,
    columns: Option<&Node>,
    rows: &Node,
    problems: &mut Diagnostics,
) -> Vec<Case> {
    let Some(columns) = columns.and_then(names) else {
        problems
            .error(codes::TEST_SHAPE, base.at, "a matrix has its columns in `tokens`")
            .hint("`tokens: [none, alice, boss]`");
        return Vec::new();
    };
    let Kind::Mapping(rows) = &rows.kind else {
        problems.error(codes::TEST_SHAPE, rows.at, "`matrix` is a map: request → list of cells");
        return Vec::new();
    };
    rows.iter().flat_map(|(request, cells)| row(base, &columns, request, cells, problems)).collect()
}

fn names(node: &Node) -> Option<Vec<Box<str>>> {
    let Kind::Sequence(items) = &node.kind else { return None };
    items
        .iter()
        .map(|item| text(item).map(Into::into))
        .collect::<Option<Vec<_>>>()
        .filter(|names| !names.is_empty())
}

fn row(
    base: &Case,
    columns: &[Box<str>],
    request: &Node,
    cells: &Node,
    problems: &mut Diagnostics,
) -> Vec<Case> {
    let line = text(request).unwrap_or_default();
    let Some(asked) = one_line(line) else {
        problems.error(codes::TEST_SHAPE, request.at, "a row begins with a request: `GET /customers`");
        return Vec::new();
    };
    let Kind::Sequence(cells) = &cells.kind else {
        problems.error(codes::TEST_SHAPE, cells.at, "a row is a list of cells");
        return Vec::new();
    };
    if cells.len() != columns.len() {
        let message = format!("the row has {} cells, and there are {} tokens", cells.len(), columns.len());
        problems
            .error(codes::MATRIX_ROW, request.at, message)
            .hint("one cell for each token, in their order");
        return Vec::new();
    }
    let mut cases = Vec::new();
    for (column, node) in columns.iter().zip(cells) {
        let Some(expect) = cell(node, problems) else { continue };
        let mut case = base.clone();
        case.name = format!("{}: {line} as {column}", base.name).into();
        case.at = node.at;
        case.request = asked.clone();
        if &**column != "none" {
            case.tokens.push((column.clone(), None));
        }
        case.expect = expect;
        cases.push(case);
    }
    cases
}

/// `allow`, a status, a reason, or status and reason.
fn cell(node: &Node, problems: &mut Diagnostics) -> Option<Expect> {
    let mut expect = Expect::default();
    if let Some(status) = status(node) {
        expect.status = Some(status);
        expect.allowed = Some(status < 300);
        return Some(expect);
    }
    let words = text(node).unwrap_or_default();
    for word in words.split_whitespace() {
        match (word, is_reason(word), word.parse::<u16>()) {
            ("allow", _, _) => expect.allowed = Some(true),
            ("deny", _, _) => expect.allowed = Some(false),
            (_, Some(allowed), _) => {
                expect.allowed = Some(allowed);
                expect.reason = Some(word.into());
            }
            (_, None, Ok(status)) if (200..600).contains(&status) => {
                expect.status = Some(status);
                expect.allowed = expect.allowed.or(Some(status < 300));
            }
            (_, None, _) => {
                unknown_reason(word, node.at, problems);
                return None;
            }
        }
    }
    if expect.allowed.is_none() {
        problems.error(
            codes::TEST_SHAPE,
            node.at,
            "a cell is `allow`, a status, a reason, or status and reason",
        );
        return None;
    }
    Some(expect)
}
