//! What is explained is what is decided: the same reason, route, rule, guard, caller and shadows, for every pair.

use portcullis::cases::{Captured, Request};
use portcullis::engine::Snapshot;
use portcullis::explain::explain;
use portcullis::request::{Headers, Incoming, Source};
use portcullis::time::UnixTime;

use super::reference::Answer;
use super::target::Sent;

/// Explains a request, and holds it to what was decided.
pub fn agrees(snapshot: &Snapshot, sent: &Sent, now: i64, decided: &Answer) {
    let incoming = Incoming {
        method: &sent.method,
        host: &sent.host,
        target: &sent.target,
        headers: Headers::new(sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))),
        source: Source { address: sent.address, principal: &sent.principal },
    };
    let arrives = Captured::Request(Request::of(&incoming));
    let told = explain(snapshot, &arrives, UnixTime::from_seconds(now));
    let decision = &told.decision;
    assert_eq!(decision.reason, decided.reason, "{told:#?}");
    let rule = decision.rule.as_ref().map(|rule| format!("{} {}", rule.kind, rule.name));
    assert_eq!(rule.unwrap_or_default(), decided.rule, "{told:#?}");
    assert_eq!(told.route.as_ref().map(|route| route.rule.name.clone()), decided.route, "{told:#?}");
    let shadows: Vec<String> = told
        .shadow
        .iter()
        .map(|shadow| {
            let rule = shadow.rule.as_ref().map(|rule| format!("{} {}", rule.kind, rule.name));
            format!("{}: {}", rule.unwrap_or_default(), shadow.reason)
        })
        .collect();
    assert_eq!(shadows, decided.shadows, "{told:#?}");
    // What is shown of the way fits the end of it.
    let is_allowed = matches!(decided.reason, "allowed" | "preflight");
    assert_eq!(decision.outcome == "allow", is_allowed);
    assert_eq!(told.answer.status() == 200, is_allowed, "{told:#?}");
    assert_eq!(decision.next.is_none(), is_allowed, "{told:#?}");
    if decided.reason == "allowed" {
        let holds = |note: &portcullis::explain::ForbidNote| note.holds == Some(true) && !note.shadow;
        assert!(!told.forbid.iter().any(holds), "a fence holds, and it is allowed: {told:#?}");
        let winner = told.routes.iter().find(|route| route.wins && !route.shadow);
        assert_eq!(winner.map(|route| route.rule.name.clone()), decided.route, "{told:#?}");
        let asked = told.route.as_ref().expect("a route");
        assert!(asked.checks.iter().all(|step| step.verdict == "yes"), "{told:#?}");
    }
    if let Some(caller) = &told.token.caller
        && is_allowed
        && decided.subject.is_some()
    {
        assert_eq!(caller.subject, decided.subject, "{told:#?}");
    }
    for guard in &told.token.guards {
        let listed = told.token.caller.as_ref().is_some_and(|caller| caller.guards.contains(&guard.name));
        assert_eq!(guard.belongs, listed, "{guard:?}: {told:#?}");
    }
}
