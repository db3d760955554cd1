//! What stands in a line, what does not, and which decisions are logged.

use std::net::IpAddr;

use crate::decision::{Allowed, Denial, Denied, Grant, RouteId, Rule};
use crate::policy::compile;
use crate::policy::diagnostic::SourceFile;
use crate::request::{Headers, Source};
use crate::response;
use crate::settings::LoggedSubject;

use super::*;

const POLICY: &str = "\
version: 1
issuers:
  main: { issuer: https://id.example, keys: { jwks_url: https://id.example/jwks }, audiences: [shop] }
routes:
  - { name: orders, match: \"GET /orders/**\", allow: authenticated }
";

fn policy() -> Policy {
    compile(&[SourceFile { name: "policy.yaml".into(), text: POLICY.into() }]).expect("a policy")
}

fn incoming<'a>(target: &'a str, headers: &[(&'a str, &'a str)]) -> Incoming<'a> {
    let address: IpAddr = "192.0.2.7".parse().expect("an address");
    Incoming {
        method: "GET",
        host: "shop.example:8443",
        target,
        headers: Headers::new(headers.iter().map(|(name, value)| (*name, value.as_bytes()))),
        source: Source { address: Some(address), principal: "" },
    }
}

/// The line of a denial of the only route.
fn line(incoming: &Incoming<'_>, form: Form) -> String {
    let policy = policy();
    let denial = Denial { rule: Rule::Route(RouteId(0)), ..Denial::because(Denied::Expired, "canary") };
    let judgement = Judgement::of(Decision::Deny(denial), Some(RouteId(0)));
    let answer = response::answer(&policy, incoming, &judgement, "id-1");
    let entry = Entry {
        policy: Some(&policy),
        incoming: Some(incoming),
        judgement: &judgement,
        answer: &answer,
        duration: Duration::from_micros(12),
        now: UnixTime::from_seconds(0),
        parent: None,
    };
    let trace = TraceParent::of_request(incoming).map(|parent| parent.trace());
    match form {
        Form::Json => line::json(&entry, Some("alice"), trace),
        Form::Text => line::text(&entry, Some("alice")),
    }
    .replace(&*policy.revision, "REVISION")
}

#[test]
fn a_line_says_who_asked_for_what_and_which_rule_decided() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let id = "f9ed4675-f1c5-3513-c61a-b3b4e25b4c0a";
    let incoming = incoming("/orders/1?token=canary", &[("traceparent", trace), ("x-request-id", id)]);
    assert_eq!(
        line(&incoming, Form::Json),
        concat!(
            r#"{"timestamp":"1970-01-01T00:00:00.000Z","level":"INFO","target":"decision","decision_id":"id-1","#,
            r#""outcome":"deny","reason":"expired","status":401,"route":"orders","rule_file":"policy.yaml","#,
            r#""rule_line":5,"subject":"alice","method":"GET","host":"shop.example:8443","path":"/orders/1","#,
            r#""source":"192.0.2.7","request_id":"f9ed4675-f1c5-3513-c61a-b3b4e25b4c0a","#,
            r#""trace_id":"0af7651916cd43dd8448eb211c80319c","duration_us":12,"policy_revision":"REVISION","#,
            r#""shadow":[]}"#,
            "\n"
        )
    );
    assert_eq!(
        line(&incoming, Form::Text),
        "1970-01-01T00:00:00.000Z deny  401 expired GET shop.example:8443/orders/1 by orders (policy.yaml:5) \
         for alice in 12 µs, id-1\n"
    );
}

