//! What a policy may write into answers.

use super::*;
use crate::policy::diagnostic::{At, Diagnostics, Spanned};
use crate::policy::document;

fn text(value: &str) -> document::Text {
    Spanned { value: value.into(), at: At::default() }
}

fn block() -> document::Block {
    document::Block { at: At::default(), status: None, headers: None, body: None, format: None }
}

fn headers(fields: &[(&str, &str)]) -> document::Block {
    let headers = fields.iter().map(|(name, value)| (text(name), text(value))).collect();
    document::Block { headers: Some(headers), ..block() }
}

fn body(written: &str) -> document::Block {
    document::Block { body: Some(text(written)), ..block() }
}

fn responses() -> document::Responses {
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

fn compiled(block: document::Block) -> (Block, Vec<(&'static str, String)>) {
    let mut problems = Diagnostics::default();
    let answers = compile_rule(Some(&document::OnDeny::Every(block)), &mut problems).expect("answers");
    let found = problems.problems.into_iter().map(|problem| (problem.code, problem.hint.unwrap_or_default()));
    (answers.forbidden, found.collect())
}

#[track_caller]
fn refuses(block: document::Block, code: &str, hint: &str) {
    let (_, found) = compiled(block);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, code, "{found:?}");
    assert!(found[0].1.contains(hint), "{found:?} lacks `{hint}`");
}

#[track_caller]
fn refuses_responses(responses: &document::Responses, code: &str) {
    let mut problems = Diagnostics::default();
    compile(Some(responses), &mut problems);
    let codes: Vec<_> = problems.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, [code]);
}

#[test]
fn a_status_of_a_denial_is_300_to_599() {
    let status = |value| document::Block { status: Some(Spanned { value, at: At::default() }), ..block() };
    for good in [300, 404, 599] {
        assert_eq!(compiled(status(good)).0.status, Some(u16::try_from(good).unwrap()));
    }
    for bad in [0, 200, 204, 299, 600, 999, -1, 65_939, i64::MAX] {
        refuses(status(bad), "P0620", "300 to 599");
    }
}

#[test]
fn headers_that_would_break_an_answer_are_refused() {
    for name in ["", ":status", "x y", "a\r\nb", "a:b"] {
        refuses(headers(&[(name, "v")]), "P0621", "");
    }
    for name in ["Content-Length", "transfer_encoding", "connection", "grpc-status"] {
        refuses(headers(&[(name, "v")]), "P0622", "");
    }
    for value in ["", "a\r\nset-cookie: x", "a\n", "a\0", "caf\u{e9}", " a", "a\t"] {
        refuses(headers(&[("x-a", value)]), "P0623", "printable ASCII");
    }
    refuses(headers(&[("x-a", "1"), ("X-A", "2")]), "P0624", "case");
    let (block, found) = compiled(headers(&[("WWW-Authenticate", "jwt-auth")]));
    assert_eq!((block.header("www-authenticate"), found), (Some("jwt-auth"), Vec::new()));
}

#[test]
fn unknown_words_are_refused_with_what_was_meant() {
    let format = |word| document::Block { format: Some(text(word)), ..block() };
    refuses(format("problme"), "P0107", "`problem`");
    refuses(format("xml"), "P0107", "`message`");
    refuses_responses(&document::Responses { disclose: Some(text("all")), ..responses() }, "P0107");
    refuses(body("{raeson}"), "P0626", "`{reason}`");
    refuses(body("{subject}"), "P0626", "`{missing}`");
    refuses(document::Block { format: Some(text("empty")), ..body("x") }, "P0628", "one of the two");
}

#[test]
fn what_stands_in_a_challenge_is_checked() {
    for realm in ["", "a\nb", "caf\u{e9}"] {
        refuses_responses(&document::Responses { realm: Some(text(realm)), ..responses() }, "P0627");
    }
    for url in ["", "/x", "https://", "https://a\"", "ftp://a", "https://a b"] {
        refuses_responses(
            &document::Responses { resource_metadata: Some(text(url)), ..responses() },
            "P0627",
        );
    }
    for (name, code) in [("www-authenticate", "P0629"), ("a b", "P0621"), ("connection", "P0622")] {
        refuses_responses(&document::Responses { decision_id_header: Some(text(name)), ..responses() }, code);
    }
}

