//! Tokens of a test file.

use serde_json::{Map, Value};

use crate::cases::{Carried, Fixture, FixtureKind};
use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::Text;
use crate::policy::yaml::{Kind, Node};
use crate::token::settings::Place;

use super::{Fields, json, text};

/// `{ guard, claims, header }`, or `{ raw, issuer, key_file }`.
pub(super) fn fixture(node: &Node, problems: &mut Diagnostics) -> Option<Fixture> {
    let mut keys = Fields::of(node, problems)?;
    let guard = keys.named("guard", problems);
    let raw = keys.text("raw", problems);
    let (issuer, key_file) = (keys.named("issuer", problems), keys.named("key_file", problems));
    let claims = members(keys.take("claims"), problems);
    let header = members(keys.take("header"), problems);
    keys.finish(&["guard", "claims", "header", "raw", "issuer", "key_file"], problems);
    let kind = match (guard, raw) {
        (Some(guard), None) if issuer.is_none() && key_file.is_none() => {
            FixtureKind::Claims { guard, claims, header }
        }
        (None, Some(token)) if claims.is_empty() && header.is_empty() => {
            FixtureKind::Raw { token, issuer, key_file }
        }
        _ => {
            problems
                .error(codes::TEST_SHAPE, node.at, "a token has a `guard` and claims, or is `raw`")
                .hint("`alice: { guard: mobile, claims: { sub: 7 } }`, or `real: { raw: eyJ…, key_file: keys.json }`");
            return None;
        }
    };
    Some(Fixture { at: node.at, kind })
}

fn members(node: Option<&Node>, problems: &mut Diagnostics) -> Map<String, Value> {
    match node.map(|node| (json(node), node.at)) {
        None => Map::new(),
        Some((Value::Object(object), _)) => object,
        Some((_, at)) => {
            problems
                .error(codes::TEST_SHAPE, at, "this is a map of names and values")
                .hint("for example `{ sub: 7, scope: read-crm }`");
            Map::new()
        }
    }
}

/// Reports a token that is described where one is named.
pub(super) fn not_a_name(node: &Node, problems: &mut Diagnostics) {
    problems.error(codes::TEST_SHAPE, node.at, "a token is named here, and this describes one").hint(
        "describe it at the top of the file, `tokens: { alice: { guard: … } }`, and write `token: alice`",
    );
}

/// `tokens: [alice, { use: bob, place: { cookie: session } }]`.
pub(super) fn carried(node: &Node, problems: &mut Diagnostics) -> Vec<Carried> {
    let Kind::Sequence(items) = &node.kind else {
        problems
            .error(codes::TEST_SHAPE, node.at, "`tokens` is a list of what the request carries")
            .hint("`[alice, { use: bob, place: { cookie: session } }]`");
        return Vec::new();
    };
    items.iter().filter_map(|item| one(item, problems)).collect()
}

fn one(node: &Node, problems: &mut Diagnostics) -> Option<Carried> {
    if let Some(name) = text(node) {
        return Some(Carried { name: Text { value: name.into(), at: node.at }, place: None });
    }
    let mut keys = Fields::of(node, problems)?;
    if keys.has("guard") || keys.has("raw") {
        not_a_name(node, problems);
        return None;
    }
    let name = keys.named("use", problems);
    let place = keys.take("place").map(|node| (place(node, problems), node.at));
    let at = keys.at();
    keys.finish(&["use", "place"], problems);
    if let Some((None, at)) = place {
        problems.error(codes::TEST_SHAPE, at, "this is no place for a token").hint(
            "`{ header: authorization, scheme: Bearer }`, `{ cookie: session }`, `{ query: access_token }`",
        );
    }
    if name.is_none() {
        problems.error(codes::TEST_SHAPE, at, "which token is not said").hint("`{ use: alice }`");
    }
    Some(Carried { name: name?, place: place.and_then(|(place, _)| place) })
}

fn place(node: &Node, problems: &mut Diagnostics) -> Option<Place> {
    let mut keys = Fields::of(node, problems)?;
    let (header, scheme) = (keys.text("header", problems), keys.text("scheme", problems));
    let (cookie, query) = (keys.text("cookie", problems), keys.text("query", problems));
    keys.finish(&["header", "scheme", "cookie", "query"], problems);
    match (header, scheme, cookie, query) {
        (Some(name), scheme, None, None) => {
            Some(Place::Header { name: name.to_ascii_lowercase().into(), scheme })
        }
        (None, None, Some(cookie), None) => Some(Place::Cookie(cookie)),
        (None, None, None, Some(query)) => Some(Place::Query(query)),
        _ => None,
    }
}
