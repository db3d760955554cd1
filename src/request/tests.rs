//! The door: what is read, and what is turned away.

use super::*;

fn incoming<'a>(method: &'a str, host: &'a str, target: &'a str) -> Incoming<'a> {
    Incoming { method, host, target, headers: Headers::default(), source: Source::default() }
}

#[track_caller]
fn reads(target: &str, reading: &Reading, segments: &[&str]) {
    let incoming = incoming("GET", "example.com", target);
    let request = Request::read(&incoming, reading).expect(target);
    assert_eq!(request.path.segments(), segments, "{target}");
}

#[track_caller]
fn refuses(target: &str, reading: &Reading) {
    let incoming = incoming("GET", "example.com", target);
    let denial = Request::read(&incoming, reading).expect_err(target);
    assert_eq!(denial.reason, Denied::BadPath, "{target}");
}

#[test]
fn a_path_is_split_and_decoded_once() {
    let strict = Reading::default();
    reads("/", &strict, &[]);
    reads("/admin/", &strict, &["admin"]);
    reads("/caf%C3%A9/%61b?x=/../", &strict, &["café", "ab"]);
    reads("/a...b/...", &strict, &["a...b", "..."]);
    reads("/p%23frag/%3f", &strict, &["p#frag", "?"]);
}

#[test]
fn an_ambiguous_path_is_refused() {
    for target in [
        "",
        "*",
        "admin",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/a/../b",
        "/a/./b",
        "/%2e",
        "/%2E%2e/a",
        "/.%2e",
        "/a\\b",
        "/a%5cb",
        "/a;b",
        "/a%3bb",
        "/a#b",
        "/a%2fb",
        "/a%2Fb",
        "/a%00",
        "/a%0a",
        "/a%7f",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%252e",
        "/%25%32%65",
        "/a%c0%ae",
        "/a b",
        "/caf\u{e9}",
        "/\u{ff0e}\u{ff0e}/a",
        "/%ef%bc%8e%ef%bc%8e/a",
        "/a%ef%bc%8fb",
        "/%e2%80%a5/a",
        "/a%ef%bc%852e",
        "/a%ef%bc%bcb",
        "/\u{7f}",
    ] {
        refuses(target, &Reading::default());
    }
}

#[test]
fn opt_outs_keep_the_character_in_its_segment_and_still_refuse_dots() {
    let open = Reading { admit_encoded_slashes: true, admit_semicolons: true, ..Reading::default() };
    reads("/a%2Fb/c;v=1", &open, &["a/b", "c;v=1"]);
    for target in ["/..;/admin", "/..;x/a", "/a%2f..%2fb", "/%2e%2e%2fadmin", "/a%2f%2fb", "/x/;y/z", "/%2fa"]
    {
        refuses(target, &open);
    }
    let merge = Reading { merge_empty_segments: true, ..Reading::default() };
    reads("//a///b//", &merge, &["a", "b"]);
}

#[test]
fn dots_that_only_folding_shows_are_refused_in_every_reading() {
    let slashes = Reading { admit_encoded_slashes: true, ..Reading::default() };
    let semicolons = Reading { admit_semicolons: true, ..Reading::default() };
    let both = Reading { admit_encoded_slashes: true, admit_semicolons: true, ..Reading::default() };
    // Full-width dots, a two dot leader, dots of two kinds; full-width semicolons.
    let of_slashes =
        ["/%ef%bc%8e%ef%bc%8e%2fadmin", "/%e2%80%a5%2fadmin", "/a%2f.%e2%80%a4%2fadmin", "/a%2f%ef%bc%8e"];
    let of_semicolons = ["/%e2%80%a5;x/admin", "/a/%ef%bc%8e.;%2e", "/%ef%bc%8e%ef%bc%9bx"];
    let of_both = ["/x;%2f%ef%bc%8e%ef%bc%8e;y%2fadmin", "/a%2f%e2%80%a5%ef%bc%9bb%2fadmin"];
    let all = of_slashes.iter().chain(&of_semicolons).chain(&of_both);
    for target in of_slashes {
        refuses(target, &slashes);
    }
    for target in of_semicolons {
        refuses(target, &semicolons);
    }
    for target in all {
        refuses(target, &both);
    }
    // Dots that are no whole name, and other signs that are folded.
    reads("/a%2f%e2%80%a6%2fb", &slashes, &["a/…/b"]);
    reads("/a%2f%ef%bc%8eb;%e2%80%a5", &both, &["a/．b;‥"]);
}

