//! The real program with a policy, asked as Envoy asks it and read as Prometheus and operators read it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use tonic::transport::Channel;

use crate::forward_auth::{Told, receive, send};
use crate::keys::serving::Serving;
use crate::keys::signer::{Signer, jwks};

/// The issuer of [`Stand::signer`]'s tokens.
pub const ISSUER: &str = "https://auth.example";

/// A running `serve`.
pub struct Stand {
    pub serving: Serving,
    pub grpc: SocketAddr,
    pub metrics: SocketAddr,
    pub admin: SocketAddr,
    pub signer: Signer,
    pub directory: tempfile::TempDir,
}

impl Stand {
    /// With these rules (an issuer stands before them) and settings.
    pub fn new(rules: &str, settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let signer = Signer::new("k1");
        fs::write(directory.path().join("policy.yaml"), policy(&signer, rules)).expect("a policy");
        let listen = ["--listen-metrics", "127.0.0.1:0", "--listen-admin", "127.0.0.1:0"];
        let mut serving = Serving::start(directory.path(), &[&listen[..], settings].concat());
        let mut address = || {
            let told = serving.until_line("an address", |told| told["address"].is_string());
            told["address"].as_str().and_then(|text| text.parse().ok()).expect("an address")
        };
        let (metrics, admin, grpc) = (address(), address(), address());
        Self { serving, grpc, metrics, admin, signer, directory }
    }

    /// Writes other rules in place of those that are live.
    pub fn rewrite(&self, rules: &str) {
        fs::write(self.directory.path().join("policy.yaml"), policy(&self.signer, rules)).expect("a policy");
    }

    /// A connection as Envoy has it.
    pub async fn envoy(&self) -> AuthorizationClient<Channel> {
        AuthorizationClient::connect(format!("http://{}", self.grpc)).await.expect("connected")
    }

    /// Asks for a decision.
    pub async fn check(&self, request: CheckRequest) -> CheckResponse {
        self.envoy().await.check(request).await.expect("an answer").into_inner()
    }

    /// All metrics.
    pub fn scrape(&self) -> String {
        get(self.metrics, "/metrics").body
    }

    /// The value of one series, by its name and labels as they are written.
    pub fn value(&self, series: &str) -> Option<f64> {
        let text = self.scrape();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().expect("a number"))
    }
}

fn policy(signer: &Signer, rules: &str) -> String {
    let keys = jwks(&[signer]);
    format!(
        "version: 1\nissuers: {{ auth: {{ issuer: \"{ISSUER}\", audiences: [crm], keys: {{ jwks: '{keys}' }} }} }}\n{rules}"
    )
}

/// A `CheckRequest` as Envoy builds one.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> CheckRequest {
    let mut request = CheckRequest::default();
    let http = request
        .attributes
        .get_or_insert_default()
        .request
        .get_or_insert_default()
        .http
        .get_or_insert_default();
    method.clone_into(&mut http.method);
    target.clone_into(&mut http.path);
    "crm.example".clone_into(&mut http.host);
    http.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    request
}

/// Asks for a page.
pub fn get(address: SocketAddr, path: &str) -> Told {
    ask(address, &format!("GET {path} HTTP/1.1\nhost: {address}"))
}

/// Sends the head of a request on a connection of its own.
pub fn ask(address: SocketAddr, head: &str) -> Told {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a bound");
    send(&mut stream, head);
    receive(&mut stream)
}
