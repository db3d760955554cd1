//! What only bytes can say: headers that are no text.

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
