//! Which series there are, when they go, and that what is counted is what was decided.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decision::{Allowed, Denial, Denied, ForbidId, Grant, RouteId, Rule};
use crate::policy::diagnostic::SourceFile;
use crate::policy::{Shadow, compile};
use crate::response::{Answer, Metadata};
use crate::token::settings::Algorithm;
use crate::token::{IssuerId, Verification};

use super::*;

const ISSUERS: &str = "\
version: 1
issuers:
  main: { issuer: https://id.example, keys: { jwks_url: https://id.example/jwks }, audiences: [shop], algorithms: [ES256] }
  partner: { issuer: https://partner.example, keys: { jwks_url: https://partner.example/jwks }, audiences: [shop] }
defaults: { guard: main }
";

const ROUTES: &str = r#"
forbid:
  - name: metrics
    match: { path: "/metrics" }
routes:
  - name: orders
    match: { path: "/orders/**" }
    require: { scopes: [orders] }
  - name: public
    match: { path: "/public/**" }
    allow: anyone
    token: ignored
  - name: shadow of orders
    match: { path: "/orders/**" }
    require: { roles: [seller] }
    mode: shadow
"#;

fn policy(rules: &str) -> Policy {
    let file = SourceFile { name: "policy.yaml".into(), text: format!("{ISSUERS}{rules}").into() };
    compile(&[file]).unwrap_or_else(|problems| panic!("{:?}", problems.problems.first()))
}

/// Series of one name with their values.
fn series(metrics: &Metrics, name: &str) -> BTreeMap<String, f64> {
    let text = metrics.render(None);
    text.lines()
        .filter_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' '])))
        .map(|rest| {
            let (labels, value) = rest.rsplit_once(' ').expect("a value");
            (labels.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

fn decisions(metrics: &Metrics) -> BTreeMap<String, f64> {
    series(metrics, "portcullis_decisions_total")
}

/// `outcome/reason/guard` of all series of a route, in order.
fn of_route(metrics: &Metrics, route: &str, mode: &str) -> Vec<String> {
    let label = format!(",route=\"{route}\",");
    let all = decisions(metrics);
    let of_it = all.keys().filter(|key| key.contains(&label) && key.contains(&format!("mode=\"{mode}\"")));
    of_it.map(|key| ["outcome", "reason", "guard"].map(|name| value_of(key, name)).join("/")).collect()
}

fn value_of<'k>(key: &'k str, name: &str) -> &'k str {
    key.split_once(&format!("{name}=\""))
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(value, _)| value)
}

fn denied(reason: Denied, rule: Rule) -> Judgement<'static> {
    Judgement::of(Decision::Deny(Denial { rule, ..Denial::new(reason) }), None)
}

fn allowed(route: u32) -> Judgement<'static> {
    let route = RouteId(route);
    Judgement::of(Decision::Allow(Grant::new(Allowed::Met, route)), Some(route))
}

fn answer() -> Answer<'static> {
    Answer::Allow {
        set: Vec::new(),
        remove: Vec::new(),
        remove_query: Vec::new(),
        dropped: Vec::new(),
        metadata: Metadata::default(),
    }
}

fn record(series: &PolicySeries, judgement: &Judgement<'_>) {
    series.record(judgement, &answer(), Duration::from_micros(7));
}

