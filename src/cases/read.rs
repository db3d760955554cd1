//! Reading a test file, with all its problems at once.

pub(super) mod expect;
pub(super) mod request;

use serde_json::{Map, Value};

use crate::policy::diagnostic::{At, Diagnostics, SourceFile, closest, codes};
use crate::policy::units;
use crate::policy::yaml::{self, Kind, Node};
use crate::time::UnixTime;
use crate::token::settings::Place;

pub(super) use expect::{is_reason, status, unknown_reason};
pub(super) use request::one_line;

use super::matrix::matrix;
use super::{Case, Expect, Fixture, FixtureKind, Suite};

/// Reads one test file. `file` is its index among the files whose problems are shown.
pub fn read(source: &SourceFile, file: u32, problems: &mut Diagnostics) -> Suite {
    let mut suite = Suite { host: "localhost".into(), tokens: Vec::new(), cases: Vec::new() };
    let Some(root) = yaml::parse(source, file, problems) else { return suite };
    let Some(mut keys) = Fields::of(&root, problems) else { return suite };
    if let Some(host) = keys.text("host", problems) {
        suite.host = host;
    }
    let now = keys.take("now").and_then(|node| moment(node, problems));
    for (name, node) in keys.entries("tokens", problems) {
        if let Some(fixture) = fixture(node, problems) {
            suite.tokens.push((name, fixture));
        }
    }
    let tests = keys.take("tests");
    keys.finish(&["host", "now", "tokens", "tests"], problems);
    match tests.map(|node| (&node.kind, node.at)) {
        Some((Kind::Sequence(items), _)) if !items.is_empty() => {
            for item in items {
                suite.cases.extend(cases(item, now, problems));
            }
        }
        other => {
            let at = other.map_or(root.at, |(_, at)| at);
            problems.error(codes::TEST_SHAPE, at, "`tests` is a list of cases, and not empty");
        }
    }
    check_tokens(&suite, problems);
    suite
}

/// Every token that a case uses has to be there.
fn check_tokens(suite: &Suite, problems: &mut Diagnostics) {
    for case in &suite.cases {
        for (name, _) in &case.tokens {
            if suite.tokens.iter().any(|(known, _)| known == name) {
                continue;
            }
            let problem =
                problems.error(codes::UNKNOWN_TOKEN, case.at, format!("there is no token `{name}`"));
            if let Some(near) = closest(name, suite.tokens.iter().map(|(known, _)| &**known)) {
                problem.hint(format!("did you mean `{near}`?"));
            } else {
                problem.hint("declare it under `tokens`, or write `none`");
            }
        }
    }
}

fn fixture(node: &Node, problems: &mut Diagnostics) -> Option<Fixture> {
    let mut keys = Fields::of(node, problems)?;
    let guard = keys.text("guard", problems);
    let raw = keys.text("raw", problems);
    let object =
        |node: Option<&Node>, problems: &mut Diagnostics| match node.map(|node| (json(node), node.at)) {
            None => Map::new(),
            Some((Value::Object(object), _)) => object,
            Some((_, at)) => {
                problems.error(codes::TEST_SHAPE, at, "this is a map of names and values");
                Map::new()
            }
        };
    let claims = object(keys.take("claims"), problems);
    let header = object(keys.take("header"), problems);
    keys.finish(&["guard", "claims", "header", "raw"], problems);
    let kind = match (guard, raw) {
        (Some(guard), None) => FixtureKind::Claims { guard, claims, header },
        (None, Some(raw)) if claims.is_empty() && header.is_empty() => FixtureKind::Raw(raw),
        _ => {
            problems
                .error(codes::TEST_SHAPE, node.at, "a token has a `guard` and claims, or is `raw`")
                .hint("`alice: { guard: mobile, claims: { sub: 7 } }`, or `real: { raw: eyJ… }`");
            return None;
        }
    };
    Some(Fixture { at: node.at, kind })
}

