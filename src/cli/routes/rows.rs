//! One row a rule.

use std::collections::HashMap;

use serde::Serialize;

use crate::cli::table::Table;
use crate::policy::compile::words;
use crate::policy::diagnostic::At;
use crate::policy::document::{Document, Match};
use crate::policy::guard::{GuardName, Guards};
use crate::policy::requirement::{Check, Requirement};
use crate::policy::route::{Ask, TokenUse};
use crate::policy::words::{Asked, Checked};
use crate::policy::{Policy, RuleMeta};

/// One rule.
#[derive(Debug, Serialize)]
pub struct Row {
    kind: &'static str,
    matches: Vec<String>,
    name: String,
    guards: Vec<String>,
    asks: String,
    token: &'static str,
    mode: &'static str,
    description: Option<String>,
    place: String,
}

/// What only the document knows of a rule.
#[derive(Debug, Default)]
struct Written {
    matches: Vec<String>,
    description: Option<String>,
}

/// Forbid rules, then routes, each in the order of their names.
pub fn rows(policy: &Policy, document: &Document) -> Vec<Row> {
    let mut written = written(document);
    let guards = &policy.guards;
    let mut row = |kind, meta: &RuleMeta, is_shadow, named: &[GuardName]| {
        let Written { matches, description } = written.remove(&meta.at).unwrap_or_default();
        Row {
            kind,
            matches,
            name: meta.name.to_string(),
            guards: named.iter().map(|guard| guard.name(guards).to_owned()).collect(),
            asks: String::new(),
            token: "",
            mode: if is_shadow { "shadow" } else { "enforce" },
            description,
            place: format!("{}:{}", meta.file, meta.line),
        }
    };
    let mut rows = Vec::new();
    for forbid in &policy.forbids {
        let asks = forbid.unless.as_ref().map_or_else(
            || "nobody is let in".to_owned(),
            |requirement| format!("unless {}", Asked { requirement, guards }),
        );
        rows.push(Row { asks, ..row("forbid", &forbid.meta, forbid.shadow, &forbid.guards) });
    }
    for route in &policy.routes {
        let asks = match &route.ask {
            Ask::Anyone => "anyone".to_owned(),
            Ask::Nobody => "nobody is let in".to_owned(),
            Ask::Require(requirement) => beside_guards(requirement, guards),
        };
        let token = match route.token {
            TokenUse::Required => "required",
            TokenUse::Optional => "optional",
            TokenUse::Ignored => "ignored",
        };
        rows.push(Row { asks, token, ..row("route", &route.meta, route.shadow, &route.guards) });
    }
    rows
}

/// What is asked beside the guard, which has a column of its own.
fn beside_guards(requirement: &Requirement, guards: &Guards) -> String {
    let others = requirement.checks.iter().filter(|check| !matches!(check, Check::Guard(_)));
    let words: Vec<String> = others.map(|check| Checked { check, guards }.to_string()).collect();
    if words.is_empty() { "authenticated".to_owned() } else { words.join(" and ") }
}

fn written(document: &Document) -> HashMap<At, Written> {
    let description =
        |text: &Option<crate::policy::document::Text>| text.as_ref().map(|text| text.value.to_string());
    let forbids = document.forbid.iter().map(|forbid| {
        let mut matches: Vec<String> = forbid.matches.iter().map(fenced).collect();
        let holes = forbid.except.iter().flatten().map(|hole| format!("except {}", words(hole)));
        matches.extend(holes);
        (forbid.at, Written { matches, description: description(&forbid.description) })
    });
    let routes = document.routes.iter().map(|route| {
        let matches = route.matches.iter().map(words).collect();
        (route.at, Written { matches, description: description(&route.description) })
    });
    forbids.chain(routes).collect()
}

/// A match of a forbid rule, with what it asks of the token.
fn fenced(written: &Match) -> String {
    let token = match written {
        Match::Map(map) => map.token.as_ref(),
        Match::Text(_) => None,
    };
    let token = token.map(|token| format!(" [token {}]", token.value)).unwrap_or_default();
    format!("{}{token}", words(written))
}

/// Everything, for scripts.
pub fn sheet(rows: &[Row]) -> Table {
    let cells = |row: &Row| {
        vec![
            row.kind.to_owned(),
            row.matches.join(", "),
            row.name.clone(),
            row.guards.join(", "),
            row.asks.clone(),
            row.token.to_owned(),
            row.mode.to_owned(),
            row.place.clone(),
        ]
    };
    Table { headings: HEADINGS.map(str::to_owned).to_vec(), rows: rows.iter().map(cells).collect() }
}

const HEADINGS: [&str; 8] = ["KIND", "MATCH", "NAME", "GUARD", "ASKS", "TOKEN", "MODE", "PLACE"];

/// For people: a name that only repeats the match is left out, and so is the mode of what is enforced.
pub fn table(rows: &[Row]) -> Table {
    let cells = |row: &Row| {
        let matched = row.matches.join(", ");
        let repeats = row.name == matched || row.name == format!("{matched} (shadow)");
        vec![
            row.kind.to_owned(),
            matched,
            if repeats { String::new() } else { row.name.clone() },
            row.guards.join(", "),
            row.asks.clone(),
            row.token.to_owned(),
            if row.mode == "shadow" { row.mode.to_owned() } else { String::new() },
            row.place.clone(),
        ]
    };
    Table { headings: HEADINGS.map(str::to_owned).to_vec(), rows: rows.iter().map(cells).collect() }
}
