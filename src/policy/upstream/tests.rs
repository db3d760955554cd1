//! Merging, names and templates.

use super::*;
use crate::policy::diagnostic::Spanned;

fn text(value: &str) -> document::Text {
    Spanned { value: value.into(), at: At { start: u32::try_from(value.len()).unwrap(), ..At::default() } }
}

fn upstream(headers: &[(&str, Option<&str>)], remove: &[&str]) -> document::Upstream {
    document::Upstream {
        at: At::default(),
        headers: Some(headers.iter().map(|(name, value)| (text(name), value.map(text))).collect()),
        remove: Some(remove.iter().map(|name| text(name)).collect()),
        remove_token: None,
    }
}

fn captures(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

fn names(plan: &UpstreamPlan) -> Vec<&str> {
    plan.headers().iter().map(|(name, _)| name.as_ref()).collect()
}

/// One `upstream` on a route that captures `id`: the codes and hints of what is wrong with it.
#[track_caller]
fn refuses(written: &document::Upstream, code: &str, hint: &str) {
    let mut problems = Diagnostics::default();
    compile(None, Some(written), &captures(&["id"]), &mut problems);
    let found: Vec<_> = problems
        .problems
        .iter()
        .map(|problem| (problem.code, problem.hint.clone().unwrap_or_default()))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, code, "{found:?}");
    assert!(found[0].1.contains(hint), "{found:?} lacks `{hint}`");
}

#[test]
fn a_route_is_merged_over_the_defaults_name_by_name() {
    let defaults =
        upstream(&[("X-User-Id", Some("{subject}")), ("x-tenant", Some("{claims.tenant}"))], &["x-a"]);
    let route = upstream(&[("x-user-id", Some("u-{subject}")), ("X-Tenant", None)], &["X-B"]);
    let mut problems = Diagnostics::default();
    let plan = compile(Some(&defaults), Some(&route), &[], &mut problems);
    assert_eq!(problems.problems, []);
    assert_eq!(names(&plan), ["x-user-id"]);
    assert_eq!(plan.headers()[0].1.parts(), [Part::Literal("u-".into()), Part::Value(Placeholder::Subject)]);
    assert_eq!(*plan.remove(), Removals::of(["x-a", "x-b"]));
}

#[test]
fn a_dropped_default_is_still_a_name_that_nobody_may_send() {
    let defaults = upstream(&[("x-tenant", Some("{claims.tenant}"))], &[]);
    let route = upstream(&[("x-tenant", None)], &[]);
    let plan = compile(Some(&defaults), Some(&route), &[], &mut Diagnostics::default());
    assert_eq!(plan.headers(), []);
    assert_eq!(plan.header_names().collect::<Vec<_>>(), ["x-tenant"]);
}

#[test]
fn the_token_is_removed_where_the_route_says_so_else_where_the_defaults_do() {
    let says = |remove| {
        let remove_token = Some(Spanned { value: remove, at: At::default() });
        document::Upstream { remove_token, ..upstream(&[], &[]) }
    };
    let plan = |defaults: Option<document::Upstream>, route: Option<document::Upstream>| {
        compile(defaults.as_ref(), route.as_ref(), &[], &mut Diagnostics::default()).remove_token()
    };
    assert!(plan(Some(says(true)), None));
    assert!(plan(Some(says(true)), Some(upstream(&[], &[]))));
    assert!(!plan(Some(says(true)), Some(says(false))));
    assert!(!plan(None, None));
}

#[test]
fn names_that_cannot_be_set_are_refused() {
    for name in [":path", "x user", "", "caf\u{e9}"] {
        refuses(&upstream(&[(name, Some("{subject}"))], &[]), "P0601", "");
    }
    for name in ["Host", "content-length", "Content_Length", "connection", "te", "x-envoy-foo", "X_Envoy_Foo"]
    {
        refuses(&upstream(&[(name, Some("{subject}"))], &[]), "P0602", "it ");
    }
    for name in ["host", "transfer-encoding"] {
        refuses(&upstream(&[], &[name]), "P0602", "it ");
    }
    let mut problems = Diagnostics::default();
    compile(None, Some(&upstream(&[], &["x-envoy-original-url"])), &[], &mut problems);
    assert_eq!(problems.problems, []);
}