fn cases(node: &Node, now: Option<UnixTime>, problems: &mut Diagnostics) -> Vec<Case> {
    let Some(mut keys) = Fields::of(node, problems) else { return Vec::new() };
    let name = keys.text("name", problems).unwrap_or_else(|| "(unnamed)".into());
    let now = keys.take("now").and_then(|node| moment(node, problems)).or(now);
    let unavailable = keys
        .entries("keys", problems)
        .into_iter()
        .filter(|(_, node)| is_unavailable(node, problems))
        .map(|(name, _)| name)
        .collect();
    let base = Case {
        name,
        at: node.at,
        request: super::Request::default(),
        tokens: Vec::new(),
        now,
        unavailable,
        expect: Expect::default(),
    };
    if let Some(rows) = keys.take("matrix") {
        let columns = keys.take("tokens");
        keys.finish(&["name", "now", "keys", "tokens", "matrix"], problems);
        return matrix(&base, columns, rows, problems);
    }
    let mut case = base;
    if let Some(token) = keys.text("token", problems).filter(|name| &**name != "none") {
        case.tokens.push((token, None));
    }
    if let Some(list) = keys.take("tokens") {
        case.tokens.extend(placed_tokens(list, problems));
    }
    match keys.take("request") {
        Some(node) => case.request = request::read(node, problems).unwrap_or_default(),
        None => {
            problems
                .error(codes::TEST_SHAPE, node.at, "a case has a `request`")
                .hint("`request: GET /customers`");
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
    keys.finish(&["name", "now", "keys", "token", "tokens", "request", "expect", "matrix"], problems);
    vec![case]
}

fn is_unavailable(node: &Node, problems: &mut Diagnostics) -> bool {
    if text(node).is_some_and(|word| word == "unavailable") {
        return true;
    }
    problems.error(codes::TEST_SHAPE, node.at, "`keys` names issuers whose keys are `unavailable`");
    false
}

fn placed_tokens(node: &Node, problems: &mut Diagnostics) -> Vec<(Box<str>, Option<Place>)> {
    let Kind::Sequence(items) = &node.kind else {
        problems.error(
            codes::TEST_SHAPE,
            node.at,
            "`tokens` is a list of `{ use: name, place: { cookie: session } }`",
        );
        return Vec::new();
    };
    items.iter().filter_map(|item| placed_token(item, problems)).collect()
}

fn placed_token(node: &Node, problems: &mut Diagnostics) -> Option<(Box<str>, Option<Place>)> {
    let mut keys = Fields::of(node, problems)?;
    let name = keys.text("use", problems);
    let place = keys.take("place").map(|node| (place(node, problems), node.at));
    keys.finish(&["use", "place"], problems);
    if let Some((None, at)) = place {
        problems.error(codes::TEST_SHAPE, at, "this is no place for a token").hint(
            "`{ header: authorization, scheme: Bearer }`, `{ cookie: session }`, `{ query: access_token }`",
        );
    }
    name.map(|name| (name, place.and_then(|(place, _)| place)))
}

fn place(node: &Node, problems: &mut Diagnostics) -> Option<Place> {
    let mut keys = Fields::of(node, problems)?;
    let (header, scheme) = (keys.text("header", problems), keys.text("scheme", problems));
    let (cookie, query) = (keys.text("cookie", problems), keys.text("query", problems));
    keys.finish(&["header", "scheme", "cookie", "query"], problems);
    match (header, scheme, cookie, query) {
        (Some(name), scheme, None, None) => Some(Place::Header { name, scheme }),
        (None, None, Some(cookie), None) => Some(Place::Cookie(cookie)),
        (None, None, None, Some(query)) => Some(Place::Query(query)),
        _ => None,
    }
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

/// The text of a scalar as written; `None` for what is no string.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Text { value, .. } => Some(value),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Sequence(_)
        | Kind::Mapping(_) => None,
    }
}

/// A node as JSON, for claims.
pub(super) fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Integer(value) => (*value).into(),
        Kind::Float(value) => (*value).into(),
        Kind::Text { value, .. } => (&**value).into(),
        Kind::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Kind::Mapping(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| {
                    (text(key).map_or_else(|| json(key).to_string(), str::to_owned), json(value))
                })
                .collect(),
        ),
    }
}

/// The entries of a map, taken one by one; what is left over is unknown.
pub(super) struct Fields<'n> {
    at: At,
    left: Vec<(&'n Node, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(super) fn of(node: &'n Node, problems: &mut Diagnostics) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            problems.error(codes::TEST_SHAPE, node.at, "this is a map: `key: value`");
            return None;
        };
        Some(Self { at: node.at, left: entries.iter().map(|(key, value)| (key, value)).collect() })
    }

    pub(super) fn at(&self) -> At {
        self.at
    }

    pub(super) fn take(&mut self, name: &str) -> Option<&'n Node> {
        let index = self.left.iter().position(|(key, _)| text(key) == Some(name))?;
        Some(self.left.remove(index).1)
    }

    pub(super) fn text(&mut self, name: &str, problems: &mut Diagnostics) -> Option<Box<str>> {
        let node = self.take(name)?;
        let found = text(node).map(Into::into);
        if found.is_none() {
            problems
                .error(codes::TEST_SHAPE, node.at, format!("`{name}` is a string"))
                .hint("quote it if it looks like a number");
        }
        found
    }

    /// The entries of a map below `name`; empty where there is none.
    pub(super) fn entries(&mut self, name: &str, problems: &mut Diagnostics) -> Vec<(Box<str>, &'n Node)> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let Kind::Mapping(entries) = &node.kind else {
            problems.error(codes::TEST_SHAPE, node.at, format!("`{name}` is a map"));
            return Vec::new();
        };
        entries.iter().filter_map(|(key, value)| Some((text(key)?.into(), value))).collect()
    }

    pub(super) fn finish(self, known: &[&str], problems: &mut Diagnostics) {
        for (key, _) in self.left {
            let name = text(key).map_or_else(|| json(key).to_string(), str::to_owned);
            let problem = problems.error(codes::UNKNOWN_KEY, key.at, format!("unknown key `{name}`"));
            match closest(&name, known.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint(format!("known here: {}", known.join(", "))),
            };
        }
    }
}
