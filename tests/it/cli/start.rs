//! The first steps: a policy to start from, keys, schemas, completions and pages.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use serde_json::Value;

use crate::snapshots::Program;

#[test]
fn init_writes_a_policy_that_passes_its_own_tests() {
    let program = Program::with(&[]);
    program.run("init policies").exits(0).is("init");
    let checked = program.run("check policies --strict");
    assert_eq!(checked.exits(0).out, "ok: 1 file, 5 routes, 1 forbid rule, 1 issuer, 48 tests\n");
    program.run("test policies").exits(0);
    program.run("init policies").exits(2).is("init-again");
}

#[test]
fn the_tests_of_init_see_everything_and_notice_every_change() {
    let program = Program::with(&[]);
    program.run("init policies").exits(0);
    let said = program.run("test policies --mutate --min-coverage 100").timeless();
    said.exits(0).is("init-mutants");
}

#[test]
fn keys_are_named_as_the_policy_sees_them() {
    let program = Program::with(&[("policies/policy.yaml", "version: 1\n")]);
    program.run("keys generate").exits(0).is("keys-generate-beside-policies");
    let deep = program.run("keys generate --algorithm HS256 --out policies/deep/keys");
    deep.exits(0).is("keys-generate-within-policies");
}

#[test]
fn a_private_key_is_for_its_owner_only_and_never_overwritten() {
    let program = Program::with(&[]);
    let said = program.run("keys generate --algorithm EdDSA --key-id k1");
    said.exits(0).is("keys-generate");
    let mode = fs::metadata(program.path("keys/private.pem")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let private = fs::read(program.path("keys/private.pem")).expect("a key");
    let jwks: Value =
        serde_json::from_slice(&fs::read(program.path("keys/jwks.json")).expect("a set")).expect("JSON");
    assert_eq!((&jwks["keys"][0]["kid"], &jwks["keys"][0]["alg"]), (&"k1".into(), &"EdDSA".into()));
    assert!(jwks["keys"][0].get("d").is_none());
    program.run("keys generate").exits(2).is("keys-generate-again");
    assert_eq!(fs::read(program.path("keys/private.pem")).expect("a key"), private);
    // Half of a pair is not made up for: the other half would be lost.
    fs::remove_file(program.path("keys/private.pem")).expect("removed");
    program.run("keys generate").exits(2);
    assert!(!program.path("keys/private.pem").exists());
    program.run("keys generate --algorithm none --out other").exits(2).is("keys-generate-unknown");
    program.run("keys generate --algorithm RS256 --bits 1024 --out other").exits(2).is("keys-generate-weak");
    program.run("keys generate --algorithm HS256 --out secrets").exits(0).is("keys-generate-secret");
}

#[test]
fn schemas_are_json_schemas() {
    let program = Program::with(&[]);
    for of in ["policy", "tests", "test", "settings"] {
        let said = program.run(&format!("schema {of}"));
        let schema: Value = serde_json::from_str(&said.exits(0).out).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema");
    }
    let settings: Value = serde_json::from_str(&program.run("schema settings").out).expect("JSON");
    let validator = jsonschema::validator_for(&settings).expect("a schema");
    let file = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let good = file(
        r#"{"policies": ["a"], "listen": {"grpc": "unix:/a", "metrics": ""}, "limits": {"in_flight": 10}}"#,
    );
    assert!(validator.is_valid(&good));
    assert!(!validator.is_valid(&file(r#"{"listen": {"grcp": "unix:/a"}}"#)));
    program.run("schema nothing").exits(2).is("schema-nothing");
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let program = Program::with(&[]);
    let commands =
        ["init", "check", "test", "explain", "routes", "serve", "token", "keys", "schema", "healthcheck"];
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = program.run(&format!("completions {shell}"));
        for command in commands {
            assert!(said.exits(0).out.contains(command), "{shell}: {command}");
        }
    }
    program.run("man --out pages").exits(0);
    for page in ["portcullis.1", "portcullis-explain.1", "portcullis-token-mint.1"] {
        assert!(program.path("pages").join(page).is_file(), "{page}");
    }
    program.run("completions nushell").exits(2).is("completions-unknown");
    program.run("man --out /proc/nowhere").exits(2).is("man-nowhere");
    let manual = program.run("man").exits(0).out.clone();
    assert!(manual.is_ascii() && manual.contains("\\[u2026]"), "a formatter reads ASCII");
    let parts = manual.matches(".SH EXAMPLES").count();
    assert!(parts > 15, "{parts} pages with examples");
}

#[test]
fn the_version_says_what_was_built() {
    let said = Program::with(&[]).run("version");
    assert!(said.exits(0).out.starts_with(&format!("portcullis {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_server_that_is_not_there_is_not_healthy() {
    let program = Program::with(&[]);
    program.run("healthcheck --address unix:nobody.sock").exits(1).is("healthcheck-nobody");
    program.run("healthcheck --address nowhere").exits(2).is("healthcheck-no-address");
}

#[test]
fn a_server_with_a_broken_policy_says_every_problem_to_people_or_to_machines() {
    let policy = "version: 1\nroutes:\n  - { match: GET /a, allow: anyonee }\n  - { match: GET /b, guard: nobody, allow: authenticated }\n";
    let program = Program::with(&[("policies/policy.yaml", policy)]);
    let serve = "serve --policies policies --listen-grpc 127.0.0.1:0 --listen-metrics '' --listen-admin ''";
    program.run(&format!("{serve} --log-format text")).exits(1).is("serve-broken-policy");
    let said = program.run(serve);
    let lines: Vec<Value> = said
        .exits(1)
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .filter(|line: &Value| line.get("code").is_some())
        .collect();
    let places: Vec<(&Value, &Value)> = lines.iter().map(|line| (&line["code"], &line["line"])).collect();
    assert_eq!(places, [(&"P0107".into(), &3.into()), (&"P0205".into(), &4.into())]);
    program.run("serve").exits(2).is("serve-no-policy");
    program.run("serve --policies nowhere").exits(2).is("serve-policy-not-there");
    program.run("serve --policies policies --listen-grpc nowhere").exits(2).is("serve-bad-setting");
}

#[test]
fn a_server_behind_a_socket_file_is_asked_there() {
    let program = Program::with(&[]);
    let listener = UnixListener::bind(program.path("probes.sock")).expect("a socket");
    let server = std::thread::spawn(move || {
        for answer in ["HTTP/1.1 200 OK\r\n\r\nready\n", "HTTP/1.1 503 x\r\n\r\nnot ready\nkeys of auth\n"] {
            let (mut stream, _) = listener.accept().expect("a probe");
            let mut head = [0; 1024];
            let length = stream.read(&mut head).expect("a request");
            assert!(head[..length].starts_with(b"GET /readyz?verbose HTTP/1.1\r\nhost: localhost\r\n"));
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    assert_eq!(program.run("healthcheck --address unix:probes.sock").exits(0).out, "ready\n");
    program.run("healthcheck --address unix:probes.sock").exits(1).is("healthcheck-not-ready");
    server.join().expect("a server");
}
