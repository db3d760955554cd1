//! Answers that are no keys replace nothing; keys that are none spoil no other.

use serde_json::{Value, json};

use super::mock::{Answer, Mock};
use super::signer::{Signer, jwks};
use super::world::{World, fetched, iss, policy};

/// Every way to be wrong, and what is told of it. Where a key set is in it, it is the stranger's.
fn wrong(stranger: &Signer, elsewhere: &Mock) -> Vec<(&'static str, Answer, String)> {
    let set = jwks(&[stranger]);
    let ok = |headers: &str, body: &[u8]| Answer::with("200 OK", headers, body);
    let html = "<html>\n<b>sign in</b>";
    let told = |text: &str| text.to_owned();
    let many = format!("{{\"keys\":[{}]}}", vec!["{\"kty\":\"x\"}"; 80_000].join(","));
    let over = format!("{{\"keys\":[{}]}}", vec![stranger.jwk().to_string(); 201].join(","));
    let endless = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"keys\":[".to_vec();
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n{\"keys\":[".to_vec();
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len() + 1).into_bytes();
    let gzip = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let redirect = format!("location: {}\r\n", elsewhere.url("/jwks"));
    vec![
        (
            "an error",
            Answer::with("500 Internal Server Error", "", b"oops\n"),
            told("it answers 500 Internal Server Error: `oops\\n`"),
        ),
        (
            "an error with keys",
            Answer::with("503 Service Unavailable", "", set.as_bytes()),
            told("it answers 503 Service Unavailable"),
        ),
        ("not there", Answer::status("404 Not Found"), told("it answers 404 Not Found")),
        ("no content", Answer::status("204 No Content"), told("it answers 204 No Content")),
        ("not modified", Answer::status("304 Not Modified"), told("it answers 304 Not Modified")),
        (
            "a page",
            ok("", html.as_bytes()),
            told(
                "its answer cannot be used: it is no JWK set: no JSON object with a list `keys`: `<html>\\n<b>sign in</b>`",
            ),
        ),
        (
            "a page that holds keys",
            ok("content-type: text/html; charset=utf-8\r\n", set.as_bytes()),
            told("its answer is `text/html; charset=utf-8`, not JSON"),
        ),
        ("nothing", ok("", b""), told("its answer cannot be used: it is no JWK set")),
        (
            "half a set",
            ok("", set.as_bytes().split_at(set.len() / 2).0),
            told("its answer cannot be used: it is no JWK set"),
        ),
        ("less than was said", Answer::Bytes(cut), told("its answer broke off")),
        ("not HTTP", Answer::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec()), told("no connection")),
        ("not a word", Answer::HangsUp, told("no connection")),
        (
            "a mark of byte order",
            ok("", &[b"\xef\xbb\xbf", set.as_bytes()].concat()),
            told("its answer cannot be used"),
        ),
        (
            "compressed",
            ok(gzip, b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
            told("its answer is encoded as `gzip`, which was not asked for"),
        ),
        ("no set", ok("", b"{\"kty\":\"RSA\"}"), told("its answer cannot be used: it is no JWK set")),
        ("an empty set", ok("", b"{\"keys\":[]}"), told("its answer cannot be used: it holds no usable key")),
        (
            "only unusable keys",
            ok("", b"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"kid\":\"s\"}]}"),
            told("its answer cannot be used: it holds no usable key: key `s` is a shared secret"),
        ),
        ("80,000 keys", ok("", many.as_bytes()), told("its answer cannot be used: it holds over 200 keys")),
        ("201 good keys", ok("", over.as_bytes()), told("its answer cannot be used: it holds over 200 keys")),
        ("no end", Answer::Endless(endless), told("its answer is over 1048576 bytes")),
        ("a gigabyte, it says", Answer::Hangs(huge), told("its answer is over 1048576 bytes")),
        ("an endless head", Answer::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec()), told("no connection")),
        (
            "moved for good",
            Answer::with("301 Moved Permanently", &redirect, set.as_bytes()),
            format!("it redirects to `{}`", elsewhere.url("/jwks")),
        ),
        (
            "moved for now",
            Answer::with("302 Found", &redirect, b""),
            format!("it redirects to `{}`", elsewhere.url("/jwks")),
        ),
        (
            "moved with its method",
            Answer::with("307 Temporary Redirect", &redirect, b""),
            format!("it redirects to `{}`", elsewhere.url("/jwks")),
        ),
        (
            "moved nowhere",
            Answer::with("308 Permanent Redirect", "", b""),
            told("it redirects, which is not followed"),
        ),
    ]
}

/// Fault: errors, pages, half a set, an empty set, other encodings, a gigabyte, 80,000 keys, redirects: while good keys
/// are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_key_set_replaces_nothing() {
    let (good, stranger) = (Signer::new("k1"), Signer::new("k1"));
    let elsewhere = Mock::start(Answer::json(jwks(&[&stranger]))).await;
    let mock = Mock::start(Answer::json(jwks(&[&good]))).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/jwks")))]));
    world.until_ready().await;
    let mut wrong_allows = 0;
    let all = wrong(&stranger, &elsewhere);
    let kinds = all.len();
    for (name, answer, told) in all {
        mock.answer(answer);
        world.until_issuer("shaky", |issuer| issuer.sources[0].failures > 0).await;
        assert!(world.error("shaky").starts_with(&told), "{name}: {}", world.error("shaky"));
        assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed", "{name}");
        let forged = world.ask("/shaky", Some(&stranger.token(&iss("shaky")))).await;
        wrong_allows += usize::from(forged == "allowed");
        assert_eq!(forged, "bad_signature", "{name}");
        assert!(world.runtime.readiness().ready, "{name}");
        mock.answer(Answer::json(jwks(&[&good])));
        world.until_issuer("shaky", |issuer| issuer.sources[0].failures == 0).await;
        assert_eq!(world.issuer("shaky").sources[0].last_error, None, "{name}");
    }
    assert_eq!(wrong_allows, 0);
    assert_eq!(elsewhere.connections(), 0, "nobody follows a redirect");
    for row in [5, 6, 7, 11] {
        world.saw(
            row,
            format_args!("{kinds} kinds of wrong answers replaced nothing, 0 connections elsewhere"),
        );
    }
}

