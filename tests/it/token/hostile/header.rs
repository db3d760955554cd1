//! Headers that say two things, or nothing, or in another form.

use super::super::auth;
use super::super::mint::Signer;
use super::{HEADER, good, table};

/// A header with so many members more.
fn with_members(last: &str) -> String {
    let members: Vec<String> = (0..500).map(|number| format!(",\"{number}\":0")).collect();
    format!(r#"{{"alg":"RS256","kid":"rsa-a"{}{last}}}"#, members.concat())
}

#[test]
fn headers_that_say_two_things_or_nothing() {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "");
    let with = |header: &str| signer.sign(header, good());
    let rows = [
        ("`alg` written with an escape", with(r#"{"alg":"\u0052S256","kid":"rsa-a"}"#), "allowed"),
        ("`kid` written with an escape", with(r#"{"alg":"RS256","kid":"rsa\u002da"}"#), "allowed"),
        (
            "the name of `alg` with an escape",
            with(r#"{"\u0061lg":"RS256","kid":"rsa-a"}"#),
            "malformed_token",
        ),
        (
            "the name of `kid` with an escape",
            with(r#"{"alg":"RS256","\u006bid":"rsa-a"}"#),
            "malformed_token",
        ),
        (
            "`alg` twice, the second `none`",
            with(r#"{"alg":"RS256","alg":"none","kid":"rsa-a"}"#),
            "malformed_token",
        ),
        (
            "`alg` twice, the second in a nested object",
            with(r#"{"a":{"alg":"none"},"alg":"RS256","kid":"rsa-a"}"#),
            "allowed",
        ),
        ("`alg` in a text", with(r#"{"a":"\"alg\":\"none\",","alg":"RS256","kid":"rsa-a"}"#), "allowed"),
        ("`alg` with a NUL", with(r#"{"alg":"RS256\u0000","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("`alg` with a blank", with(r#"{"alg":"RS256 ","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("two algorithms in one", with(r#"{"alg":"RS256,none","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("full-width `alg`", with(r#"{"alg":"ＲＳ256","kid":"rsa-a"}"#), "disallowed_algorithm"),
        (
            "`NONE` with a Kelvin sign's cousin",
            with(r#"{"alg":"ＮＯＮＥ","kid":"rsa-a"}"#),
            "disallowed_algorithm",
        ),
        ("`ALG` beside `alg`", with(r#"{"ALG":"none","alg":"RS256","kid":"rsa-a"}"#), "allowed"),
        ("`ALG` instead of `alg`", with(r#"{"ALG":"RS256","kid":"rsa-a"}"#), "malformed_token"),
        ("`alg` null", with(r#"{"alg":null,"kid":"rsa-a"}"#), "malformed_token"),
        ("an empty member name", with(r#"{"":"","alg":"RS256","kid":"rsa-a"}"#), "allowed"),
        ("`crit` null", with(r#"{"alg":"RS256","kid":"rsa-a","crit":null}"#), "malformed_token"),
        (
            "`crit` that names `alg`",
            with(r#"{"alg":"RS256","kid":"rsa-a","crit":["alg"]}"#),
            "malformed_token",
        ),
        (
            "`crit` in a nested object is no `crit`",
            with(r#"{"alg":"RS256","kid":"rsa-a","x":{"crit":["x"]}}"#),
            "allowed",
        ),
        ("`b64` as a text", with(r#"{"alg":"RS256","kid":"rsa-a","b64":"false"}"#), "malformed_token"),
        (
            "it says that it is encrypted",
            with(r#"{"alg":"RS256","kid":"rsa-a","enc":"A128GCM"}"#),
            "malformed_token",
        ),
        (
            "`epk` and `p2c` of an encryption",
            with(r#"{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"kid":"rsa-a"}"#),
            "disallowed_algorithm",
        ),
        ("`dir`", with(r#"{"alg":"dir","enc":"A128GCM","kid":"rsa-a"}"#), "disallowed_algorithm"),
        ("`kid` of another case", with(r#"{"alg":"RS256","kid":"RSA-A"}"#), "unknown_key"),
        ("`kid` with a blank", with(r#"{"alg":"RS256","kid":"rsa-a "}"#), "unknown_key"),
        ("`kid` with a NUL", with(r#"{"alg":"RS256","kid":"rsa-a\u0000"}"#), "unknown_key"),
        ("`kid` with another hyphen", with(r#"{"alg":"RS256","kid":"rsa‐a"}"#), "unknown_key"),
        ("`kid` null", with(r#"{"alg":"RS256","kid":null}"#), "malformed_token"),
        ("`kid` as a list", with(r#"{"alg":"RS256","kid":["rsa-a"]}"#), "malformed_token"),
        ("`kid` as a query", with(r#"{"alg":"RS256","kid":"x' UNION SELECT 'secret"}"#), "unknown_key"),
        (
            "`kid` with a line for the log",
            with(r#"{"alg":"RS256","kid":"x\n{\"level\":\"INFO\"}"}"#),
            "unknown_key",
        ),
        (
            "`kid` of 7,000 bytes",
            with(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(5000))),
            "unknown_key",
        ),
        ("no `kid`", with(r#"{"alg":"RS256"}"#), "allowed"),
    ];
    table(&rows, |token| world.bearer("/auth", token));
}

#[test]
fn headers_of_another_type_or_form() {
    let signer = Signer::new("RS256", "rsa-a");
    let world = auth(&[signer.jwk()], "");
    let with = |header: &str| signer.sign(header, good());
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows = [
        ("`typ` null", with(r#"{"alg":"RS256","kid":"rsa-a","typ":null}"#), "malformed_token"),
        ("`typ` with a parameter", with(r#"{"alg":"RS256","kid":"rsa-a","typ":"JWT; v=1"}"#), "wrong_type"),
        ("`typ` with a blank", with(r#"{"alg":"RS256","kid":"rsa-a","typ":"JWT "}"#), "wrong_type"),
        (
            "`application/` twice",
            with(r#"{"alg":"RS256","kid":"rsa-a","typ":"application/application/jwt"}"#),
            "wrong_type",
        ),
        (
            "`typ` of an OpenID logout",
            with(r#"{"alg":"RS256","kid":"rsa-a","typ":"logout+jwt"}"#),
            "wrong_type",
        ),
        ("`typ` of a DPoP proof", with(r#"{"alg":"RS256","kid":"rsa-a","typ":"dpop+jwt"}"#), "wrong_type"),
        ("a list with the header in it", with(&format!("[{HEADER}]")), "malformed_token"),
        ("two headers", with(&format!("{HEADER}{HEADER}")), "malformed_token"),
        ("a NUL after the header", with(&format!("{HEADER}\0")), "malformed_token"),
        ("a comment in the header", with(r#"{"alg":"RS256"/**/,"kid":"rsa-a"}"#), "malformed_token"),
        ("single quotes", with("{'alg':'RS256','kid':'rsa-a'}"), "malformed_token"),
        (
            "a raw line break in a text",
            with("{\"alg\":\"RS256\",\"kid\":\"rsa-a\",\"a\":\"\n\"}"),
            "malformed_token",
        ),
        ("UTF-16", signer.sign(&utf16, good()), "malformed_token"),
        (
            "an overlong slash",
            signer.sign(b"{\"alg\":\"RS256\",\"kid\":\"rsa-a\",\"a\":\"\xc0\xaf\"}", good()),
            "malformed_token",
        ),
        (
            "a surrogate in UTF-8",
            signer.sign(b"{\"alg\":\"RS256\",\"kid\":\"rsa-a\",\"a\":\"\xed\xa0\x80\"}", good()),
            "malformed_token",
        ),
        (
            "nested 100 deep",
            with(&format!(r#"{{"alg":"RS256","kid":"rsa-a","a":{}{}}}"#, "[".repeat(100), "]".repeat(100))),
            "malformed_token",
        ),
        ("500 members", with(&with_members("")), "allowed"),
        ("500 members, the last one twice", with(&with_members(",\"499\":1")), "malformed_token"),
    ];
    table(&rows, |token| world.bearer("/auth", token));
}
