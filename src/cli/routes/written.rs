//! What only the document knows of a rule: how its matches are written, and what it is for.

use std::collections::HashMap;

use crate::policy::compile::words;
use crate::policy::diagnostic::At;
use crate::policy::document::{Document, Match, Text};

/// One rule as it is written.
#[derive(Debug, Default)]
pub struct Written {
    /// Its matches; those of a fence with its holes.
    pub matches: Vec<String>,
    /// For people.
    pub description: Option<String>,
}

/// Every rule, by its place.
pub fn written(document: &Document) -> HashMap<At, Written> {
    let description = |text: &Option<Text>| text.as_ref().map(|text| text.value.to_string());
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

/// The name of a rule beside its matches: nothing where it only repeats them.
pub fn beside(name: &str, matched: &str) -> String {
    let repeats = name == matched || name.strip_suffix(" (shadow)") == Some(matched);
    if repeats { String::new() } else { name.to_owned() }
}