#[test]
fn a_route_has_series_for_what_it_can_decide_and_no_others() {
    let metrics = Metrics::new();
    let _series = metrics.series(&policy(ROUTES));
    assert_eq!(of_route(&metrics, "public", "enforce"), ["allow/allowed/"]);
    assert_eq!(of_route(&metrics, "(forbid) metrics", "enforce"), ["deny/forbidden/", "deny/forbidden/main"]);
    assert_eq!(
        of_route(&metrics, "orders", "enforce"),
        [
            "allow/allowed/main",
            "deny/ambiguous_token/",
            "deny/bad_signature/",
            "deny/disallowed_algorithm/",
            "deny/expired/",
            "deny/guard_mismatch/",
            "deny/invalid_claims/",
            "deny/malformed_token/",
            "deny/missing_scope/main",
            "deny/missing_token/",
            "deny/not_yet_valid/",
            "deny/too_large/",
            "deny/unknown_issuer/",
            "deny/unknown_key/",
            "deny/wrong_audience/",
            "deny/wrong_type/",
            "error/keys_unavailable/",
        ]
    );
    assert_eq!(
        of_route(&metrics, "(none)", "enforce"),
        [
            "deny/bad_path/",
            "deny/bad_request/",
            "deny/no_route/",
            "deny/too_large/",
            "error/internal_error/",
            "error/overloaded/",
            "error/policy_unavailable/",
        ]
    );
    assert!(of_route(&metrics, "shadow of orders", "enforce").is_empty());
    assert!(of_route(&metrics, "shadow of orders", "shadow").contains(&"deny/missing_role/".to_owned()));
}

