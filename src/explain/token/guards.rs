//! To which guards a verified token belongs, and what keeps it out of the others.

use serde::{Deserialize, Serialize};

use crate::engine::Snapshot;
use crate::explain::notes::cut;
use crate::policy::Captures;
use crate::policy::guard::Guard;
use crate::policy::tri::Tri;
use crate::token::Identity;

/// A guard that the policy declares, and this token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardNote {
    /// Its name.
    pub name: String,
    /// Whether the token belongs to it.
    pub belongs: bool,
    /// Why it does not.
    pub why_not: Option<String>,
}

/// Every declared guard. Issuers are guards of their own, which say nothing new.
pub(super) fn notes(snapshot: &Snapshot, identity: &Identity) -> Vec<GuardNote> {
    let guards = &snapshot.policy.guards;
    let declared = guards.names().skip(snapshot.policy.issuers.len());
    let found = declared.filter_map(|name| guards.get(guards.find(name)?));
    found
        .map(|guard| {
            let why_not = why_not(snapshot, guard, identity);
            GuardNote { name: guard.name.to_string(), belongs: why_not.is_none(), why_not }
        })
        .collect()
}

fn why_not(snapshot: &Snapshot, guard: &Guard, identity: &Identity) -> Option<String> {
    let guards = &snapshot.policy.guards;
    if !guard.issuers.contains(&identity.issuer) {
        let issuers: Vec<&str> = guard.issuers.iter().map(|id| guards.issuer_name(*id)).collect();
        return Some(format!("is for tokens of {}", issuers.join(" or ")));
    }
    if let Some(asked) = &guard.audiences
        && !asked.iter().any(|one| identity.audiences.contains(one))
    {
        let has =
            if identity.audiences.is_empty() { "none".to_owned() } else { identity.audiences.join(", ") };
        return Some(format!("asks for audience {}; has {}", asked.join(" or "), cut(&has)));
    }
    if let Some(asked) = &guard.types
        && !asked.contains(&identity.token_type)
    {
        let words: Vec<&str> = asked.iter().map(|one| one.as_deref().unwrap_or("none")).collect();
        let has = identity.token_type.as_deref().unwrap_or("none");
        return Some(format!("asks for typ {}; has {has}", words.join(" or ")));
    }
    let none = Captures::new();
    guard.claims.iter().find_map(|(path, matcher)| {
        let value = path.find(&identity.claims);
        if matcher.matches(value, &none) == Tri::Yes {
            return None;
        }
        let has = value.map_or_else(|| "none".to_owned(), shown);
        Some(format!("asks for claim {path} {matcher}; has {}", cut(&has)))
    })
}

fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