#[test]
fn every_other_reading_is_offered_to_the_fences() {
    let open = Reading { admit_encoded_slashes: true, admit_semicolons: true, ..Reading::default() };
    let path = Path::read("/a%2Fb;x/c", &open).expect("admitted");
    let readings: Vec<String> = path.other_readings().iter().map(Path::joined).collect();
    assert_eq!(readings, ["/a/b/c", "/a/b/c", "/a/b/c", "/a/b;x/c"]);
    // The parameter holds a slash, or ends at it.
    let path = Path::read("/a%2Fb;x%2Fc", &open).expect("admitted");
    let readings = path.other_readings();
    for segments in [&["a/b"][..], &["a", "b"], &["a", "b", "c"], &["a", "b;x", "c"]] {
        assert!(readings.iter().any(|path| path.segments() == segments), "{segments:?}");
    }
}

#[test]
fn what_is_empty_in_another_reading_is_a_trailing_slash_there() {
    let open = Reading { admit_encoded_slashes: true, admit_semicolons: true, ..Reading::default() };
    for target in ["/admin/login/;x", "/admin/login%2F", "/admin%2Flogin/;"] {
        let path = Path::read(target, &open).expect(target);
        assert!(path.other_readings().iter().any(|path| path.joined() == "/admin/login"), "{target}");
    }
    let merge = Reading { merge_empty_segments: true, ..open };
    let path = Path::read("/admin%2F%2Flogin", &merge).expect("merged");
    assert!(path.other_readings().iter().any(|path| path.joined() == "/admin/login"));
}

#[test]
fn a_host_is_compared_without_case_port_and_trailing_dot() {
    for (sent, read) in [
        ("API.Example.COM", "api.example.com"),
        ("api.example.com:8443", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("api.example.com.:443", "api.example.com"),
        ("[::1]:443", "[::1]"),
        ("[0:0::0:1]", "[::1]"),
        ("[2001:DB8::A]", "[2001:db8::a]"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("my_host", "my_host"),
    ] {
        let incoming = incoming("GET", sent, "/");
        assert_eq!(Request::read(&incoming, &Reading::default()).expect(sent).host, read);
    }
}

#[test]
fn a_malformed_host_or_method_is_refused() {
    for host in [
        "",
        "a b",
        "user@a",
        "a,b",
        "a:1:2",
        "a:",
        "a:99999",
        "a:x",
        "a..b",
        ".a",
        "a..",
        "[::1",
        "[x]",
        "[::1]x:1",
        "caf\u{e9}",
        "a%2e",
        "a/b",
        ":80",
    ] {
        let incoming = incoming("GET", host, "/");
        let denial = Request::read(&incoming, &Reading::default()).expect_err(host);
        assert_eq!(denial.reason, Denied::BadRequest, "{host}");
    }
    for method in ["", "get", "Get", "GET ", "-GET", "G3T", "CONNECT"] {
        let incoming = incoming(method, "a", "/");
        let denial = Request::read(&incoming, &Reading::default()).expect_err(method);
        assert_eq!(denial.reason, Denied::BadRequest, "{method}");
    }
}

#[test]
fn two_authorizations_are_one_too_many() {
    let joined: &[(&str, &[u8])] = &[("authorization", b"Bearer A,Bearer B")];
    let apart: &[(&str, &[u8])] = &[("authorization", b"Bearer A"), ("Authorization", b"Bearer B")];
    for fields in [joined, apart] {
        let mut incoming = incoming("GET", "a", "/");
        incoming.headers = Headers::new(fields.iter().copied());
        let denial = Request::read(&incoming, &Reading::default()).expect_err("two");
        assert_eq!(denial.reason, Denied::BadRequest);
    }
}

#[test]
fn a_method_override_is_refused_unless_the_policy_says_otherwise() {
    for name in ["x-http-method-override", "X_HTTP_METHOD_OVERRIDE", "x.http.method", "x-method-override"] {
        let mut incoming = incoming("POST", "a", "/");
        incoming.headers = Headers::new([(name, &b"DELETE"[..])]);
        assert!(Request::read(&incoming, &Reading::default()).is_err(), "{name}");
        let remove = Reading { overrides: Overrides::Remove, ..Reading::default() };
        assert!(Request::read(&incoming, &remove).is_ok(), "{name}");
    }
    for target in ["/?_method=DELETE", "/?a=1&%5Fmethod=PUT", "/?.method=PUT", "/?_method[]=PUT"] {
        assert!(Request::read(&incoming("POST", "a", target), &Reading::default()).is_err(), "{target}");
        assert!(Request::read(&incoming("GET", "a", target), &Reading::default()).is_ok(), "{target}");
    }
}

#[test]
fn headers_over_the_limit_are_too_large() {
    let mut incoming = incoming("GET", "a", "/");
    incoming.headers = Headers::new([("x", &b"12345"[..])]);
    let tight = |header_bytes| Reading { header_bytes, ..Reading::default() };
    assert!(Request::read(&incoming, &tight(6)).is_ok());
    assert_eq!(Request::read(&incoming, &tight(5)).expect_err("large").reason, Denied::TooLarge);
}