#[test]
fn they_begin_at_zero_and_count_what_was_decided() {
    let metrics = Metrics::new();
    let policy = policy(ROUTES);
    let recorder = metrics.series(&policy);
    let before = decisions(&metrics);
    assert!(before.values().all(|value| *value == 0.0));
    let mut judgement = allowed(0);
    judgement.guard = "main";
    judgement.shadows = vec![Shadow {
        rule: Rule::Route(RouteId(2)),
        decision: denied(Denied::MissingRole, Rule::Route(RouteId(2))).decision,
    }];
    record(&recorder, &judgement);
    record(&recorder, &denied(Denied::Forbidden, Rule::Forbid(ForbidId(0))));
    record(&recorder, &denied(Denied::NoRoute, Rule::None));
    let after = decisions(&metrics);
    assert_eq!(before.len(), after.len(), "nothing was unforeseen");
    let counted: Vec<&String> =
        after.iter().filter(|(_, value)| **value == 1.0).map(|(key, _)| key).collect();
    assert_eq!(
        counted,
        [
            r#"{outcome="allow",reason="allowed",route="orders",guard="main",mode="enforce"}"#,
            r#"{outcome="deny",reason="forbidden",route="(forbid) metrics",guard="",mode="enforce"}"#,
            r#"{outcome="deny",reason="missing_role",route="shadow of orders",guard="",mode="shadow"}"#,
            r#"{outcome="deny",reason="no_route",route="(none)",guard="",mode="enforce"}"#,
        ]
    );
    let durations = series(&metrics, "portcullis_decision_duration_seconds_count");
    assert_eq!(durations[r#"{outcome="allow"}"#], 1.0);
    assert_eq!(durations[r#"{outcome="deny"}"#], 2.0);
    let fast = series(&metrics, "portcullis_decision_duration_seconds_bucket");
    assert_eq!(fast[r#"{outcome="allow",le="0.000005"}"#], 0.0);
    assert_eq!(fast[r#"{outcome="allow",le="0.00001"}"#], 1.0);
}

#[test]
fn a_new_policy_keeps_the_counts_of_what_stays_and_drops_what_goes() {
    let metrics = Metrics::new();
    let recorder = metrics.series(&policy(ROUTES));
    let mut judgement = allowed(0);
    judgement.guard = "main";
    record(&recorder, &judgement);
    record(&recorder, &allowed(1));
    let smaller = ROUTES.replace("name: public", "name: pages");
    let next = metrics.series(&policy(&smaller));
    record(&next, &judgement);
    assert!(of_route(&metrics, "public", "enforce").is_empty());
    assert_eq!(of_route(&metrics, "pages", "enforce"), ["allow/allowed/"]);
    let counts = decisions(&metrics);
    assert_eq!(
        counts[r#"{outcome="allow",reason="allowed",route="orders",guard="main",mode="enforce"}"#],
        2.0
    );
    assert_eq!(series(&metrics, "portcullis_policy_info").len(), 1, "the live policy alone");
}

#[test]
fn beyond_the_most_the_last_routes_by_name_share_one() {
    let mut rules = String::from("\nroutes:\n");
    for number in 0..100 {
        rules += &format!(
            "  - {{ name: r{number:02}, match: {{ path: \"/r{number}/**\" }}, require: {{ scopes: [s] }} }}\n"
        );
    }
    let metrics = Metrics::new();
    let policy = policy(&rules);
    let recorder = PolicySeries::with_at_most(500, &metrics.0, &policy);
    let all = decisions(&metrics).len();
    assert!((400..=500).contains(&all), "{all} series");
    assert!(!of_route(&metrics, "r00", "enforce").is_empty());
    assert!(of_route(&metrics, "r99", "enforce").is_empty());
    for route in [98, 99] {
        let mut judgement = allowed(route);
        judgement.guard = "main";
        record(&recorder, &judgement);
    }
    let counts = decisions(&metrics);
    assert_eq!(
        counts[r#"{outcome="allow",reason="allowed",route="(other)",guard="main",mode="enforce"}"#],
        2.0
    );
    assert_eq!(counts.len(), all);
}

#[test]
fn a_name_cannot_break_out_of_its_label() {
    let metrics = Metrics::new();
    let rules =
        "\nroutes:\n  - { name: \"a\\\"b\\\\c\\nd\", match: { path: /a }, allow: anyone, token: ignored }\n";
    let file = SourceFile { name: "policy.yaml".into(), text: format!("{ISSUERS}{rules}").into() };
    // Names with line breaks may not compile at all; the label must hold in either case.
    let compiled = compile(&[file]);
    if let Ok(policy) = &compiled {
        let _series = metrics.series(policy);
    } else {
        metrics.0.decisions.count(["allow", "allowed", "a\"b\\c\nd", "", "enforce"]);
    }
    assert!(metrics.render(None).contains(r#"route="a\"b\\c\nd""#));
}

#[test]
fn verifications_and_failed_conditions_are_counted_and_go_with_their_issuer_and_route() {
    let metrics = Metrics::new();
    let conditional =
        "\nroutes:\n  - { name: c, match: { path: /c }, require: { when: \"claims.n > 1\" } }\n";
    let recorder = metrics.series(&policy(conditional));
    assert_eq!(series(&metrics, "portcullis_condition_errors_total")[r#"{route="c"}"#], 0.0);
    let mut judgement = denied(Denied::ConditionFalse, Rule::Route(RouteId(0)));
    judgement.condition_errors = 2;
    judgement.verification =
        Some(Verification { issuer: Some(IssuerId(1)), algorithm: Some(Algorithm::Rs256), refused: None });
    record(&recorder, &judgement);
    judgement.verification =
        Some(Verification { issuer: None, algorithm: None, refused: Some(Denied::MalformedToken) });
    record(&recorder, &judgement);
    assert_eq!(series(&metrics, "portcullis_condition_errors_total")[r#"{route="c"}"#], 4.0);
    let verifications = series(&metrics, "portcullis_token_verifications_total");
    assert_eq!(verifications[r#"{issuer="main",algorithm="ES256",result="ok"}"#], 0.0);
    assert_eq!(verifications[r#"{issuer="partner",algorithm="RS256",result="ok"}"#], 1.0);
    assert_eq!(verifications[r#"{issuer="",algorithm="",result="malformed_token"}"#], 1.0);
    metrics.keys("partner", 3);
    metrics.key_fetch("partner", "timeout", Duration::from_millis(3));
    let alone = ISSUERS.lines().filter(|line| !line.contains("partner")).collect::<Vec<_>>().join("\n");
    let file = SourceFile { name: "policy.yaml".into(), text: format!("{alone}{ROUTES}").into() };
    let _series = metrics.series(&compile(&[file]).expect("a policy"));
    assert!(!metrics.render(None).contains("partner"), "{}", metrics.render(None));
    assert!(!metrics.render(None).contains(r#"route="c""#));
}
