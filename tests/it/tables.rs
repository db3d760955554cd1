//! Every escape at every kind of place in a path, every byte at every kind of place in an Authorization header,
//! every method: through the handler, in both forms of the headers. What is expected a few lines say that are
//! read from section 10 of the language and share nothing with the program.

mod folding;
mod section10;

use std::sync::OnceLock;

use crate::handler::{Handler, message};
use crate::keys::signer::{Signer, jwks};
use section10::segments;

const HOST: &[u8] = b"crm.example.com";
const BOTH_FORMS: [bool; 2] = [false, true];

/// A policy that tells where a request was sent by the status it is answered with.
fn open_but_for_the_yard() -> &'static Handler {
    static HANDLER: OnceLock<Handler> = OnceLock::new();
    HANDLER.get_or_init(|| {
        Handler::new(
            "version: 1\nroutes:\n  - { match: /**, allow: anyone }\n  - { match: /yard/**, allow: nobody }\n",
        )
    })
}

/// What the policy above says of a path.
fn expected_of_path(path: &[u8]) -> (i32, &'static str) {
    match segments(path) {
        None => (400, "bad_path"),
        Some(segments) if segments.first().is_some_and(|first| first == "yard") => (403, "nobody"),
        Some(_) => (200, "allowed"),
    }
}

/// Kinds of places in a path. `@` is where the thing stands.
pub const PLACES: [&str; 22] = [
    "@",
    "/@",
    "/@yard",
    "/ya@rd",
    "/yard@",
    "/yard/@",
    "/yard/a@b/c",
    "/open/@/yard",
    "/open@/yard",
    "/open@/../yard",
    "/open/.@/yard",
    "/open/@./yard",
    "/open/..@/yard",
    "/open/@../yard",
    "/@@",
    "/open/@/",
    "/%25@",
    "/%@",
    "/open/%25@41",
    "/open?@",
    "/yard?@",
    "/open/%c3@",
];

