//! What a client that is turned away is told.

use serde_json::json;

use super::fixture::*;
use super::*;
use crate::decision::{Denied, Rule};
use crate::policy::document;

struct Told {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }
}

#[track_caller]
fn told(policy: &Policy, headers: &[(&str, &str)], denial: Denial, has_caller: bool) -> Told {
    let incoming = incoming("/users/7", headers);
    let mut judgement = denied(denial);
    judgement.caller = has_caller.then(|| caller("7", &[], &json!({})));
    match answer(policy, &incoming, &judgement, "0197-id") {
        Answer::Deny { status, headers, body, .. } => {
            let headers = headers.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
            Told { status, headers: headers.collect(), body: body.into_owned() }
        }
        Answer::Allow { .. } => panic!("a denial was answered as an allow"),
    }
}

fn with(change: impl FnOnce(&mut document::Responses)) -> Policy {
    let mut responses = no_responses();
    change(&mut responses);
    policy(Some(&responses), None, &plan(&[], &[], false), Vec::new())
}

fn on_deny(on_deny: &document::OnDeny) -> Policy {
    policy(None, Some(on_deny), &plan(&[], &[], false), Vec::new())
}

#[test]
fn every_reason_has_its_status_and_is_never_stored() {
    let policy = plain();
    for reason in Denied::ALL {
        let told = told(&policy, &[], by_route(*reason), true);
        assert_eq!(told.status, reason.block().default_status(), "{reason:?}");
        assert_eq!(told.header("cache-control"), Some("no-store"), "{reason:?}");
        assert_eq!(told.header("content-type"), Some("application/problem+json"), "{reason:?}");
        let challenged = told.header("www-authenticate").is_some();
        assert_eq!(challenged, matches!(told.status, 401 | 403), "{reason:?}");
    }
}

