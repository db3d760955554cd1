//! Any text as a policy.

use std::sync::Arc;

use portcullis::decision::Decision;
use portcullis::engine::{self, Snapshot};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::{At, Diagnostics, SourceFile};
use portcullis::policy::document::{Document, Match, Requirement, Route};
use portcullis::policy::reader;
use portcullis::token::Attempt;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::trust::{SourceKeys, Trust};

use super::{NOW, incoming};

/// Compiled whole, or told what is wrong and where. Nobody gets in without a token but where the policy says so.
pub fn policy(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        strangers_kept_out(text);
    }
}

/// How many requests without a token were turned away as they had to be.
pub fn strangers_kept_out(text: &str) -> usize {
    let file = SourceFile { name: "policy.yaml".into(), text: text.into() };
    let policy = match compile(std::slice::from_ref(&file)) {
        Ok(policy) => policy,
        Err(problems) => {
            says_what_is_wrong_and_where(&problems, text);
            return 0;
        }
    };
    let document = reader::read(&[file], &mut Diagnostics::default());
    let is_open = |route: &&Route| may_let_strangers_in(route, &document);
    let open: Vec<At> = document.routes.iter().filter(is_open).map(|route| route.at).collect();
    let keys = policy.issuers.iter().map(|issuer| {
        issuer.sources.iter().map(|_| SourceKeys { set: None, fetched_at: None, remote: true }).collect()
    });
    let keys = keys.collect();
    let policy = Arc::new(policy);
    let cache = Arc::new(TokenCache::new(CacheSettings::default()));
    let snapshot = Snapshot { trust: Trust::new(policy.issuers.clone(), keys, cache), policy };
    let mut kept_out = 0;
    for (method, host, target) in requests(&document) {
        let incoming = incoming(&method, &host, &target);
        let Ok(request) = engine::read(&snapshot, &incoming) else { continue };
        let judgement = engine::authorize(&snapshot, &request, NOW, Attempt::Final).expect("final");
        let route = judgement.route.and_then(|id| snapshot.policy.route(id));
        if !route.is_some_and(|route| open.contains(&route.meta.at)) {
            let is_allowed = matches!(judgement.decision, Decision::Allow(_));
            assert!(
                !is_allowed,
                "{method} {host}{target} by {:?}: {text}",
                route.map(|route| &route.meta.name)
            );
            kept_out += usize::from(route.is_some());
        }
    }
    kept_out
}

fn says_what_is_wrong_and_where(problems: &Diagnostics, text: &str) {
    assert!(problems.has_errors());
    for problem in &problems.problems {
        let at = problem.at.expect("a place");
        let byte = |at: u32| usize::try_from(at).expect("a place in a file");
        let (start, end) = (byte(at.start), byte(at.end));
        assert!(start <= end && end <= text.len(), "{} {at:?}", problem.message);
        assert!(!problem.message.is_empty() && problem.hint.is_some(), "{}", problem.message);
    }
}

/// `allow: anyone`, or a requirement that somebody without a token may satisfy.
fn may_let_strangers_in(route: &Route, document: &Document) -> bool {
    let asks_for_a_token =
        route.guard.is_some() || route.token.as_ref().is_some_and(|word| &*word.value == "required");
    match (&route.allow, &route.require) {
        (Some(word), _) => &*word.value == "anyone",
        (None, Some(requirement)) => !asks_for_a_token && without_caller(requirement, document).0,
        (None, None) => false,
    }
}

/// Whether a requirement may be yes, and whether it may be no, where there is no caller.
fn without_caller(requirement: &Requirement, document: &Document) -> (bool, bool) {
    let of = |requirement: &Requirement| without_caller(requirement, document);
    let is_of_caller = [
        requirement.scopes.is_some() || requirement.any_scope.is_some(),
        requirement.roles.is_some() || requirement.any_role.is_some(),
        requirement.groups.is_some() || requirement.any_group.is_some(),
        requirement.permissions.is_some() || requirement.any_permission.is_some(),
        requirement.guard.is_some() || requirement.subject.is_some() || requirement.claims.is_some(),
    ];
    let is_of_request =
        requirement.headers.is_some() || requirement.query.is_some() || requirement.source.is_some();
    let (mut yes, mut no) = (!is_of_caller.contains(&true), is_of_request || requirement.when.is_some());
    for part in requirement.all.iter().flatten().map(of) {
        (yes, no) = (yes && part.0, no || part.1);
    }
    if let Some(branches) = &requirement.any {
        yes &= branches.iter().any(|branch| of(branch).0);
        no |= branches.iter().all(|branch| of(branch).1);
    }
    if let Some((inner_yes, inner_no)) = requirement.not.as_deref().map(of) {
        (yes, no) = (yes && inner_no, no || inner_yes);
    }
    if let Some(name) = &requirement.uses {
        let named = document.requirements.iter().find(|(known, _)| known.value == name.value);
        let (inner_yes, inner_no) = named.map_or((true, true), |(_, named)| of(named));
        (yes, no) = (yes && inner_yes, no || inner_no);
    }
    (yes, no)
}

/// Some requests, and one for every match that is written as a text.
fn requests(document: &Document) -> Vec<(String, String, String)> {
    let some = [("GET", "/"), ("POST", "/admin/x"), ("GET", "/users/7"), ("DELETE", "/a/b/c?x=1")];
    let some = some.map(|(method, target)| (method.to_owned(), "a.example".to_owned(), target.to_owned()));
    let texts = document.routes.iter().flat_map(|route| &route.matches).filter_map(|one| match one {
        Match::Text(text) => Some(&*text.value),
        Match::Map(_) => None,
    });
    some.into_iter().chain(texts.filter_map(request)).collect()
}

fn request(written: &str) -> Option<(String, String, String)> {
    let (methods, place) = written.split_once(' ').unwrap_or(("GET", written));
    let (host, path) = place.split_at(place.find('/')?);
    let host = if host.is_empty() { "a.example".to_owned() } else { host.replace('*', "a") };
    let concrete = |piece: &str| {
        if piece == "**" || piece.ends_with("=**}") {
            return String::new();
        }
        let capture =
            piece.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1)));
        capture.map_or_else(|| piece.replace('*', "x"), |(before, after)| format!("{before}7{after}"))
    };
    let segments: Vec<String> = path.split('/').map(concrete).collect();
    Some((methods.split(',').next()?.to_owned(), host, segments.join("/")))
}