#[test]
fn the_content_type_of_a_body_is_told_from_its_text() {
    for (written, wanted) in [
        (r#"{"message":"User role error"}"#, "application/json"),
        (r#" [{"a":{"b":"{reason}"}}]"#, "application/json"),
        ("<h1>{reason}</h1>", "text/html; charset=utf-8"),
        ("{reason}", "text/plain; charset=utf-8"),
        ("no", "text/plain; charset=utf-8"),
        ("{not json", "text/plain; charset=utf-8"),
    ] {
        let (block, found) = compiled(body(written));
        assert_eq!(found, []);
        assert_eq!(block.body.expect("a body").content_type(), wanted, "{written}");
    }
    let (block, _) = compiled(document::Block { format: Some(text("problem")), ..body("{}") });
    assert_eq!(block.body.expect("a body").content_type(), "application/problem+json");
    let typed = document::Block { body: Some(text("a")), ..headers(&[("Content-Type", "text/csv")]) };
    assert_eq!(compiled(typed).0.body.expect("a body").content_type(), "text/csv");
}

#[test]
fn a_value_in_a_body_is_escaped_for_its_content_type() {
    let hostile = "a\"b\\c</script>&'\r\n\u{2028}é";
    for (written, wanted) in [
        (r#"{"m":"{missing}"}"#, "{\"m\":\"a\\\"b\\\\c\\u003c/script>&'\\u000d\\u000a\\u2028é\"}"),
        ("<p>{missing}</p>", "<p>a&quot;b\\c&lt;/script&gt;&amp;&#39;  \u{2028}é</p>"),
        ("m={missing} {{", "m=a\"b\\c</script>&'  \u{2028}é {"),
    ] {
        let rendered = compiled(body(written)).0.body.expect("a body").render(|_| hostile);
        assert_eq!(rendered, wanted);
    }
    let form = document::Block {
        body: Some(text("e={missing}")),
        ..headers(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")])
    };
    assert_eq!(compiled(form).0.body.expect("a body").render(|_| "a&b=é "), "e=a%26b%3D%C3%A9%20");
}

#[test]
fn a_json_body_stays_json_whatever_is_filled_in() {
    let parsed = compiled(body(r#"{"a":"{missing}","b":"x{reason}y"}"#)).0.body.expect("a body");
    for value in ["\"", "\\", "\u{0}", "\u{1f}", "\",\"admin\":true,\"c\":\"", "\u{7f}\u{9f}", "\u{10ffff}"] {
        let rendered = parsed.render(|_| value);
        let read: serde_json::Value = serde_json::from_str(&rendered).expect(&rendered);
        assert_eq!(read["a"], value, "{rendered}");
        assert_eq!(read.as_object().map(serde_json::Map::len), Some(2));
    }
}

#[test]
fn a_block_for_every_denial_answers_every_kind() {
    let status = Some(Spanned { value: 404, at: At::default() });
    let every = document::OnDeny::Every(document::Block { status, ..block() });
    let answers = compile_rule(Some(&every), &mut Diagnostics::default()).expect("answers");
    for reason in Denied::ALL {
        assert_eq!(answers.blocks(*reason).find_map(|block| block.status), Some(404), "{reason:?}");
    }
}

#[test]
fn a_guard_mismatch_falls_back_to_the_answer_for_401() {
    let with = |value| document::Block { status: Some(Spanned { value, at: At::default() }), ..block() };
    let by_kind = |guard_mismatch| document::OnDeny::ByKind {
        at: At::default(),
        bad_request: None,
        unauthenticated: Some(with(418)),
        guard_mismatch,
        forbidden: None,
        unavailable: None,
    };
    let status = |written, reason| {
        let answers = compile_rule(Some(&by_kind(written)), &mut Diagnostics::default()).expect("answers");
        answers.blocks(reason).find_map(|block| block.status)
    };
    assert_eq!(status(Some(with(403)), Denied::GuardMismatch), Some(403));
    assert_eq!(status(Some(with(403)), Denied::Expired), Some(418));
    assert_eq!(status(None, Denied::GuardMismatch), Some(418));
    assert_eq!(status(None, Denied::NoRoute), None);
}
