//! What the upstream of an allowed request is told, and what is kept from it.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::*;
use super::*;
use crate::decision::{Allowed, Denied};
use crate::policy::upstream::Removals;
use crate::request::{Overrides, Request};
use crate::token::settings::Place;

#[derive(Debug)]
struct Edits {
    set: Vec<(String, String)>,
    remove: Vec<String>,
    remove_query: Vec<String>,
    dropped: Vec<String>,
}

impl Edits {
    fn value(&self, name: &str) -> Option<&str> {
        self.set.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    fn removes(&self, name: &str) -> bool {
        self.remove.iter().any(|removed| removed == name)
    }
}

#[track_caller]
fn edits(policy: &Policy, incoming: &Incoming<'_>, judgement: &Judgement<'_>) -> Edits {
    match answer(policy, incoming, judgement, "i") {
        Answer::Allow { set, remove, remove_query, dropped, metadata } => {
            assert_eq!(metadata.outcome, "allow");
            for (name, _) in &set {
                assert!(!remove.contains(name), "`{name}` is set and removed");
            }
            let set = set.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
            let owned = |names: Vec<Cow<'_, str>>| names.into_iter().map(Cow::into_owned).collect();
            Edits {
                set: set.collect(),
                remove: owned(remove),
                remove_query: owned(remove_query),
                dropped: dropped.into_iter().map(str::to_owned).collect(),
            }
        }
        Answer::Deny { .. } => panic!("an allow was answered as a denial"),
    }
}

fn with_headers(headers: &[(&str, &str)]) -> Policy {
    policy(None, None, &plan(headers, &[], false), Vec::new())
}

/// The value that a template has for a caller with these claims.
fn rendered(template: &str, claims: &Value) -> Result<Option<String>, ()> {
    let policy = with_headers(&[("x-a", template)]);
    let mut judgement = allowed(Allowed::Met);
    judgement.caller = Some(caller("7", &["admin", "support"], claims));
    judgement.guard = "mobile";
    judgement.captures.push("id", "4 2".into());
    let edits = edits(&policy, &incoming("/users/4%202", &[("x-a", "forged")]), &judgement);
    assert_eq!(edits.removes("x-a"), edits.value("x-a").is_none());
    assert!(edits.removes("x_a") && edits.removes("x.a"));
    if edits.dropped.is_empty() { Ok(edits.value("x-a").map(str::to_owned)) } else { Err(()) }
}

#[test]
fn templates_are_filled_in() {
    let claims = json!({
        "tenant": "acme", "n": 7, "f": 1.5, "b": true, "null": null, "list": ["a", 2, false],
        "deep": { "er": { "x": "y" } }, "https://x/roles": ["r"],
    });
    for (template, wanted) in [
        ("{subject}", "7"),
        ("{roles}", "admin support"),
        ("{issuer}/{guard}", "auth-service/mobile"),
        ("{route}", "GET /users/{id}"),
        ("{params.id}", "4 2"),
        ("t-{claims.tenant}-{claims.n}", "t-acme-7"),
        ("{claims.f} {claims.b}", "1.5 true"),
        ("{claims.list}", "a 2 false"),
        ("{claims.deep.er.x}", "y"),
        (r#"{claims["https://x/roles"]}"#, "r"),
        ("{{{subject}", "{7"),
        ("always", "always"),
    ] {
        assert_eq!(rendered(template, &claims), Ok(Some(wanted.to_owned())), "{template}");
    }
}

#[test]
fn what_is_missing_leaves_the_header_removed() {
    let claims = json!({ "null": null, "empty": "", "none": [] });
    for template in [
        "{claims.absent}",
        "{claims.null}",
        "{claims.empty}",
        "{claims.none}",
        "{scopes}",
        "x-{claims.absent}",
    ] {
        assert_eq!(rendered(template, &claims), Ok(None), "{template}");
    }
}

#[test]
fn what_cannot_stand_in_a_header_leaves_it_removed_and_is_counted() {
    for value in [
        json!("a\r\nx-admin: 1"),
        json!("a\n"),
        json!("a\0"),
        json!("caf\u{e9}"),
        json!("a  b"),
        json!(" a"),
        json!("a "),
        json!("\t"),
        json!("a\u{7f}"),
        json!({ "a": 1 }),
        json!(["a b"]),
        json!(["a,b"]),
        json!(["a", ""]),
        json!(["a\u{a0}b"]),
        json!(["a", null]),
        json!(["a", ["b"]]),
        json!([{}]),
    ] {
        assert_eq!(rendered("{claims.v}", &json!({ "v": value })), Err(()), "{value}");
        assert_eq!(rendered("x-{claims.v}", &json!({ "v": value })), Err(()), "{value}");
    }
}

#[test]
fn nobody_can_send_an_identity_header_in_any_spelling() {
    let policy = with_headers(&[("x-user-id", "{subject}")]);
    let forged = [
        ("X-User-Id", "1"),
        ("x_user_id", "1"),
        ("x.user.id", "1"),
        ("x-user_id", "1"),
        ("X_user.ID", "1"),
        ("x!user~ID", "1"),
        ("x-user-idx", "kept"),
    ];
    let incoming = incoming("/", &forged);
    // An open route, a preflight, and one that sets the header.
    let mut known = allowed(Allowed::Met);
    known.caller = Some(caller("7", &[], &json!({})));
    for (judgement, value) in
        [(allowed(Allowed::Met), None), (allowed(Allowed::Preflight), None), (known.clone(), Some("7"))]
    {
        let edits = edits(&policy, &incoming, &judgement);
        assert_eq!(edits.value("x-user-id"), value);
        assert_eq!(edits.removes("x-user-id"), value.is_none());
        for look_alike in ["x_user_id", "x.user.id", "x-user_id", "x_user.id", "x!user~id"] {
            assert!(edits.removes(look_alike), "{look_alike}");
        }
        assert!(!edits.removes("x-user-idx"));
    }
    let unseen = edits(&policy, &super::fixture::incoming("/", &[]), &known);
    assert!(unseen.removes("x_user_id") && unseen.removes("x.user.id"));
    let preflight = Judgement { caller: known.caller.clone(), ..allowed(Allowed::Preflight) };
    assert_eq!(edits(&policy, &incoming, &preflight).value("x-user-id"), None);
}

#[test]
fn an_identity_header_of_another_route_is_removed_here() {
    let mut policy = with_headers(&[]);
    policy.removals = Removals::of(["x-user-id"]);
    let edits = edits(&policy, &incoming("/", &[("x-user-id", "1")]), &allowed(Allowed::Met));
    assert!(edits.removes("x-user-id"));
}

#[test]
fn headers_are_removed_as_the_route_says() {
    let policy = policy(None, None, &plan(&[], &["X-Debug"], false), Vec::new());
    let edits = edits(&policy, &incoming("/", &[("x_Debug", "1")]), &allowed(Allowed::Met));
    assert!(edits.removes("x-debug") && edits.removes("x_debug"));
}

fn judged(place: &Place) -> Judgement<'_> {
    let mut judgement = allowed(Allowed::Met);
    judgement.caller = Some(caller("7", &[], &json!({})));
    judgement.credential = Some(place);
    judgement
}

fn bearer() -> Place {
    Place::Header { name: "authorization".into(), scheme: Some("Bearer".into()) }
}

/// A server that folds names would read whichever of the two it likes.
#[test]
fn what_looks_like_the_header_of_the_credential_is_removed_and_the_credential_stays() {
    let place = Place::Header { name: "x-assertion".into(), scheme: None };
    let policy = policy(None, None, &plan(&[], &[], false), vec![place.clone()]);
    let headers = [("X-Assertion", "good"), ("X_Assertion", "other"), ("x.assertion", "other")];
    let incoming = incoming("/", &headers);
    let edits = edits(&policy, &incoming, &judged(&place));
    assert!(edits.removes("x_assertion") && edits.removes("x.assertion"));
    assert!(!edits.removes("x-assertion"));
}

#[test]
fn the_credential_is_removed_wherever_it_was() {
    let places = vec![
        bearer(),
        Place::Header { name: "x-token".into(), scheme: None },
        Place::Cookie("session".into()),
        Place::Query("access_token".into()),
    ];
    let policy = policy(None, None, &plan(&[], &[], true), places.clone());
    let headers = [("authorization", "bearer a"), ("x_token", "b"), ("cookie", "a=1; session=t; b=2")];
    let incoming = incoming("/?x=1&access%5Ftoken=t&access_token=u", &headers);
    for place in places {
        let edits = edits(&policy, &incoming, &judged(&place));
        assert!(edits.removes("authorization") && edits.removes("x_token"));
        assert_eq!(edits.value("cookie"), Some("a=1; b=2"));
        assert_eq!(edits.remove_query, ["access%5Ftoken", "access_token"]);
    }
    // Also on an open route, where nobody looked at it.
    assert!(edits(&policy, &incoming, &allowed(Allowed::Met)).removes("authorization"));
}

#[test]
fn where_a_token_was_judged_no_other_gets_through() {
    let places = vec![bearer(), Place::Cookie("session".into()), Place::Query("access_token".into())];
    let policy = policy(None, None, &plan(&[], &[], false), places);
    let incoming = incoming("/?access_token=t", &[("authorization", "Bearer a"), ("cookie", "session=t")]);
    let by_header = edits(&policy, &incoming, &judged(&bearer()));
    assert!(!by_header.removes("authorization"));
    assert!(by_header.removes("cookie"));
    assert_eq!(by_header.remove_query, ["access_token"]);
    let by_cookie = edits(&policy, &incoming, &judged(&Place::Cookie("session".into())));
    assert!(by_cookie.removes("authorization") && !by_cookie.removes("cookie"));
    assert_eq!(by_cookie.value("cookie"), None);
    let unjudged = edits(&policy, &incoming, &allowed(Allowed::Met));
    assert!(!unjudged.removes("authorization") && unjudged.remove_query.is_empty());
}

#[test]
fn another_scheme_is_no_token_and_stays() {
    let policy = policy(None, None, &plan(&[], &[], true), vec![bearer()]);
    for (value, removed) in [
        ("Basic eDp5", false),
        ("Bearerish x", false),
        ("Bearer", true),
        ("BEARER x", true),
        (" bearer\tx", true),
    ] {
        let edits = edits(&policy, &incoming("/", &[("authorization", value)]), &allowed(Allowed::Met));
        assert_eq!(edits.removes("authorization"), removed, "{value}");
    }
}

#[test]
fn a_cookie_is_taken_out_of_whatever_form_the_header_has() {
    let policy = policy(None, None, &plan(&[], &[], true), vec![Place::Cookie("s".into())]);
    for (sent, left) in [
        (&["s=t"][..], None),
        (&["s=t; s=u"], None),
        (&["a=1;s=t"], Some("a=1")),
        (&["s=t; a=1", "b=2; s=u"], Some("a=1; b=2")),
        // Envoy joins repeated headers with a comma.
        (&["a=1,s=t,b=2"], Some("a=1,b=2")),
        (&["ss=1; s=t; as=2"], Some("ss=1; as=2")),
        (&["a=caf\u{e9}; s=t"], None),
    ] {
        let headers: Vec<(&str, &str)> = sent.iter().map(|value| ("cookie", *value)).collect();
        let edits = edits(&policy, &incoming("/", &headers), &judged(&Place::Cookie("s".into())));
        assert_eq!(edits.value("cookie"), left, "{sent:?}");
        assert_eq!(edits.removes("cookie"), left.is_none(), "{sent:?}");
    }
    let untouched = edits(&policy, &incoming("/", &[("cookie", "a=1")]), &allowed(Allowed::Met));
    assert!(untouched.value("cookie").is_none() && !untouched.removes("cookie"));
}

#[test]
fn overrides_are_kept_from_the_upstream() {
    let mut policy = plain();
    let headers = [("X-Original-URL", "/admin"), ("x_http_method_override", "DELETE")];
    let incoming = incoming("/?_method=DELETE&%5fmethod=PUT&a=1&b=2;_method=PUT&+_Method[]", &headers);
    for (overrides, target, method, query) in [
        (Overrides::Reject, true, true, vec![]),
        (
            Overrides::Remove,
            true,
            true,
            ["_method", "%5fmethod", "b", "+_Method[]"].map(str::to_owned).to_vec(),
        ),
        (Overrides::Pass, false, false, vec![]),
    ] {
        policy.reading.overrides = overrides;
        policy.removals = Removals::of(overrides.headers_to_remove().iter().copied());
        let edits = edits(&policy, &incoming, &allowed(Allowed::Met));
        assert_eq!(edits.removes("x-original-url"), target, "{overrides:?}");
        assert_eq!(edits.removes("x_rewrite_url"), target, "{overrides:?}");
        assert_eq!(edits.removes("x_http_method_override"), method, "{overrides:?}");
        assert_eq!(edits.remove_query, query, "{overrides:?}");
    }
}

/// That of the request.
const HOST: &str = "api.example.com";

#[test]
fn a_header_that_names_another_host_or_path_is_refused_or_kept_from_the_upstream() {
    let mut policy = plain();
    for (name, value, is_other) in [
        ("x-forwarded-host", HOST, false),
        ("X-Forwarded-Host", &*HOST.to_ascii_uppercase(), false),
        ("x-forwarded-host", &*format!("{HOST}:443, {HOST}"), false),
        ("x-forwarded-host", "admin.example.com", true),
        ("X_Forwarded_Host", "admin.example.com", true),
        ("x-forwarded-host", &*format!("{HOST}, admin.example.com"), true),
        ("x-forwarded-host", "", true),
        ("x-forwarded-host", "caf\u{e9}", true),
        ("forwarded", "for=192.0.2.60;proto=https", false),
        ("forwarded", &*format!("for=1.2.3.4; Host=\"{HOST}:8443\""), false),
        ("Forwarded", "for=1.2.3.4;host=admin.example.com", true),
        ("Forwarded", &*format!("host={HOST}, for=a; HOST = \"admin.example.com\""), true),
        ("x-host", "admin.example.com", false),
        ("SCRIPT_NAME", "/public", true),
        ("path-info", "/admin", true),
        ("script", "/public", false),
    ] {
        for names_hosts in [true, false] {
            let names_path = matches!(name, "SCRIPT_NAME" | "path-info");
            let misleads = is_other && (names_hosts || names_path);
            policy.reading.names_hosts = names_hosts;
            for overrides in [Overrides::Remove, Overrides::Pass] {
                policy.reading.overrides = overrides;
                let edits = edits(&policy, &incoming("/", &[(name, value)]), &allowed(Allowed::Met));
                let removes = misleads && overrides == Overrides::Remove;
                assert_eq!(
                    edits.removes(&name.to_ascii_lowercase()),
                    removes,
                    "{name}: {value} {overrides:?}"
                );
            }
            policy.reading.overrides = Overrides::Reject;
            let incoming = incoming("/", &[(name, value)]);
            let refused = Request::read(&incoming, &policy.reading).err().map(|denial| denial.reason);
            assert_eq!(refused, misleads.then_some(Denied::BadRequest), "{name}: {value}");
        }
    }
}

proptest! {
    /// Whatever a token says, the upstream gets at most the headers of the policy, each one line.
    #[test]
    fn no_claim_adds_a_header_or_a_line(
        subject in any::<String>(),
        roles in proptest::collection::vec(any::<String>(), 0..4),
        claim in any::<String>(),
        list in proptest::collection::vec("[ -~\\r\\n,é]{0,6}", 0..4),
    ) {
        let policy = with_headers(&[
            ("x-subject", "{subject}"),
            ("x-roles", "{roles}"),
            ("x-claim", "a {claims.c} b"),
            ("x-list", "{claims.l}"),
        ]);
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let mut judgement = allowed(Allowed::Met);
        judgement.caller = Some(caller(&subject, &roles, &json!({ "c": claim, "l": list })));
        let edits = edits(&policy, &incoming("/", &[]), &judgement);
        for (name, value) in &edits.set {
            prop_assert!(["x-subject", "x-roles", "x-claim", "x-list"].contains(&name.as_str()));
            prop_assert!(!value.is_empty() && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
            prop_assert!(!value.contains("  ") && value.trim() == value);
            prop_assert!(!edits.removes(name));
        }
        if let Some(value) = edits.value("x-list") {
            prop_assert_eq!(value.split(' ').collect::<Vec<_>>(), list);
        }
        prop_assert!(edits.remove_query.is_empty());
        prop_assert_eq!(edits.set.len() + edits.remove.iter().filter(|name| {
            ["x-subject", "x-roles", "x-claim", "x-list"].contains(&name.as_str())
        }).count(), 4);
    }
}
