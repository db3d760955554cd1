//! Reading a test file, with all its problems at once.

mod accepted;
pub(super) mod expect;
mod fields;
mod fixture;
pub(super) mod request;

use crate::policy::diagnostic::{At, Diagnostics, SourceFile, closest, codes};
use crate::policy::units;
use crate::policy::yaml::{self, Kind, Node};
use crate::time::UnixTime;

pub(super) use expect::{is_reason, status, unknown_reason};
pub(super) use fields::{Fields, json, text};
pub(super) use request::line;

use super::matrix::matrix;
use super::{Asked, Attached, Carried, Case, Expect, Suite};

/// Reads one test file. `file` is its index among the files whose problems are shown.
pub fn read(source: &SourceFile, file: u32, problems: &mut Diagnostics) -> Suite {
    let mut suite = Suite {
        host: "localhost".into(),
        tokens: Vec::new(),
        cases: Vec::new(),
        attached: Attached::default(),
        accepted: Vec::new(),
    };
    let Some(root) = yaml::parse(source, file, problems) else { return suite };
    let Some(mut keys) = Fields::of(&root, problems) else { return suite };
    if let Some(host) = request::host(&mut keys, problems) {
        suite.host = host;
    }
    let now = keys.take("now").and_then(|node| moment(node, problems));
    for (name, node) in keys.entries("tokens", problems) {
        if let Some(fixture) = fixture::fixture(node, problems) {
            suite.tokens.push((name, fixture));
        }
    }
    if let Some(node) = keys.take("accepted_mutants") {
        suite.accepted = accepted::accepted(node, problems);
    }
    let tests = keys.take("tests");
    keys.finish(&["host", "now", "tokens", "accepted_mutants", "tests"], problems);
    match tests.map(|node| (&node.kind, node.at)) {
        Some((Kind::Sequence(items), _)) if !items.is_empty() => {
            for item in items {
                suite.cases.extend(cases(item, now, problems));
            }
        }
        other => {
            let at = other.map_or(root.at, |(_, at)| at);
            problems
                .error(codes::TEST_SHAPE, at, "`tests` is a list of cases, and not empty")
                .hint("`tests: [{ request: GET /customers, token: alice, expect: allow }]`");
        }
    }
    check_tokens(&suite, problems);
    suite
}

/// Every token that a case uses has to be there.
fn check_tokens(suite: &Suite, problems: &mut Diagnostics) {
    // The cells of a column share the place where it is named.
    let mut seen: Vec<At> = Vec::new();
    for case in &suite.cases {
        for carried in &case.tokens {
            let name = &carried.name;
            if suite.tokens.iter().any(|(known, _)| known.value == name.value) || seen.contains(&name.at) {
                continue;
            }
            seen.push(name.at);
            let message = format!("there is no token `{}`", name.value);
            let problem = problems.error(codes::UNKNOWN_TOKEN, name.at, message);
            if let Some(near) = closest(&name.value, suite.tokens.iter().map(|(known, _)| &*known.value)) {
                problem.hint(format!("did you mean `{near}`?"));
            } else {
                problem.hint("declare it under `tokens`, or write `none`");
            }
        }
    }
}

fn cases(node: &Node, now: Option<UnixTime>, problems: &mut Diagnostics) -> Vec<Case> {
    let Some(mut keys) = Fields::of(node, problems) else { return Vec::new() };
    let now = keys.take("now").and_then(|node| moment(node, problems)).or(now);
    let unavailable = keys
        .entries("keys", problems)
        .into_iter()
        .filter(|(_, node)| is_unavailable(node, problems))
        .map(|(name, _)| name)
        .collect();
    let name = keys.text("name", problems);
    let mut case = Case {
        name: name.clone().unwrap_or_default(),
        at: node.at,
        request: Asked::Written(super::Request::default()),
        tokens: Vec::new(),
        now,
        unavailable,
        expect: Expect::default(),
    };
    let request = keys.take("request");
    if let Some(rows) = keys.take("matrix") {
        let columns = keys.take("tokens");
        if let Some(node) = request {
            case.request = Asked::Written(request::read(node, problems).unwrap_or_default());
        }
        keys.finish(&["name", "now", "keys", "request", "tokens", "matrix"], problems);
        return matrix(&case, columns, rows, problems);
    }
    if let Some(node) = keys.take_map("token") {
        fixture::not_a_name(node, problems);
    }
    if let Some(token) = keys.named("token", problems).filter(|name| &*name.value != "none") {
        case.tokens.push(Carried { name: token, place: None });
    }
    if let Some(list) = keys.take("tokens") {
        case.tokens.extend(fixture::carried(list, problems));
    }
    match (request, keys.named("check_request", problems)) {
        (Some(node), None) => {
            let read = request::read(node, problems).unwrap_or_default();
            if name.is_none() {
                case.name = format!("{} {}", read.method, read.target).into();
            }
            case.request = Asked::Written(read);
        }
        (None, Some(path)) => {
            if name.is_none() {
                case.name = path.value.clone();
            }
            case.request = Asked::Captured(path);
        }
        (Some(node), Some(_)) => {
            problems
                .error(codes::TEST_SHAPE, node.at, "a case has a `request` or a `check_request`, not both")
                .hint("keep one of them");
        }
        (None, None) => {
            problems
                .error(codes::TEST_SHAPE, node.at, "a case has a `request`")
                .hint("`request: GET /customers`, or `check_request: captured.json`");
        }
    }
    match keys.take("expect") {
        Some(node) => case.expect = expect::read(node, problems),
        None => {
            problems
                .error(codes::TEST_SHAPE, node.at, "a case has an `expect`")
                .hint("`expect: allow`, `expect: { deny: missing_scope }`");
        }
    }
    let known = ["name", "now", "keys", "token", "tokens", "request", "check_request", "expect", "matrix"];
    keys.finish(&known, problems);
    vec![case]
}

fn is_unavailable(node: &Node, problems: &mut Diagnostics) -> bool {
    if text(node).is_some_and(|word| word == "unavailable") {
        return true;
    }
    problems
        .error(codes::TEST_SHAPE, node.at, "`keys` names issuers whose keys are `unavailable`")
        .hint("`keys: { auth-service: unavailable }`");
    false
}

/// A moment: seconds since the epoch, or `2026-01-01T00:00:00Z`.
fn moment(node: &Node, problems: &mut Diagnostics) -> Option<UnixTime> {
    let read = match &node.kind {
        Kind::Integer(seconds) => Some(UnixTime::from_seconds(*seconds)),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_)
        | Kind::Mapping(_) => text(node).and_then(units::moment),
    };
    if read.is_none() {
        problems
            .error(codes::TEST_SHAPE, node.at, "this is no moment")
            .hint("write `2026-01-01T00:00:00Z`, or seconds since 1970");
    }
    read
}