#[test]
fn contradictions_are_refused() {
    refuses(&upstream(&[("x-a", Some("1"))], &["X-A"]), "P0603", "overwritten");
    refuses(&upstream(&[("x-a", Some("1")), ("X-A", Some("2"))], &[]), "P0604", "case");
    refuses(&upstream(&[("x-a", Some("1")), ("x_a", Some("2"))], &[]), "P0604", "`_`");
    refuses(&upstream(&[("x-a", None)], &[]), "P0609", "");
    let mut problems = Diagnostics::default();
    compile(Some(&upstream(&[("x-a", None)], &[])), None, &[], &mut problems);
    assert_eq!(problems.problems[0].code, "P0609");
}

#[test]
fn one_name_set_by_the_defaults_and_removed_by_a_route_is_a_contradiction() {
    let defaults = upstream(&[("x-a", Some("1"))], &[]);
    let route = upstream(&[], &["x-a"]);
    let mut problems = Diagnostics::default();
    compile(Some(&defaults), Some(&route), &[], &mut problems);
    assert_eq!(problems.problems[0].code, "P0603");
}

#[test]
fn templates_that_nobody_can_fill_in_are_refused_with_what_was_meant() {
    let value = |value| upstream(&[("x-a", Some(value))], &[]);
    refuses(&value("{subject"), "P0605", "literal brace");
    refuses(&value(""), "P0605", "null");
    for unprintable in ["a\r\nb", " a", "a ", "a  b", "caf\u{e9}", "\t", "{subject} "] {
        refuses(&value(unprintable), "P0605", "printable");
    }
    refuses(&value("{subjct}"), "P0606", "`{subject}`");
    refuses(&value("{id}"), "P0606", "`{params.id}`");
    refuses(&value("{param.id}"), "P0606", "`{params.id}`");
    refuses(&value("{sub}"), "P0606", "`{claims.sub}`");
    refuses(&value("{nonsense}"), "P0606", "{params.NAME}");
    refuses(&value("{params.idd}"), "P0607", "`{params.id}`");
    refuses(&value("{claims.a..b}"), "P0608", "empty");
    refuses(&value("{claims.}"), "P0608", "empty");
}

#[test]
fn placeholders_and_literal_braces_are_told_apart() {
    let mut problems = Diagnostics::default();
    let written = upstream(&[("x-a", Some(r#"{{{claims["https://x/{y}"]}}/{params.id}"#))], &[]);
    let plan = compile(None, Some(&written), &captures(&["id"]), &mut problems);
    assert_eq!(problems.problems, []);
    assert_eq!(
        plan.headers()[0].1.parts(),
        [
            Part::Literal("{".into()),
            Part::Value(Placeholder::Claim(crate::token::claims::ClaimPath::claim("https://x/{y}"))),
            Part::Literal("}/".into()),
            Part::Value(Placeholder::Capture("id".into())),
        ]
    );
}

#[test]
fn a_problem_of_the_defaults_is_reported_once_for_all_routes() {
    let defaults = upstream(&[("x-a", Some("{nonsense}")), ("host", Some("x"))], &[]);
    let mut problems = Diagnostics::default();
    for _ in 0..3 {
        compile(Some(&defaults), None, &[], &mut problems);
    }
    assert_eq!(problems.problems.len(), 2);
}

#[test]
fn a_default_that_a_route_drops_needs_no_capture_there() {
    let defaults = upstream(&[("x-a", Some("{params.id}"))], &[]);
    let mut problems = Diagnostics::default();
    compile(Some(&defaults), Some(&upstream(&[("x-a", None)], &[])), &[], &mut problems);
    assert_eq!(problems.problems, []);
    compile(Some(&defaults), None, &[], &mut problems);
    assert_eq!(problems.problems[0].code, "P0607");
}
