//! What a test beside a policy cannot say: headers that are no text, and more parameters than one writes down.

use crate::handler::{Handler, Told, message};

fn asked(policy: &str, path: &str, value: &[u8]) -> Told {
    let handler = Handler::new(&format!("version: 1\n{policy}"));
    handler.ask(&message(b"GET", b"a.test", path.as_bytes(), &[("x-debug", value)], true))
}

#[test]
fn what_cannot_be_told_of_a_header_slips_through_no_fence_and_no_hole() {
    let policy = "forbid:\n  - { name: debug, match: { path: /a, headers: { x-debug: '1' } } }\n\
        \x20 - { name: hole, match: /b, except: { path: /b, headers: { x-debug: '1' } } }\n\
        routes: [{ match: /**, allow: anyone }]\n";
    for (path, value, allowed) in [
        ("/a", b"2".as_slice(), true),
        ("/a", b"1", false),
        ("/a", b"\xff", false),
        ("/b", b"1", true),
        ("/b", b"2", false),
        ("/b", b"\xff", false),
    ] {
        let told = asked(policy, path, value);
        assert_eq!(told.status == 200, allowed, "{path} {}: {told:?}", value.escape_ascii());
    }
}

#[test]
fn what_cannot_be_told_of_a_header_meets_no_requirement_and_no_route() {
    let policy = "routes:\n  - { match: /is, require: { headers: { x-debug: '1' } } }\n\
        \x20 - { match: /is-not, require: { not: { headers: { x-debug: '1' } } } }\n\
        \x20 - { match: { path: /route, headers: { x-debug: '1' } }, allow: anyone }\n";
    for (path, value, status) in [
        ("/is", b"1".as_slice(), 200),
        ("/is", b"\xff", 403),
        ("/is-not", b"2", 200),
        ("/is-not", b"\xff", 403),
        ("/route", b"1", 200),
        ("/route", b"\xff", 403),
    ] {
        assert_eq!(asked(policy, path, value).status, status, "{path} {}", value.escape_ascii());
    }
}

/// PHP, qs and Node leave out what stands behind the thousandth parameter, and empty ones count for some.
#[test]
fn of_more_than_a_thousand_parameters_nothing_can_be_told() {
    let handler = Handler::new(
        "version: 1\nforbid:\n  - { name: mode, match: { path: /fenced, query: { mode: admin } } }\n\
         \x20 - { name: absent, match: { path: /absent, query: { mode: { present: false } } } }\nroutes:\n\
         \x20 - { match: [/fenced, /absent], allow: anyone }\n\
         \x20 - { match: /report, allow: nobody }\n\
         \x20 - { match: { path: /report, query: { view: teaser } }, allow: anyone }\n\
         \x20 - { match: /is, require: { query: { view: teaser } } }\n\
         \x20 - { match: /is-not, require: { not: { query: { view: full } } } }\n\
         \x20 - { match: /cel, require: { when: '\"teaser\" in request.query.view' } }\n\
         \x20 - { match: /through, require: { when: 'request.query.exists(name, size(name) == 4)' } }\n\
         \x20 - { match: /open, allow: anyone }\n",
    );
    for (path, parameter, few) in [
        ("/fenced", "x=1", true),
        ("/fenced", "mode=admin", false),
        ("/absent", "mode=1", true),
        ("/report", "view=teaser", true),
        ("/is", "view=teaser", true),
        ("/is-not", "view=teaser", true),
        ("/cel", "view=teaser", true),
        ("/through", "view=teaser", true),
        ("/open", "view=teaser", true),
    ] {
        for (filler, more) in [("a&", 999), ("a&", 1000), ("&", 999), ("&", 1000), ("a;", 1000), ("a&", 3000)]
        {
            // A `;` makes a part of a pair, of which nothing can be told anyhow.
            let allowed = if more > 999 { path == "/open" } else { few };
            let target = format!("{path}?{}{parameter}", filler.repeat(more));
            let told = handler.ask(&message(b"GET", b"a.test", target.as_bytes(), &[], true));
            assert_eq!(told.status == 200, allowed, "{path} {parameter} behind {more} of {filler}: {told:?}");
        }
    }
}
