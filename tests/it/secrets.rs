//! Whatever command is given and however much the log tells: no secret, private key or signature of a token is said.

mod commands;
mod pasted;

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
/// As the private member of a JWK.
const MEMBER: &str = "canary-of-a-member-0123456789-0123456789-01";
const VARIABLES: [(&str, &str); 2] =
    [("HS_SECRET", VARIABLE), ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=canary-of-a-collector")];

/// Issuers with secrets from everywhere, and one whose key signs here, beside a key that is pasted with its
/// private half.
fn policy() -> String {
    let mut private = mint::Signer::new("EdDSA", "ed25519-b").jwk();
    private["d"] = MEMBER.into();
    let jwks = mint::jwks(&[mint::Signer::new("EdDSA", "ed25519-a").jwk(), private]);
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

/// An Envoy whose key stands on a line with something to find.
fn envoy() -> String {
    let key = private_key().replace('\n', "\\n");
    format!(
        "static_resources:
  listeners:
  - name: ingress
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              grpc_service: {{ envoy_grpc: {{ cluster_name: portcullis }} }}
          - name: envoy.filters.http.router
  clusters:
  - {{ name: portcullis, private_key: {{ inline_string: \"{key}\" }}, load_assignment: {{ cluster_name: portcullis }} }}
"
    )
}

/// The same of a pod.
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: crm }
spec:
  template:
    spec:
      containers:
      - { name: portcullis, image: portcullis, args: [serve], env: [{ name: HS_SECRET, value: canary-of-a-variable-0123456789-0123456789-012345 }] }
      - { name: envoy, image: envoyproxy/envoy }
";

fn program() -> Program {
    let tests = "tests:\n  - { name: nobody, request: GET /file, expect: { status: 401 } }\n";
    let program = Program::with(&[
        ("policies/policy.yaml", policy().as_str()),
        ("policies/policy_test.yaml", tests),
        ("broken/policy.yaml", policy().replace("../secret", "secret").as_str()),
        ("broken/secret", "canary-too-weak"),
        ("secret", FILE),
        ("private.pem", &private_key()),
        ("outside/envoy.yaml", envoy().as_str()),
        ("outside/deployment.yaml", DEPLOYMENT),
    ]);
    // Wide enough for whole lines.
    let program = program.variable("COLUMNS", "900");
    VARIABLES.iter().fold(program, |program, (name, value)| program.variable(name, value))
}

/// What must not be said, in all the ways in which it could be written.
fn hidden(tokens: &[String]) -> Vec<String> {
    let mut hidden = vec!["canary-too-weak".to_owned()];
    for secret in [FILE, VARIABLE, COLLECTOR, MEMBER] {
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

fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_level_of_the_log_tells_a_secret() {
    let program = program();
    let tokens = tokens(&program);
    let hidden = hidden(&tokens);
    let levels = ["error", "warn", "info", "debug", "trace"];
    for (level, format) in levels.iter().flat_map(|level| [(*level, "json"), (*level, "text")]) {
        program.write("secret", FILE);
        program.write("policies/policy.yaml", &policy());
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
        // As a server is asked by the command.
        let asked = program.run(&format!("explain GET /file --token {} --admin http://{pages}", tokens[0]));
        asked.exits(0);
        let mut told = format!("{}{}", asked.out, asked.error);
        // A policy with a secret in it is told of, too.
        program.write("policies/policy.yaml", &pasted::policy(&pasted::member()));
        let is_told = || get(pages, "/policy").body.contains("P0519");
        until(async || is_told(), || get(pages, "/policy").body).await;
        for page in ["/metrics", "/readyz?verbose", "/version", "/policy", "/keys", "/decisions"] {
            told.push_str(&get(pages, page).body);
        }
        serving.send(Signal::TERM);
        let (out, error) = serving.rest();
        assert!(out.len() + error.len() > 500, "{level}: there was something to be told: {out}{error}");
        tells_none(&format!("`{level}` as {format}"), &format!("{told}{out}{error}"), &hidden);
    }
}
