//! Rules against everything that a caller may have been granted.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::written;
use crate::cli::table::Table;
use crate::policy::document::Document;
use crate::policy::guard::{GuardName, Guards};
use crate::policy::requirement::{Check, Granted, Requirement};
use crate::policy::route::Ask;
use crate::policy::words::Checked;
use crate::policy::{Policy, RuleMeta};

/// What a rule makes of one scope, role, group or permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    /// A caller needs it.
    Needed,
    /// It is one of several ways.
    OneOf,
    /// A caller who has it is kept out, on this way at least.
    Not,
}

impl Cell {
    const fn word(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::OneOf => "one of",
            Self::Not => "not",
        }
    }
}

/// A scope, role, group or permission: its kind in the order of the language's page, and its name.
type Column = (u8, String);

/// The whole matrix.
#[derive(Debug)]
pub struct Matrix {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    kind: &'static str,
    matches: Vec<String>,
    name: String,
    mode: &'static str,
    /// Whose tokens: guards, `anyone`, `nobody`.
    caller: String,
    cells: Vec<(Column, Cell)>,
    /// What else is asked.
    also: String,
}

impl Matrix {
    /// Forbid rules, then routes.
    pub fn of(policy: &Policy, document: &Document) -> Self {
        let guards = &policy.guards;
        let mut written = written::written(document);
        let mut matches =
            |meta: &RuleMeta| written.remove(&meta.at).map(|rule| rule.matches).unwrap_or_default();
        let mut rows = Vec::new();
        for forbid in &policy.forbids {
            let caller = match &forbid.unless {
                None => "nobody".to_owned(),
                Some(_) => named(&forbid.guards, guards),
            };
            let asked = forbid.unless.as_ref().map(|requirement| Row::asked(requirement, guards));
            rows.push(Row::of("forbid", &forbid.meta, matches(&forbid.meta), forbid.shadow, caller, asked));
        }
        for route in &policy.routes {
            let (caller, requirement) = match &route.ask {
                Ask::Anyone => ("anyone".to_owned(), None),
                Ask::Nobody => ("nobody".to_owned(), None),
                Ask::Require(requirement) => (named(&route.guards, guards), Some(requirement)),
            };
            let asked = requirement.map(|requirement| Row::asked(requirement, guards));
            rows.push(Row::of("route", &route.meta, matches(&route.meta), route.shadow, caller, asked));
        }
        let columns: BTreeSet<Column> =
            rows.iter().flat_map(|row| row.cells.iter().map(|(column, _)| column.clone())).collect();
        Self { columns: columns.into_iter().collect(), rows }
    }

    /// For people: a name that only repeats the match is left out.
    pub fn table(&self) -> Table {
        self.with_names(|row, matched| written::beside(&row.name, matched))
    }

    /// For scripts, which find rules by their names.
    pub fn sheet(&self) -> Table {
        self.with_names(|row, _| row.name.clone())
    }

    fn with_names(&self, name: impl Fn(&Row, &str) -> String) -> Table {
        let mut headings = ["KIND", "MATCH", "NAME", "MODE", "CALLER"].map(str::to_owned).to_vec();
        headings.extend(self.columns.iter().map(heading));
        headings.push("ALSO".to_owned());
        let cells = |row: &Row| {
            let matched = row.matches.join(", ");
            let mode = if row.mode == "shadow" { row.mode } else { "" };
            let name = name(row, &matched);
            let mut cells = vec![row.kind.to_owned(), matched, name, mode.to_owned(), row.caller.clone()];
            cells.extend(self.columns.iter().map(|column| row.cell(column).to_owned()));
            cells.push(row.also.clone());
            cells
        };
        Table { headings, rows: self.rows.iter().map(cells).collect() }
    }

    pub fn json(&self) -> Vec<Value> {
        let of = |row: &Row| {
            let cells: Map<String, Value> =
                row.cells.iter().map(|(column, _)| (heading(column), row.cell(column).into())).collect();
            json!({
                "kind": row.kind,
                "matches": row.matches,
                "name": row.name,
                "mode": row.mode,
                "caller": row.caller,
                "asks": cells,
                "also": row.also,
            })
        };
        self.rows.iter().map(of).collect()
    }
}

impl Row {
    fn of(
        kind: &'static str,
        meta: &RuleMeta,
        matches: Vec<String>,
        is_shadow: bool,
        caller: String,
        asked: Option<(Vec<(Column, Cell)>, String)>,
    ) -> Self {
        let (cells, also) = asked.unwrap_or_default();
        Self {
            kind,
            matches,
            name: meta.name.to_string(),
            mode: if is_shadow { "shadow" } else { "enforce" },
            caller,
            cells,
            also,
        }
    }

    /// What has a column, and what else is asked.
    fn asked(requirement: &Requirement, guards: &Guards) -> (Vec<(Column, Cell)>, String) {
        let mut cells = Vec::new();
        collect(requirement, Cell::Needed, &mut cells);
        let others = requirement.checks.iter().filter(|check| asks_more(check));
        let also: Vec<String> = others.map(|check| Checked { check, guards }.to_string()).collect();
        (cells, also.join(" and "))
    }

    /// Of several mentions the strictest.
    fn cell(&self, column: &Column) -> &'static str {
        let mentions = self.cells.iter().filter(|(known, _)| known == column);
        mentions.map(|(_, cell)| *cell).min().map(Cell::word).unwrap_or_default()
    }
}

fn named(names: &[GuardName], guards: &Guards) -> String {
    match names {
        [] => "anyone".to_owned(),
        several => several.iter().map(|name| name.name(guards)).collect::<Vec<_>>().join(", "),
    }
}

fn heading((kind, name): &Column) -> String {
    let kind = [Granted::Scopes, Granted::Roles, Granted::Groups, Granted::Permissions]
        .into_iter()
        .find(|known| position(*known) == *kind);
    format!("{} {name}", kind.map(Granted::word).unwrap_or_default())
}

const fn position(kind: Granted) -> u8 {
    match kind {
        Granted::Scopes => 0,
        Granted::Roles => 1,
        Granted::Groups => 2,
        Granted::Permissions => 3,
    }
}

/// Every scope, role, group and permission that is named, with what having it comes to.
fn collect(requirement: &Requirement, how: Cell, found: &mut Vec<(Column, Cell)>) {
    for check in &requirement.checks {
        match check {
            Check::Has { kind, all, names } => {
                let how = if how == Cell::Needed && !*all && names.len() > 1 { Cell::OneOf } else { how };
                found.extend(names.iter().map(|name| ((position(*kind), name.written()), how)));
            }
            Check::Any(branches) => {
                let how = if how == Cell::Needed && branches.len() > 1 { Cell::OneOf } else { how };
                for branch in branches {
                    collect(branch, how, found);
                }
            }
            Check::All(parts) => {
                for part in parts {
                    collect(part, how, found);
                }
            }
            Check::Not(inner) => collect(inner, Cell::Not, found),
            Check::Use(_, inner) => collect(inner, how, found),
            Check::Guard(_)
            | Check::Subject(_)
            | Check::Claim(..)
            | Check::Address(_)
            | Check::Principal(_)
            | Check::Header(..)
            | Check::Query(..)
            | Check::When(_) => {}
        }
    }
}

/// Whether a check asks for anything that has no column.
fn asks_more(check: &Check) -> bool {
    let parts = check.parts();
    let has_column = matches!(check, Check::Has { .. } | Check::Guard(_)) || !parts.is_empty();
    !has_column || parts.iter().flat_map(|part| &part.checks).any(asks_more)
}