#[test]
fn what_has_not_the_form_of_an_id_or_a_path_is_left_out() {
    for (name, value) in [
        ("x-request-id", "canary"),
        ("x-request-id", "bearer-canary-0123"),
        ("traceparent", "00-canary51916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        ("authorization", "Bearer canary"),
    ] {
        let line = line(&incoming("/orders/1", &[(name, value)]), Form::Json);
        assert!(!line.contains("canary") && !line.contains("_id\":\"0"), "{name}: {line}");
    }
    for target in ["/orders/1?canary", "/orders/1#canary", "https://canary@shop.example/", "canary"] {
        let line = line(&incoming(target, &[]), Form::Json);
        assert!(!line.contains("canary"), "{target}: {line}");
    }
    let mut strange = incoming("/", &[]);
    strange.host = "user:canary@shop.example";
    assert!(!line(&strange, Form::Json).contains("canary"));
}

#[test]
fn a_line_is_one_line_whatever_a_path_holds() {
    let nasty = "/orders/\"\\\n\r\u{1b}[31m\u{2028}\u{202e}\u{9b}";
    let json = line(&incoming(nasty, &[]), Form::Json);
    let read: serde_json::Value = serde_json::from_str(&json).expect("one JSON object");
    assert_eq!(read["path"], nasty);
    for line in [json, line(&incoming(nasty, &[]), Form::Text)] {
        assert!(!line.trim_end().contains(|character: char| character.is_control()), "{line:?}");
        assert!(!line.contains(['\u{2028}', '\u{202e}']), "{line:?}");
    }
}

#[test]
fn a_long_path_is_cut_between_two_characters() {
    let long = format!("/a{}", "ä".repeat(5000));
    let read: serde_json::Value =
        serde_json::from_str(&line(&incoming(&long, &[]), Form::Json)).expect("JSON");
    assert_eq!(read["path"].as_str().map(str::len), Some(1024));
}

#[test]
fn a_hashed_subject_is_the_same_in_one_process_and_another_in_the_next() {
    let (one, next) = (Subjects::new(LoggedSubject::Hash), Subjects::new(LoggedSubject::Hash));
    let alice = one.shown("alice").expect("a hash").into_owned();
    assert_eq!(alice.len(), 32);
    assert_eq!(one.shown("alice").as_deref(), Some(&*alice));
    assert_ne!(one.shown("bob").as_deref(), Some(&*alice));
    assert_ne!(next.shown("alice").as_deref(), Some(&*alice));
    assert_eq!(Subjects::new(LoggedSubject::None).shown("alice"), None);
}

#[test]
fn what_is_logged_is_what_was_asked_for() {
    let allow = Decision::Allow(Grant::new(Allowed::Met, RouteId(0)));
    let deny = Decision::Deny(Denial::new(Denied::NoRoute));
    let error = Decision::Deny(Denial::new(Denied::Overloaded));
    for (decisions, sample, expected) in [
        (LoggedDecisions::None, 1.0, [false, false, false]),
        (LoggedDecisions::Denied, 1.0, [false, true, true]),
        (LoggedDecisions::All, 1.0, [true, true, true]),
        (LoggedDecisions::All, 0.0, [false, true, true]),
    ] {
        let settings = Log { decisions, sample, ..log() };
        let lines =
            Lines::start(1, Box::new(std::io::sink()), crate::telemetry::Metrics::new()).expect("a thread");
        let log = DecisionLog::new(&settings, Form::Json, lines, None);
        assert_eq!(
            [&allow, &deny, &error].map(|decision| log.wants(decision).is_some()),
            expected,
            "{decisions:?} {sample}"
        );
    }
}

fn log() -> Log {
    Log {
        format: crate::settings::LogFormat::Json,
        level: tracing::Level::INFO,
        decisions: LoggedDecisions::All,
        sample: 1.0,
        subject: LoggedSubject::Plain,
        queue: 1,
    }
}

fn taken(share: f64, decisions: usize) -> usize {
    let sample = Sample::of(share);
    (0..decisions).filter(|_| sample.takes_next()).count()
}

#[test]
fn a_share_of_allowed_decisions_is_taken_evenly() {
    assert_eq!(taken(0.0, 10_000), 0);
    assert_eq!(taken(1.0, 10_000), 10_000);
    assert!((99..=101).contains(&taken(0.01, 10_000)));
    assert!((4_999..=5_001).contains(&taken(0.5, 10_000)));
    assert!((9_998..=10_000).contains(&taken(0.9999, 10_000)));
}
