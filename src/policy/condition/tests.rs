//! Conditions: what compiles, what they see, and that nothing in them costs without bound.

use std::thread;

use super::*;
use crate::policy::Captures;
use crate::policy::diagnostic::{At, Spanned};
use crate::policy::guard::Guards;
use crate::request::{Headers, Incoming, Reading, Request, Source};
use crate::time::UnixTime;

fn compile(source: &str, captures: &[&str]) -> Result<Condition, String> {
    let captures: Vec<Box<str>> = captures.iter().map(|name| (*name).into()).collect();
    let mut problems = Diagnostics::default();
    let written = Spanned { value: source.into(), at: At::default() };
    let compiled = Condition::compile(&written, &captures, &mut problems);
    match (compiled, problems.problems.first()) {
        (Some(condition), None) => Ok(condition),
        (None, Some(problem)) => Err(format!("{} {}", problem.code, problem.message)),
        (compiled, problem) => panic!("{source}: {compiled:?}, {problem:?}"),
    }
}

#[track_caller]
fn refused(source: &str, why: &str) {
    let problem = compile(source, &["id"]).expect_err(source);
    assert!(problem.contains(why), "{source}: {problem}");
}

/// Judges without a caller.
#[track_caller]
fn judged(source: &str, target: &str, headers: &[(&str, &str)]) -> Tri {
    let headers = Headers::new(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
    judged_with(source, target, headers)
}

#[track_caller]
fn judged_with(source: &str, target: &str, headers: Headers<'_>) -> Tri {
    let condition = compile(source, &["id"]).expect(source);
    let incoming = Incoming {
        method: "GET",
        host: "API.example.com:443",
        target,
        headers,
        source: Source { address: Some([10, 0, 0, 1].into()), principal: "" },
    };
    let request = Request::read(&incoming, &Reading::default()).expect(target);
    let captures: Captures<'_> = [("id", "7".into())].into_iter().collect();
    condition.evaluate(&Facts {
        request: &request,
        captures: &captures,
        caller: None,
        guards: &Guards::default(),
        client_address: request.source.address,
        now: UnixTime::from_seconds(100),
    })
}

/// What is not found under the name that a condition says, and would be by some server, makes it unknown.
#[test]
fn a_name_that_looks_like_one_that_is_mentioned_makes_it_unknown() {
    let absent = "!(\"x-debug\" in request.headers)";
    assert_eq!(judged(absent, "/", &[]), Tri::Yes);
    assert_eq!(judged(absent, "/", &[("x-debug", "1")]), Tri::No);
    assert_eq!(judged(absent, "/", &[("X-Debug", "1")]), Tri::No);
    assert_eq!(judged(absent, "/", &[("x_debug", "1")]), Tri::Unknown);
    assert_eq!(judged(absent, "/", &[("x-other_debug", "1")]), Tri::Yes);
    for upper in ["!(\"X-Debug\" in request.headers)", "!(\"X-Debug\" in request[\"headers\"])"] {
        assert_eq!(judged(upper, "/", &[]), Tri::Yes);
        assert_eq!(judged(upper, "/", &[("x-debug", "1")]), Tri::Unknown, "{upper}");
    }
    let absent = "!has(request.query.mode)";
    assert_eq!(judged(absent, "/?other=1", &[]), Tri::Yes);
    assert_eq!(judged(absent, "/?mode=1", &[]), Tri::No);
    for target in ["/?mode[]=1", "/?Mode=1", "/?+mode=1", "/?a=1;mode=1", "/?mode%00=1"] {
        assert_eq!(judged(absent, target, &[]), Tri::Unknown, "{target}");
    }
    // What looks at neither is not asked.
    assert_eq!(judged("request.method == \"GET\"", "/?get=1", &[("g_e_t", "1")]), Tri::Yes);
}

/// Only what is asked for by name can be hidden by another spelling; a loop over all names cannot be told what it
/// would have found.
#[test]
fn other_words_of_a_condition_are_no_names_unless_it_goes_through_all_of_them() {
    let by_name = r#"request.method == "GET" && request.query.format[0] == "csv""#;
    assert_eq!(judged(by_name, "/?format=csv&method[]=1&get[]=1&csv[]=1", &[]), Tri::Yes);
    assert_eq!(judged(by_name, "/?format=csv&format[]=pdf", &[]), Tri::Unknown);
    let by_index = r#"request.query["format"] == ["csv"]"#;
    assert_eq!(judged(by_index, "/?format=csv&csv[]=1", &[]), Tri::Yes);
    assert_eq!(judged(by_index, "/?format=csv&f;format=1", &[]), Tri::Unknown);
    let through_all = r#"!request.query.exists(name, name == "debug")"#;
    assert_eq!(judged(through_all, "/?other[]=1", &[]), Tri::Yes);
    assert_eq!(judged(through_all, "/?debug[]=1", &[]), Tri::Unknown);
    let of_the_whole = r#"!request["query"].exists(name, name == "debug")"#;
    assert_eq!(judged(of_the_whole, "/?debug[]=1", &[]), Tri::Unknown);
    let headers = r#"!request.headers.exists(name, name.startsWith("x-internal-"))"#;
    assert_eq!(judged(headers, "/", &[("X-Other", "1")]), Tri::Yes);
    assert_eq!(judged(headers, "/", &[("x-internal-a", "1")]), Tri::No);
    assert_eq!(judged(headers, "/", &[("x_internal_a", "1")]), Tri::Unknown);
    assert_eq!(judged(r#"!("x-debug" in request.headers)"#, "/", &[("x_internal_a", "1")]), Tri::Yes);
}

/// What is left out would be taken for not sent.
#[test]
fn a_request_that_cannot_be_shown_whole_is_not_shown() {
    let absent = r#"!("debug" in request.query)"#;
    assert_eq!(judged(absent, "/?a", &[]), Tri::Yes);
    assert_eq!(judged(absent, &format!("/?{}debug=1", "a&".repeat(999)), &[]), Tri::No);
    assert_eq!(judged(absent, &format!("/?{}debug=1", "a&".repeat(1000)), &[]), Tri::Unknown);
    assert_eq!(judged(r#"!("x-a" in request.headers)"#, "/", &[]), Tri::Yes);
    let headers = Headers::new([("x-a", &b"4\xff"[..])]);
    assert_eq!(judged_with(r#"!("x-a" in request.headers)"#, "/", headers), Tri::Unknown);
}

#[test]
fn the_request_is_seen_as_it_was_matched() {
    for source in [
        r#"request.method == "GET""#,
        r#"request.path == "/a b/c""#,
        r#"request.host == "api.example.com""#,
        r#"request.query["x"][0] in ["1", "2 3"] && "2 3" in request.query["x"]"#,
        r#"request.query["y"] == [""]"#,
        r#"!("z" in request.query)"#,
        r#"request.headers["x-a"].matches("^[12](,2)?$")"#,
        "request.time == 100",
        r#"source.address == "10.0.0.1""#,
        r#"params.id == "7""#,
        r#"params["id"].matches("^[0-9]+$")"#,
        r#"request.path.startsWith("/a") && request.path.endsWith("c") && request.path.contains("b")"#,
        r#"size(request.query["x"]) == 2"#,
        r#"request.query["x"].exists(v, v == "1") && !request.query["x"].all(v, v == "1")"#,
        r#"request.query["x"].filter(v, v == "1").map(v, v + "!") == ["1!"]"#,
        r#"int(params.id) + 1 == 8 && string(8) == "8" && double("0.5") < 1.0"#,
        r"has(request.method) && !has(source.principal)",
        r#"request.method in ["GET", "HEAD"]"#,
        r#"request.method == "GET" ? true : false"#,
    ] {
        let holds = judged(source, "/a%20b/c/?x=1&y&x=%32+3", &[("X-A", "1"), ("x-a", "2")]);
        assert_eq!(holds, Tri::Yes, "{source}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_unknown() {
    for source in [
        r#"request.headers["x-a"] == "1""#,
        r#"!(request.headers["x-a"] == "1")"#,
        r#"source.principal == "x""#,
        "claims.x == 1",
        "subject != 'x'",
        r#"request.method + 1 == "x""#,
        "request.method",
        "1 / 0 == 1",
        "int('x') == 1",
        "[1][5] == 1",
        "9223372036854775807 + 1 == 0",
    ] {
        assert_eq!(judged(source, "/", &[]), Tri::Unknown, "{source}");
    }
    // Short-circuit evaluation never gets to the error.
    assert_eq!(judged("false && 1 / 0 == 1", "/", &[]), Tri::No);
    assert_eq!(judged("true || 1 / 0 == 1", "/", &[]), Tri::Yes);
}

#[test]
fn mistakes_are_found_when_the_policy_is_compiled() {
    refused("claim.x == 1", "no variable `claim`");
    refused("env('HOME') == ''", "no function `env`");
    refused("request.body == ''", "`request` has no `body`");
    refused("source.port == 1", "`source` has no `port`");
    refused("params.user == ''", "`params` has no `user`");
    refused("claims.x ==", "no CEL expression");
    refused("subject.matches(claims.x)", "not a constant");
    refused("subject.matches('(')", "no regular expression");
    refused("claims.a.all(x, claims.b.all(y, x == y))", "a loop inside of a loop");
    refused("claims.a.map(x, claims.b.map(y, y)) == []", "a loop inside of a loop");
    refused("Message{a: 1} == 1", "");
    refused(&format!("'{}' == ''", "x".repeat(4096)), "over 4 KiB");
    for (allowed, captures) in
        [("claims.a.filter(x, x > 1).exists(y, y > 2)", &[][..]), ("params.id == subject", &["id"])]
    {
        assert!(compile(allowed, captures).is_ok(), "{allowed}");
    }
}

#[test]
fn what_stands_in_a_string_does_not_count() {
    let long = "[.+*?(|)]".repeat(60);
    for quoted in
        [format!("'{long}'"), format!("\"{long}\""), format!("'''{long}'{long}'''"), format!("r'{long}\\'")]
    {
        assert!(compile(&format!("subject == {quoted}"), &[]).is_ok(), "{quoted}");
    }
    refused(&format!("subject == ''{}", "+ subject".repeat(200)), "nested too deeply");
}

#[test]
fn a_name_bound_by_a_loop_is_no_variable() {
    let condition = compile("['a'].exists(claims, claims == 'a')", &[]).expect("compiles");
    assert!(!condition.needs_caller());
    assert!(compile("claims.list.exists(x, x == 'a')", &[]).expect("compiles").needs_caller());
    for name in
        ["claims.x == 1", "subject == ''", "'a' in scopes", "roles == []", "issuer == 'x'", "guards == []"]
    {
        assert!(compile(name, &[]).expect("compiles").needs_caller(), "{name}");
    }
    assert!(!compile("request.time > 0", &[]).expect("compiles").needs_caller());
}

#[test]
fn a_condition_that_nothing_decides_is_known_to_be_constant() {
    for (source, constant) in [
        ("true", Some(Tri::Yes)),
        ("1 > 2", Some(Tri::No)),
        ("1 / 0 == 1", Some(Tri::Unknown)),
        ("'a' in ['a'] || claims.x == 1", Some(Tri::Yes)),
        ("claims.x == 1 && 1 > 2", Some(Tri::No)),
        ("!(claims.x == 1 && false)", Some(Tri::Yes)),
        ("claims.x == 1", None),
        ("claims.x == 1 || 1 > 2", None),
    ] {
        assert_eq!(compile(source, &[]).expect(source).constant(), constant, "{source}");
    }
}

/// Whatever fits into 4 KiB is parsed, judged and dropped on the stack of a worker, or refused.
#[test]
fn no_condition_overflows_the_stack() {
    let sources = [
        "1".to_owned() + &"+1".repeat(2040),
        "request".to_owned() + &".a".repeat(2040),
        "claims".to_owned() + &"[0]".repeat(1300),
        "claims".to_owned() + &".a()".repeat(1000),
        "!".repeat(4000) + "true",
        "-".repeat(4000) + "1",
        "(".repeat(2000) + "1" + &")".repeat(2000),
        "[".repeat(2000) + &"]".repeat(2000),
        "{".repeat(2000) + &"}".repeat(2000),
        "true?true:".repeat(400) + "true",
        "true&&".repeat(600) + "true",
        "true||".repeat(600) + "true",
        "1".to_owned() + &"<1".repeat(2040),
        "1".to_owned() + &" in []".repeat(600),
        "1".to_owned() + &"*1".repeat(2040),
        "[".to_owned() + &"1,".repeat(2000) + "1]",
        "'a'".to_owned() + &"+'a'".repeat(1000),
    ];
    let worker = thread::Builder::new().stack_size(1 << 20);
    let judged = worker.spawn(move || {
        for source in sources {
            if let Ok(condition) = compile(&source, &["id"]) {
                let _ = condition.constant();
            }
        }
    });
    judged.expect("a thread").join().expect("no overflow");
}
