//! A policy with one issuer, one route and one fence, and requests and callers for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::decision::{Allowed, Decision, Denial, ForbidId, Grant, RouteId, Rule};
use crate::policy::diagnostic::{At, Diagnostics, SourceFile, Spanned};
use crate::policy::upstream::Removals;
use crate::policy::{self, Judgement, Policy, answer, document, upstream};
use crate::request::{Headers, Incoming, Source};
use crate::token::settings::{Audiences, IssuerSettings, Place, Read, Refresh};
use crate::token::{Identity, IssuerId};

pub(super) fn text(value: &str) -> document::Text {
    Spanned { value: value.into(), at: At::default() }
}

pub(super) fn no_responses() -> document::Responses {
    document::Responses {
        at: At::default(),
        format: None,
        realm: None,
        disclose: None,
        resource_metadata: None,
        decision_id_header: None,
        bad_request: None,
        unauthenticated: None,
        forbidden: None,
        unavailable: None,
    }
}

pub(super) fn block(status: Option<i64>, headers: &[(&str, &str)], body: Option<&str>) -> document::Block {
    let headers = headers.iter().map(|(name, value)| (text(name), text(value))).collect();
    document::Block {
        at: At::default(),
        status: status.map(|value| Spanned { value, at: At::default() }),
        headers: Some(headers),
        body: body.map(text),
        format: None,
    }
}

pub(super) fn header_places(places: &[(&str, Option<&str>)]) -> Vec<Place> {
    let place = |(name, scheme): &(&str, Option<&str>)| Place::Header {
        name: (*name).into(),
        scheme: scheme.map(Into::into),
    };
    places.iter().map(place).collect()
}

/// The route's headers and removals as written.
pub(super) fn plan(headers: &[(&str, &str)], remove: &[&str], remove_token: bool) -> document::Upstream {
    document::Upstream {
        at: At::default(),
        headers: Some(headers.iter().map(|(name, value)| (text(name), Some(text(value)))).collect()),
        remove: Some(remove.iter().map(|name| text(name)).collect()),
        remove_token: Some(Spanned { value: remove_token, at: At::default() }),
    }
}

/// Compiles what tests write; everything else of the policy is empty.
pub(super) fn policy(
    responses: Option<&document::Responses>,
    on_deny: Option<&document::OnDeny>,
    plan: &document::Upstream,
    places: Vec<Place>,
) -> Policy {
    let mut problems = Diagnostics::default();
    let answers = answer::compile(responses, &mut problems);
    let rule_answers = answer::compile_rule(on_deny, &mut problems);
    let upstream = upstream::compile(None, Some(plan), &["id".into()], &mut problems);
    assert_eq!(problems.problems, []);
    let mut policy = compiled();
    policy.issuers = vec![Arc::new(issuer(places))];
    policy.removals = Removals::of(
        upstream.header_names().chain(policy.reading.overrides.headers_to_remove().iter().copied()),
    );
    let (route, forbid) =
        (policy.routes.first_mut().expect("a route"), policy.forbids.first_mut().expect("a fence"));
    route.upstream = upstream;
    route.answers = rule_answers.clone();
    forbid.answers = rule_answers;
    policy.answers = answers;
    policy
}

fn compiled() -> Policy {
    let file = SourceFile {
        name: "policy.yaml".into(),
        text: "version: 1\n\
            forbid: [{ name: fence, match: /never }]\n\
            routes: [{ match: 'GET /users/{id}', allow: anyone }]\n"
            .into(),
    };
    policy::compile(&[file]).expect("a policy")
}

fn issuer(places: Vec<Place>) -> IssuerSettings {
    IssuerSettings {
        name: "auth-service".into(),
        iss: vec!["https://auth.example.com".into()],
        sources: Vec::new(),
        algorithms: None,
        audiences: Audiences::Any,
        types: Vec::new(),
        leeway: Duration::ZERO,
        require_expiry: true,
        max_age: None,
        places,
        read: Read {
            subject: Vec::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            groups: Vec::new(),
            permissions: Vec::new(),
            audience: Vec::new(),
            must_equal: Vec::new(),
        },
        scope_wildcard: None,
        refresh: Refresh::default(),
        required: true,
    }
}

/// A policy whose answers are all built in.
pub(super) fn plain() -> Policy {
    policy(None, None, &plan(&[], &[], false), header_places(&[("authorization", Some("Bearer"))]))
}

pub(super) fn incoming<'a>(target: &'a str, headers: &[(&'a str, &'a str)]) -> Incoming<'a> {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    Incoming {
        method: "GET",
        host: "api.example.com",
        target,
        headers: Headers::new(headers),
        source: Source::default(),
    }
}

/// A caller with this subject, these roles and these claims.
pub(super) fn caller(subject: &str, roles: &[&str], claims: &Value) -> Arc<Identity> {
    Arc::new(Identity {
        issuer: IssuerId(0),
        subject: Some(subject.into()),
        scopes: Box::default(),
        all_scopes: false,
        roles: roles.iter().map(|role| (*role).into()).collect(),
        groups: Box::default(),
        permissions: Box::default(),
        audiences: Box::default(),
        token_type: None,
        claims: claims.as_object().cloned().unwrap_or_else(Map::new).into(),
        key_id: None,
        expires: None,
    })
}

pub(super) fn allowed<'a>(reason: Allowed) -> Judgement<'a> {
    Judgement::of(Decision::Allow(Grant::new(reason, RouteId(0))), Some(RouteId(0)))
}

pub(super) fn denied<'a>(denial: Denial) -> Judgement<'a> {
    Judgement::of(Decision::Deny(denial), Some(RouteId(0)))
}

pub(super) fn by_route(reason: crate::decision::Denied) -> Denial {
    Denial { rule: Rule::Route(RouteId(0)), ..Denial::new(reason) }
}

pub(super) fn by_fence(reason: crate::decision::Denied) -> Denial {
    Denial { rule: Rule::Forbid(ForbidId(0)), ..Denial::new(reason) }
}

pub(super) type Shadow = policy::Shadow;