#[test]
fn each_format_has_its_body_and_content_type() {
    for (format, kind, unauthenticated, forbidden) in [
        (
            "problem",
            Some("application/problem+json"),
            r#"{"type":"about:blank","title":"Unauthorized","status":401}"#,
            r#"{"type":"about:blank","title":"Forbidden","status":403}"#,
        ),
        (
            "message",
            Some("application/json"),
            r#"{"message":"Unauthenticated"}"#,
            r#"{"message":"Forbidden"}"#,
        ),
        ("text", Some("text/plain; charset=utf-8"), "Unauthorized", "Forbidden"),
        ("empty", None, "", ""),
    ] {
        let policy = with(|responses| responses.format = Some(text(format)));
        for (reason, body) in [(Denied::MissingToken, unauthenticated), (Denied::NoRoute, forbidden)] {
            let told = told(&policy, &[], Denial::new(reason), false);
            assert_eq!((told.body.as_str(), told.header("content-type")), (body, kind), "{format}");
        }
    }
    let message = with(|responses| responses.format = Some(text("message")));
    for (reason, body) in [
        (Denied::BadPath, r#"{"message":"Bad Request"}"#),
        (Denied::KeysUnavailable, r#"{"message":"Service Unavailable"}"#),
    ] {
        assert_eq!(told(&message, &[], Denial::new(reason), false).body, body);
    }
}

#[test]
fn a_challenge_says_what_failed_and_nothing_where_nothing_was_sent() {
    let policy = with(|responses| responses.realm = Some(text(r#"a "b" \"#)));
    let realm = r#"Bearer realm="a \"b\" \\""#;
    for (reason, has_caller, rest) in [
        (Denied::MissingToken, false, ""),
        (Denied::BadSignature, false, r#", error="invalid_token""#),
        (Denied::GuardMismatch, false, r#", error="invalid_token""#),
        (Denied::Expired, false, r#", error="invalid_token", error_description="the token has expired""#),
        (Denied::MissingRole, true, r#", error="insufficient_scope""#),
        (Denied::RequirementUnmet, true, r#", error="insufficient_scope""#),
        (Denied::RequirementUnmet, false, ""),
        (Denied::NoRoute, true, ""),
        (Denied::SourceMismatch, true, ""),
    ] {
        let told = told(&policy, &[], by_route(reason), has_caller);
        assert_eq!(told.header("www-authenticate"), Some(format!("{realm}{rest}").as_str()), "{reason:?}");
    }
}

#[test]
fn a_challenge_names_exactly_the_missing_scopes() {
    let policy = with(|responses| responses.resource_metadata = Some(text("https://a/m")));
    let mut denial = by_route(Denied::MissingScope);
    denial.missing = vec!["read-crm".into(), "crm:write".into()];
    assert_eq!(
        told(&policy, &[], denial.clone(), true).header("www-authenticate"),
        Some(concat!(
            r#"Bearer realm="api", error="insufficient_scope", scope="read-crm crm:write", "#,
            r#"resource_metadata="https://a/m""#
        ))
    );
    // A scope that was made from a capture of the path.
    denial.missing = vec!["read-crm".into(), "tenant:\", x=\"".into()];
    assert_eq!(
        told(&policy, &[], denial, true).header("www-authenticate"),
        Some(r#"Bearer realm="api", error="insufficient_scope", resource_metadata="https://a/m""#)
    );
}

#[test]
fn what_is_disclosed_is_for_the_policy_to_say() {
    let policy = |word| with(|responses: &mut document::Responses| responses.disclose = Some(text(word)));
    let mut denial = by_route(Denied::MissingScope);
    denial.missing = vec!["read-crm".into()];
    let none = told(&policy("none"), &[], denial.clone(), true);
    assert_eq!(none.header("www-authenticate"), Some(r#"Bearer realm="api""#));
    assert_eq!(none.body, r#"{"type":"about:blank","title":"Forbidden","status":403}"#);
    let challenge = told(&policy("challenge"), &[], denial.clone(), true);
    assert_eq!(challenge.body, none.body);
    let reason = told(&policy("reason"), &[], denial, true);
    let body: serde_json::Value = serde_json::from_str(&reason.body).expect("JSON");
    assert_eq!(
        body,
        json!({
            "type": "about:blank", "title": "Forbidden", "status": 403, "detail": "a scope is missing",
            "reason": "missing_scope", "rule": "GET /users/{id}",
        })
    );
    let challenge = reason.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains(r#"error_description="a scope is missing""#), "{challenge}");
}

#[test]
fn the_guide_s_fence_answers_as_it_is_written() {
    let body = r#"{"message":"User role error"}"#;
    let policy = on_deny(&document::OnDeny::ByKind {
        at: crate::policy::diagnostic::At::default(),
        bad_request: None,
        unauthenticated: None,
        guard_mismatch: Some(block(Some(401), &[("www-authenticate", "jwt-auth")], Some(body))),
        forbidden: None,
        unavailable: None,
    });
    let told = |reason| told(&policy, &[], by_fence(reason), false);
    let mismatch = told(Denied::GuardMismatch);
    assert_eq!((mismatch.status, mismatch.body.as_str()), (401, body));
    assert_eq!(mismatch.header("www-authenticate"), Some("jwt-auth"));
    assert_eq!(mismatch.header("content-type"), Some("application/json"));
    assert_eq!(mismatch.header("cache-control"), Some("no-store"));
    assert_eq!(told(Denied::Expired).header("content-type"), Some("application/problem+json"));
}

#[test]
fn a_hidden_area_cannot_be_told_from_nothing() {
    let policy = on_deny(&document::OnDeny::Every(block(Some(404), &[], None)));
    for reason in [Denied::MissingToken, Denied::Expired, Denied::Forbidden, Denied::GuardMismatch] {
        let told = told(&policy, &[], by_fence(reason), false);
        assert_eq!(told.status, 404);
        assert_eq!(told.header("www-authenticate"), None);
        assert_eq!(told.body, r#"{"type":"about:blank","title":"Not Found","status":404}"#);
    }
    // Another rule, or none, answers as ever.
    assert_eq!(told(&policy, &[], Denial::new(Denied::NoRoute), false).status, 403);
}

#[test]
fn a_rule_answers_over_the_set_key_by_key() {
    let mut responses = no_responses();
    responses.forbidden = Some(block(
        Some(404),
        &[("x-set", "1"), ("x-both", "set"), ("content-type", "text/html")],
        Some("<p>no</p>"),
    ));
    let rule = document::OnDeny::Every(block(None, &[("x-both", "rule")], Some("{\"no\":1}")));
    let policy = policy(Some(&responses), Some(&rule), &plan(&[], &[], false), Vec::new());
    let of_rule = told(&policy, &[], by_route(Denied::Forbidden), false);
    assert_eq!((of_rule.status, of_rule.body.as_str()), (404, "{\"no\":1}"));
    assert_eq!(of_rule.header("x-set"), Some("1"));
    assert_eq!(of_rule.header("x-both"), Some("rule"));
    assert_eq!(of_rule.header("content-type"), Some("application/json"), "the type of another body");
    let of_set = told(&policy, &[], Denial::new(Denied::NoRoute), false);
    assert_eq!((of_set.body.as_str(), of_set.header("content-type")), ("<p>no</p>", Some("text/html")));
}

/// `GET /t/%3Cscript%3E…` where `{tenant}:reader` is missing: what the client wrote stands in the body.
#[test]
fn a_body_keeps_the_content_type_it_is_escaped_for() {
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    let mut denial = by_route(Denied::MissingRole);
    denial.missing = vec!["<script>alert(1)</script>:reader".into()];
    let of = |set: &[(&str, &str)], rule: &[(&str, &str)]| {
        let mut responses = no_responses();
        responses.forbidden = Some(block(None, set, Some("you lack {missing}")));
        let rule = document::OnDeny::Every(block(None, rule, None));
        let policy = policy(Some(&responses), Some(&rule), &plan(&[], &[], false), Vec::new());
        let told = told(&policy, &[], denial.clone(), true);
        (told.header("content-type").map(str::to_owned), told.body.contains("<script>"))
    };
    assert_eq!(of(&[], html), (Some("text/plain; charset=utf-8".to_owned()), true), "text stays text");
    assert_eq!(of(html, &[("content-type", "text/plain")]), (Some("text/html".to_owned()), false));
    // What the program writes holds nothing of the request.
    let rule =
        on_deny(&document::OnDeny::Every(block(None, &[("content-type", "application/vnd.a+json")], None)));
    let told = told(&rule, &[], denial, true);
    assert_eq!(told.header("content-type"), Some("application/vnd.a+json"));
    assert!(!told.body.contains("script"), "{}", told.body);
}

#[test]
fn placeholders_of_a_body_are_filled_in() {
    let mut responses = no_responses();
    responses.realm = Some(text("crm"));
    responses.decision_id_header = Some(text("X-Decision-Id"));
    let body = "{reason} {decision_id} {route} {missing} {realm}";
    responses.forbidden = Some(block(None, &[], Some(body)));
    let policy = policy(Some(&responses), None, &plan(&[], &[], false), Vec::new());
    let mut denial = by_fence(Denied::MissingRole);
    denial.missing = vec!["admin".into(), "support".into()];
    let told = told(&policy, &[], denial, true);
    assert_eq!(told.body, "missing_role 0197-id fence admin support crm");
    assert_eq!(told.header("x-decision-id"), Some("0197-id"));
}

#[test]
fn a_grpc_client_sees_one_of_three_statuses_and_a_plain_message() {
    let grpc: &[(&str, &str)] = &[("content-type", "application/grpc+proto")];
    let policy = on_deny(&document::OnDeny::Every(block(
        Some(404),
        &[("content-type", "text/html"), ("x-kept", "1")],
        Some("<p>no</p>"),
    )));
    for reason in Denied::ALL {
        let wanted = match reason.block() {
            Block::Unauthenticated => 401,
            Block::BadRequest | Block::Forbidden => 403,
            Block::Unavailable => 503,
        };
        for denial in [by_route(*reason), Denial::new(*reason)] {
            let told = told(&policy, grpc, denial, false);
            assert_eq!(told.status, wanted, "{reason:?}");
            assert_eq!(told.header("content-type"), None);
            assert!(!told.body.contains(['<', '{', '\n']), "{}", told.body);
        }
    }
    assert_eq!(told(&policy, grpc, by_route(Denied::Nobody), false).header("x-kept"), Some("1"));
}

#[test]
fn a_head_request_is_told_what_a_get_would_be() {
    let policy = plain();
    let get = incoming("/", &[]);
    let head = Incoming { method: "HEAD", ..incoming("/", &[]) };
    let judgement = denied(by_route(Denied::MissingToken));
    assert_eq!(answer(&policy, &get, &judgement, "i"), answer(&policy, &head, &judgement, "i"));
}

#[test]
fn what_was_never_judged_is_answered_too() {
    let answer = refuse(None, &Headers::default(), &Denial::new(Denied::PolicyUnavailable), "i");
    let Answer::Deny { block, status, metadata, .. } = answer else { panic!("not a denial") };
    assert_eq!((block, status), (Block::Unavailable, 503));
    assert_eq!((metadata.outcome, metadata.reason), ("error", "policy_unavailable"));
    assert_eq!((metadata.route.as_ref(), metadata.decision_id), ("(none)", "i"));
}

#[test]
fn metadata_has_the_words_of_the_log_on_one_line() {
    let policy = plain();
    let mut judgement = denied(by_fence(Denied::GuardMismatch));
    judgement.caller = Some(caller("7\r\nfake line\u{2028}", &[], &json!({ "secret": "s" })));
    judgement.guard = "mobile";
    judgement.shadows = vec![Shadow {
        rule: Rule::Route(crate::decision::RouteId(0)),
        decision: Decision::Deny(Denial::new(Denied::MissingScope)),
    }];
    let incoming = incoming("/", &[]);
    let answer = answer(&policy, &incoming, &judgement, "i");
    let Metadata { decision_id, outcome, reason, route, guard, issuer, subject, shadow } = answer.metadata();
    assert_eq!((*decision_id, *outcome, *reason), ("i", "deny", "guard_mismatch"));
    assert_eq!((route.as_ref(), *guard, *issuer), ("(forbid) fence", "mobile", "auth-service"));
    assert_eq!(subject, r"7\u{d}\u{a}fake line\u{2028}");
    assert_eq!(shadow, &["GET /users/{id}: missing_scope"]);
}
