//! A token as a person reads it.

use serde_json::{Map, Value};

use super::inspect::Inspected;
use crate::cli::page::Page;
use crate::cli::terminal::{Style, Terminal};

/// Writes the answer first, then the way to it, then what the token holds.
pub fn write(inspected: &Inspected, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    let note = &inspected.note;
    match (&note.caller, &note.rejected) {
        (Some(caller), _) => {
            let (verdict, if_so) = if note.signature_assumed {
                (page.paint(Style::Strong, "unverified"), ", good if its signature is")
            } else {
                (page.paint(Style::Good, "good"), "")
            };
            page.line(0, &format!("{verdict}: a token of issuer {}{if_so}", caller.issuer));
        }
        (None, Some(rejected)) => {
            let bad = page.paint(Style::Bad, "refused");
            page.line(0, &format!("{bad} ({}): {}", rejected.reason, rejected.detail));
        }
        (None, None) => {
            let bad = page.paint(Style::Bad, "refused");
            page.line(0, &format!("{bad}: no issuer of this policy looks where it would stand"));
        }
    }
    if let Some(next) = next(inspected) {
        page.line(2, &format!("next: {next}"));
    }
    page.heading("Checks");
    page.checks(note);
    page.caller(note);
    members(&mut page, "Header", inspected.contents.header.as_ref());
    members(&mut page, "Claims", inspected.contents.claims.as_ref());
    page.finish()
}

fn next(inspected: &Inspected) -> Option<String> {
    let note = &inspected.note;
    if let Some(rejected) = &note.rejected {
        return crate::explain::next_for(&rejected.reason);
    }
    note.signature_assumed
        .then(|| "give the issuer's public keys with `--keys FILE` to have the signature checked".to_owned())
}

fn members(page: &mut Page<'_>, heading: &str, members: Option<&Map<String, Value>>) {
    let Some(members) = members else { return };
    page.heading(heading);
    for (name, value) in members {
        page.line(2, &format!("{name}: {value}"));
    }
}
