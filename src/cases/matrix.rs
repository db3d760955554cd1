//! Who may do what: rows of requests, columns of tokens.

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::Text;
use crate::policy::yaml::{Kind, Node};

use super::read::{is_reason, line, status, text, unknown_reason};
use super::{Asked, Carried, Case, Expect, Request};

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
        problems
            .error(codes::TEST_SHAPE, rows.at, "`matrix` is a map: request → list of cells")
            .hint("`GET /customers: [401, allow]`");
        return Vec::new();
    };
    rows.iter().flat_map(|(request, cells)| row(base, &columns, request, cells, problems)).collect()
}

fn names(node: &Node) -> Option<Vec<Text>> {
    let Kind::Sequence(items) = &node.kind else { return None };
    let name = |item: &Node| Some(Text { value: text(item)?.into(), at: item.at });
    items.iter().map(name).collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
}

fn row(base: &Case, columns: &[Text], request: &Node, cells: &Node, problems: &mut Diagnostics) -> Vec<Case> {
    let said = text(request).unwrap_or_default();
    let Some(asked) = line(said) else {
        problems
            .error(codes::TEST_SHAPE, request.at, "a row begins with a request")
            .hint("`GET /customers: [401, allow]`");
        return Vec::new();
    };
    let Kind::Sequence(cells) = &cells.kind else {
        problems
            .error(codes::TEST_SHAPE, cells.at, "a row is a list of cells")
            .hint("`GET /customers: [401, allow]`");
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
        let joint = if base.name.is_empty() { "" } else { ": " };
        case.name = format!("{}{joint}{said} as {}", base.name, column.value).into();
        case.at = node.at;
        case.request = Asked::Written(request_of(base, &asked));
        if &*column.value != "none" {
            case.tokens.push(Carried { name: column.clone(), place: None });
        }
        case.expect = expect;
        cases.push(case);
    }
    cases
}

/// A row's request over what the whole matrix says of its requests: headers, source, host.
fn request_of(base: &Case, asked: &Request) -> Request {
    let Asked::Written(of_all) = &base.request else { return asked.clone() };
    let mut request =
        Request { method: asked.method.clone(), target: asked.target.clone(), ..of_all.clone() };
    if !asked.host.is_empty() {
        request.host.clone_from(&asked.host);
    }
    request
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
