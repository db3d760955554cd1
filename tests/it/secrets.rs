//! Whatever command is given and however much the log tells: no secret, private key or signature of a token is said.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use rustix::process::Signal;

use crate::keys::serving::Serving;
use crate::keys::world::until;
use crate::snapshots::{Program, Said};
use crate::stand::{get, request};
use crate::token::mint;

const FILE: &str = "canary-of-a-file-0123456789-0123456789-0123456789";
const VARIABLE: &str = "canary-of-a-variable-0123456789-0123456789-012345";
const COLLECTOR: &str = "canary-of-a-collector";
const VARIABLES: [(&str, &str); 2] =
    [("HS_SECRET", VARIABLE), ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=canary-of-a-collector")];

/// Issuers with secrets from everywhere, and one whose key signs here.
fn policy() -> String {
    let jwks = mint::jwks(&[mint::Signer::new("EdDSA", "ed25519-a").jwk()]);
    let hmac = "audiences: [crm], algorithms: [HS256]";
    format!(
        "version: 1
issuers:
  file: {{ issuer: https://file.example, {hmac}, keys: {{ secret_file: ../secret }} }}
  variable: {{ issuer: https://variable.example, {hmac}, keys: {{ secret_env: HS_SECRET }} }}
  signed: {{ issuer: https://signed.example, audiences: [crm], keys: {{ jwks: '{jwks}' }} }}
routes:
  - {{ match: GET /file, guard: file, require: {{ scopes: [read] }} }}
  - {{ match: GET /variable, guard: variable, allow: authenticated }}
  - {{ match: GET /signed, guard: signed, allow: authenticated }}
"
    )
}

/// The lines of a private key.
fn private_key() -> String {
    String::from_utf8(mint::data("keys/ed25519-a.pem")).expect("a PEM")
}

fn program() -> Program {
    let tests = "tests:\n  - { name: nobody, request: GET /file, expect: 401 }\n";
    let program = Program::with(&[
        ("policies/policy.yaml", policy().as_str()),
        ("policies/policy_test.yaml", tests),
        ("broken/policy.yaml", policy().replace("../secret", "secret").as_str()),
        ("broken/secret", "canary-too-weak"),
        ("secret", FILE),
        ("private.pem", &private_key()),
    ]);
    VARIABLES.iter().fold(program, |program, (name, value)| program.variable(name, value))
}

/// What must not be said, in all the ways in which it could be written.
fn hidden(tokens: &[String]) -> Vec<String> {
    let mut hidden = vec!["canary-too-weak".to_owned()];
    for secret in [FILE, VARIABLE, COLLECTOR] {
        let hexadecimal = secret.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        hidden.extend([
            secret.to_owned(),
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            hexadecimal,
        ]);
    }
    hidden.extend(private_key().lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
    let signature = |token: &String| token.rsplit('.').next().expect("a signature").to_owned();
    hidden.extend(tokens.iter().map(signature));
    hidden
}

#[track_caller]
fn tells_none(what: &str, text: &str, hidden: &[String]) {
    for secret in hidden {
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{what} tells `{secret}`");
    }
}

/// A good token of each issuer, one that is over, and one of a stranger.
fn tokens(program: &Program) -> Vec<String> {
    let mint = |words: &str| {
        let minted: Said = program.run(&format!("token mint {words}"));
        minted.exits(0);
        minted.out.trim().to_owned()
    };
    vec![
        mint("--issuer file --scope read"),
        mint("--issuer variable"),
        mint("--issuer signed --key private.pem"),
        mint("--issuer file --expires-in -5m"),
        mint("--issuer signed --key secret --algorithm HS256"),
    ]
}

#[test]
fn no_command_tells_a_secret() {
    let program = program();
    let tokens = tokens(&program);
    let hidden = hidden(&tokens);
    let mut commands: Vec<String> = [
        "check",
        "check broken",
        "check broken --format json",
        "check broken --format sarif",
        "check broken --format github",
        "test",
        "test --coverage",
        "test --mutate",
        "test --format json",
        "routes",
        "routes --format json",
        "routes --matrix",
        "doctor envoy policies/policy.yaml",
        "doctor kubernetes policies/policy.yaml",
        "schema policy",
        "schema settings",
        "init new",
        "keys generate --out generated",
        "keys generate --algorithm HS256 --out secret-generated",
        "healthcheck --address 127.0.0.1:1",
        "completions bash",
        "man",
        "version",
        "help",
        "serve --policies policies --print-config",
        "token mint --issuer nobody --key private.pem",
        "token mint --issuer signed --key secret --algorithm EdDSA",
        "token mint --issuer file --encoding hex",
    ]
    .map(str::to_owned)
    .to_vec();
    for token in &tokens {
        for format in ["human", "json"] {
            commands.push(format!("token inspect {token} --format {format}"));
            for path in ["/file", "/variable", "/signed"] {
                commands.push(format!("explain GET {path} --token {token} --format {format}"));
                commands.push(format!(
                    "explain GET {path} -H 'authorization: Bearer {token}' -H 'cookie: a=canary-too-weak' --format {format}"
                ));
            }
        }
    }
    let mut told = 0;
    for command in &commands {
        let said = program.run(command);
        // Standard output and standard error alike.
        let both = format!("{}\n{}", said.out, said.error);
        told += both.len();
        tells_none(command, &both, &hidden);
    }
    assert!(told > 20_000, "there was something to be told: {told} bytes");
    every_command_was_asked(&program, &commands);
    generated_keys_are_not_shown(&program);
}

/// A command that is new has to be thought of here.
fn every_command_was_asked(program: &Program, asked: &[String]) {
    let help = program.run("help").out;
    let (_, list) = help.split_once("Commands:").expect("a list of commands");
    let names = list.lines().skip(1).take_while(|line| line.starts_with("  "));
    let names: BTreeSet<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    let first = |command: &String| command.split(' ').next().map(str::to_owned);
    let known: BTreeSet<String> = asked.iter().filter_map(first).collect();
    let forgotten: Vec<_> = names.iter().filter(|name| !known.contains(**name)).collect();
    assert!(names.len() > 8 && forgotten.is_empty(), "{forgotten:?} of {names:?}");
}

fn generated_keys_are_not_shown(program: &Program) {
    let said = program.run("keys generate --out more");
    for entry in std::fs::read_dir(program.path("more")).expect("keys") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a file");
        if text.contains("PRIVATE KEY") {
            let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("-----")).collect();
            assert!(lines.iter().all(|line| !said.out.contains(line) && !said.error.contains(line)));
            return;
        }
    }
    panic!("no private key was written: {said:?}");
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_level_of_the_log_tells_a_secret() {
    let program = program();
    let tokens = tokens(&program);
    let hidden = hidden(&tokens);
    for (level, format) in
        [("error", "json"), ("warn", "text"), ("info", "json"), ("debug", "text"), ("trace", "json")]
    {
        program.write("secret", FILE);
        let (grpc, pages) = (free_address(), free_address());
        let (to_envoy, to_operators) = (grpc.to_string(), pages.to_string());
        let mut settings = vec!["--log-level", level, "--log-format", format, "--log-decisions", "all"];
        settings.extend(["--listen-grpc", &to_envoy, "--listen-admin", &to_operators]);
        settings.extend(["--tracing-otlp-endpoint", "http://127.0.0.1:1", "--reload-interval", "100ms"]);
        let mut serving = Serving::with(&program.path("policies"), &settings, &VARIABLES);
        let connected = async || AuthorizationClient::connect(format!("http://{grpc}")).await.ok();
        until(async || connected().await.is_some(), || "it listens".to_owned()).await;
        let mut envoy = connected().await.expect("it listens");
        for token in &tokens {
            for path in ["/file", "/variable", "/signed"] {
                let bearer = format!("Bearer {token}");
                envoy.check(request("GET", path, &[("authorization", &bearer)])).await.expect("an answer");
            }
        }
        // A secret that cannot be used is told of, and is not told.
        program.write("secret", "canary-too-weak");
        let is_told = || get(pages, "/keys").body.contains("too weak");
        until(async || is_told(), || get(pages, "/keys").body).await;
        let mut told = String::new();
        for page in ["/metrics", "/readyz?verbose", "/version", "/policy", "/keys", "/decisions"] {
            told.push_str(&get(pages, page).body);
        }
        serving.send(Signal::TERM);
        let (out, error) = serving.rest();
        assert!(out.len() + error.len() > 500, "{level}: there was something to be told: {out}{error}");
        tells_none(&format!("`{level}` as {format}"), &format!("{told}{out}{error}"), &hidden);
    }
}