#[test]
fn every_escape_at_every_kind_of_place_in_a_path_is_taken_or_refused_as_the_page_says() {
    let handler = open_but_for_the_yard();
    let (mut wrong, mut seen) = (Vec::new(), [0_usize; 3]);
    for byte in 0..=255_u8 {
        for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
            for place in PLACES {
                let path = place.replace('@', &escape);
                judge_path(handler, path.as_bytes(), &mut wrong, &mut seen);
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen.iter().all(|count| *count > 200), "allowed, refused, fenced in: {seen:?}");
}

/// Bytes as they are, too: HTTP/2 hands on what HTTP/1 would not.
#[test]
fn every_byte_at_every_kind_of_place_in_a_path_is_taken_or_refused_as_the_page_says() {
    let handler = open_but_for_the_yard();
    let (mut wrong, mut seen) = (Vec::new(), [0_usize; 3]);
    for byte in 0..=255_u8 {
        for place in PLACES {
            let path: Vec<u8> = place.bytes().map(|one| if one == b'@' { byte } else { one }).collect();
            judge_path(handler, &path, &mut wrong, &mut seen);
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen.iter().all(|count| *count > 200), "allowed, refused, fenced in: {seen:?}");
}

fn judge_path(handler: &Handler, path: &[u8], wrong: &mut Vec<String>, seen: &mut [usize; 3]) {
    // A message whose path is not text is none.
    let is_text = std::str::from_utf8(path).is_ok();
    let expected = if is_text { expected_of_path(path) } else { (400, "bad_request") };
    seen[match expected.0 {
        200 => 0,
        400 => 1,
        _ => 2,
    }] += 1;
    for in_raw_form in BOTH_FORMS {
        // What stands among the headers decides nothing.
        let decoys: [(&str, &[u8]); 2] = [(":path", b"/open"), ("x-original-url", b"/open")];
        let told = handler.ask(&message(b"GET", HOST, path, &decoys, in_raw_form));
        if (told.status, told.reason.as_str()) != expected {
            let path = path.escape_ascii();
            wrong.push(format!("{path} (raw: {in_raw_form}): {told:?}, not {expected:?}"));
        }
    }
}

#[test]
fn every_byte_at_every_kind_of_place_in_an_authorization_header_is_taken_or_refused_as_the_page_says() {
    let signer = Signer::new("k1");
    let policy = format!(
        "version: 1\nissuers: {{ auth: {{ issuer: https://auth.example, audiences: [crm], keys: {{ jwks: '{}' }} }} }}\n\
         routes: [{{ match: /**, allow: authenticated }}]\n",
        jwks(&[&signer])
    );
    let handler = Handler::new(&policy);
    let token = signer.token("https://auth.example");
    let good = format!("Bearer {token}");
    let dots: Vec<usize> = good.match_indices('.').map(|(at, _)| at).collect();
    // Before, in and after the scheme, before and in every part, and behind all of it.
    let places = [
        0,
        3,
        5,
        6,
        7,
        8,
        dots[0] - 3,
        dots[0] - 1,
        dots[0],
        dots[0] + 1,
        dots[1] - 1,
        dots[1],
        dots[1] + 1,
        dots[1] + 20,
        good.len() - 2,
        good.len() - 1,
        good.len(),
    ];
    let (mut wrong, mut seen) = (Vec::new(), [0_usize; 3]);
    for byte in 0..=255_u8 {
        for place in places {
            for replaces in [false, true] {
                let mut value = good.as_bytes().to_vec();
                if !replaces || place == good.len() {
                    value.insert(place, byte);
                } else {
                    value[place] = byte;
                }
                for in_raw_form in BOTH_FORMS {
                    let expected = expected_of_credential(&value, &token, in_raw_form);
                    seen[usize::from(expected == 401) + 2 * usize::from(expected == 400)] += 1;
                    let told =
                        handler.ask(&message(b"GET", HOST, b"/", &[("authorization", &value)], in_raw_form));
                    if told.status != expected {
                        wrong.push(format!(
                            "{byte:#04x} at {place} (replaces: {replaces}, raw: {in_raw_form}): {told:?}, not {expected}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen[0] > 30 && seen[1] > 5_000 && seen[2] > 50, "200, 401, 400: {seen:?}");
}

/// Sections 3 and 10: the scheme without regard to case, one or more spaces, and the very token; a comma could
/// be a second header. The map form holds text only, so a message with anything else in it is none.
fn expected_of_credential(value: &[u8], token: &str, in_raw_form: bool) -> i32 {
    if value.contains(&b',') || (!in_raw_form && std::str::from_utf8(value).is_err()) {
        return 400;
    }
    let Some((scheme, rest)) = value.split_at_checked(6) else { return 401 };
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let is_it = scheme.eq_ignore_ascii_case(b"bearer") && spaces > 0 && &rest[spaces..] == token.as_bytes();
    if is_it { 200 } else { 401 }
}

/// Methods that are registered, and some that are not.
const METHODS: [&str; 51] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "*",
    "",
    "-",
    "-GET",
    "GET-",
    "G-E-T",
    "GETT",
    "M-SEARCH",
    "PURGE",
    "get",
    "Get",
];

#[test]
fn every_method_is_taken_or_refused_as_the_page_says() {
    let handler = Handler::new(
        "version: 1\nroutes:\n  - { match: GET /**, allow: anyone }\n  - { match: /**, allow: nobody }\n",
    );
    let mut methods: Vec<Vec<u8>> = METHODS.iter().map(|name| name.as_bytes().to_vec()).collect();
    for byte in 0..=255_u8 {
        methods.extend([vec![byte], vec![byte, b'E', b'T'], vec![b'G', byte, b'T'], vec![b'G', b'E', byte]]);
        methods.extend([[b"GET".as_slice(), &[byte]].concat(), [&[byte], b"GET".as_slice()].concat()]);
    }
    let mut wrong = Vec::new();
    for method in methods {
        let well_formed = method.first().is_some_and(u8::is_ascii_uppercase)
            && method.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
            && method != b"CONNECT";
        let expected = match method.as_slice() {
            _ if !well_formed => (400, "bad_request"),
            b"GET" | b"HEAD" => (200, "allowed"),
            _ => (403, "nobody"),
        };
        for in_raw_form in BOTH_FORMS {
            let decoys: [(&str, &[u8]); 1] = [(":method", b"GET")];
            let told = handler.ask(&message(&method, HOST, b"/a", &decoys, in_raw_form));
            if (told.status, told.reason.as_str()) != expected {
                let method = method.escape_ascii();
                wrong.push(format!("{method} (raw: {in_raw_form}): {told:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