/// Fault: the same before any good keys were there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_key_set_makes_nobody_ready() {
    let stranger = Signer::new("k1");
    let elsewhere = Mock::start(Answer::json(jwks(&[&stranger]))).await;
    let mock = Mock::start(Answer::HangsUp).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/jwks")))]));
    for (name, answer, told) in wrong(&stranger, &elsewhere) {
        mock.answer(answer);
        world
            .until_issuer("shaky", |issuer| {
                issuer.sources[0].last_error.as_deref().is_some_and(|error| error.starts_with(&told))
            })
            .await;
        assert!(!world.runtime.readiness().ready, "{name}");
        assert_eq!(
            world.ask("/shaky", Some(&stranger.token(&iss("shaky")))).await,
            "keys_unavailable",
            "{name}"
        );
    }
    assert_eq!(elsewhere.connections(), 0, "nobody follows a redirect");
}

/// Fault: one key of a set is malformed, unknown, secret, private, weak or for something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_key_among_good_ones_spoils_none_of_them() {
    let (first, last) = (Signer::new("first"), Signer::new("last"));
    let with = |change: fn(&mut Value)| {
        let mut key = Signer::new("bad").jwk();
        change(&mut key);
        key
    };
    let bad: Vec<(&str, Value, &str)> = vec![
        ("no object", json!(7), "cannot be read"),
        ("nothing in it", json!({}), "cannot be read"),
        (
            "an unknown type",
            json!({ "kty": "AKP", "kid": "bad", "alg": "ML-DSA-65" }),
            "is of a type that is not known",
        ),
        (
            "a shared secret",
            json!({ "kty": "oct", "kid": "bad", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw" }),
            "is a shared secret",
        ),
        ("a private key", with(|key| key["d"] = json!("AAAA")), "is private"),
        ("for encryption", with(|key| key["use"] = json!("enc")), "is not for signatures"),
        ("for signing only", with(|key| key["key_ops"] = json!(["sign"])), "is not for signatures"),
        (
            "another algorithm",
            with(|key| key["alg"] = json!("RS256")),
            "is for an algorithm that keys of its type do not have",
        ),
        ("a short coordinate", with(|key| key["x"] = json!("AAAA")), "cannot be read"),
        (
            "a weak modulus",
            json!({ "kty": "RSA", "kid": "bad", "n": "_".repeat(168), "e": "AQAB" }),
            "is too weak",
        ),
        ("no type", with(|key| key["kty"] = json!(null)), "cannot be read"),
        ("a type in other letters", with(|key| key["kty"] = json!("okp")), "is of a type that is not known"),
        ("an unknown curve", with(|key| key["crv"] = json!("Ed448")), "is of a type that is not known"),
        (
            "a curve for another purpose",
            with(|key| key["crv"] = json!("X25519")),
            "is of a type that is not known",
        ),
        ("another alphabet", with(|key| key["x"] = json!("+".repeat(43))), "cannot be read"),
        ("`use` that is a list", with(|key| key["use"] = json!(["sig"])), "is not for signatures"),
        ("`key_ops` that is a text", with(|key| key["key_ops"] = json!("verify")), "is not for signatures"),
        ("`alg` that is a number", with(|key| key["alg"] = json!(256)), "cannot be read"),
        (
            "a point that is not on the curve",
            json!({ "kty": "EC", "crv": "P-256", "kid": "bad", "x": "A".repeat(43), "y": "A".repeat(43) }),
            "cannot be read",
        ),
    ];
    let mock = Mock::start(Answer::HangsUp).await;
    let world = World::serve(&policy(&[("shaky", fetched(&mock.url("/jwks")))]));
    let kinds = bad.len();
    for (name, key, cause) in bad {
        mock.answer(Answer::json(json!({ "keys": [first.jwk(), key, last.jwk()] }).to_string()));
        let is_told = |cause: &str| {
            let source = &world.issuer("shaky").sources[0];
            source.keys.len() == 2
                && source.rejected.len() == 1
                && source.rejected[0].cause.starts_with(cause)
        };
        super::world::until(async || is_told(cause), || format!("{name}: {:#?}", world.issuer("shaky")))
            .await;
        let (by_first, by_last) = (first.token(&iss("shaky")), last.token(&iss("shaky")));
        let (by_bad, forged) =
            (Signer::new("bad").token(&iss("shaky")), Signer::new("last").token(&iss("shaky")));
        world
            .table(
                name,
                &[
                    ("the first key's token", "/shaky", Some(&by_first), "allowed"),
                    ("the last key's token", "/shaky", Some(&by_last), "allowed"),
                    ("a token of the bad key", "/shaky", Some(&by_bad), "unknown_key"),
                    ("a stranger's token", "/shaky", Some(&forged), "bad_signature"),
                ],
            )
            .await;
    }
    let ids: Vec<_> = world.issuer("shaky").sources[0].keys.iter().map(|key| key.id.clone()).collect();
    assert_eq!(ids, [Some("first".into()), Some("last".into())]);
    world.saw(8, format_args!("{kinds} kinds of bad keys, each left out alone"));
    assert_eq!(world.issuer("shaky").sources[0].keys[0].algorithms, ["EdDSA"]);
}
