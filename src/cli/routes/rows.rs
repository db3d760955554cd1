//! One row a rule.

use serde::Serialize;

use super::written::{self, Written};
use crate::cli::table::Table;
use crate::policy::document::Document;
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

/// Forbid rules, then routes, each in the order of their names.
pub fn rows(policy: &Policy, document: &Document) -> Vec<Row> {
    let mut written = written::written(document);
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
        let name = written::beside(&row.name, &matched);
        vec![
            row.kind.to_owned(),
            matched,
            name,
            row.guards.join(", "),
            row.asks.clone(),
            row.token.to_owned(),
            if row.mode == "shadow" { row.mode.to_owned() } else { String::new() },
            row.place.clone(),
        ]
    };
    Table { headings: HEADINGS.map(str::to_owned).to_vec(), rows: rows.iter().map(cells).collect() }
}
