//! Settings of `serve`: each a flag, an environment variable and a key of the configuration file, in that
//! order of precedence.

mod address;
mod file;
mod listeners;
mod opentelemetry;
mod read;
mod reader;
mod unknown;
mod values;

use std::time::Duration;

use crate::token::cache::CacheSettings;

pub use address::{Address, SocketOwner};
pub use file::{FileError, read_file};
pub use listeners::{Http, Target, TlsFiles};
pub use values::{Problem, Source, Values};

/// One setting as people know it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `listen.grpc`.
    pub key: &'static str,
    /// As one would write it; empty: off.
    pub default: &'static str,
    /// One line.
    pub help: &'static str,
}

impl Setting {
    /// `listen-grpc`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// `PORTCULLIS_LISTEN_GRPC`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PORTCULLIS_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }
}

macro_rules! settings {
    ($($key:literal, $default:literal, $help:literal;)*) => {
        /// Every setting.
        pub const ALL: &[Setting] = &[$(Setting { key: $key, default: $default, help: $help },)*];
    };
}

settings! {
    "policies", "", "Policy files and directories, separated by commas";
    "listen.grpc", "127.0.0.1:9191", "Where Envoy asks: host:port, unix:/path, unix:@name or systemd:name; several by commas";
    "listen.http", "", "Where proxies ask over HTTP (forward authentication); several by commas";
    "listen.metrics", "127.0.0.1:9192", "Metrics and probes only; empty turns it off";
    "listen.admin", "127.0.0.1:9193", "Metrics, probes, policy, keys and decisions; empty turns it off";
    "listen.socket_mode", "0660", "Mode of unix sockets, octal";
    "listen.socket_owner", "", "Numeric owner of unix sockets";
    "listen.socket_group", "", "Numeric group of unix sockets";
    "tls.cert", "", "Certificate of the gRPC and HTTP listeners, PEM; read again when it changes";
    "tls.key", "", "Its private key, PEM";
    "tls.client_ca", "", "Authorities of clients' certificates, PEM; clients must then have one";
    "http.target", "", "How proxies name the request they ask about: x-forwarded, x-original or request";
    "http.path_prefix", "", "With `request`: what stands before its path";
    "reload.watch", "true", "Look at policy and key files when they change";
    "reload.interval", "2s", "Look at them this often in any case";
    "cache.tokens", "true", "Remember verified tokens";
    "cache.max_bytes", "64MiB", "Memory for them";
    "cache.max_age", "10m", "Longest that one is remembered";
    "key_cache", "", "Directory for the last good public keys, which then survive a restart; empty: none";
    "limits.token_bytes", "16KiB", "Longest token";
    "limits.header_bytes", "128KiB", "Most bytes of names and values of the judged request's headers";
    "limits.message_bytes", "1MiB", "Largest CheckRequest";
    "limits.in_flight", "4096", "Most requests at once; more are refused as overloaded";
    "limits.connections", "256", "Most connections at once";
    "limits.concurrent_streams", "1024", "Most streams of one connection";
    "limits.pending_resets", "1000", "Most reset streams of one connection that are not taken up yet";
    "limits.deadline", "200ms", "Longest that a decision may take";
    "keepalive.interval", "20s", "HTTP/2 pings to find dead peers";
    "keepalive.timeout", "10s", "How long their answer may take";
    "answers.error_response", "false", "Answer 503 as `error_response`, so that Envoy's failure mode applies";
    "log.format", "auto", "json, text, or auto: text on a terminal, else json";
    "log.level", "info", "error, warn, info, debug or trace";
    "log.decisions", "denied", "Which decisions are logged: none, denied or all";
    "log.sample", "1.0", "Share of allowed decisions that is logged";
    "log.subject", "plain", "The subject in the log: plain, hash or none";
    "log.queue", "8192", "Lines that may wait; more are dropped and counted";
    "tracing.otlp_endpoint", "", "Where spans go, over OTLP/HTTP: http://localhost:4318; also the OTEL_* variables; empty: none";
    "shutdown.delay", "0s", "On SIGTERM go on serving this long, not ready";
    "shutdown.drain", "10s", "Then finish what is in flight, this long at most";
    "workers", "", "Threads that decide; default: the cores available";
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
    /// Text on a terminal, else JSON.
    Auto,
}

/// Which decisions are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedDecisions {
    /// None.
    None,
    /// Those that were not allowed.
    Denied,
    /// All; of the allowed ones a share.
    All,
}

/// The subject in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedSubject {
    /// As it is.
    Plain,
    /// A keyed hash, the same for the life of the process.
    Hash,
    /// Left out.
    None,
}

/// All settings, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `policies`.
    pub policies: Vec<std::path::PathBuf>,
    /// `listen.grpc`.
    pub grpc: Vec<Address>,
    /// `listen.http`, `http.*`.
    pub http: Option<Http>,
    /// `tls.*`.
    pub tls: Option<TlsFiles>,
    /// `listen.metrics`.
    pub metrics: Option<Address>,
    /// `listen.admin`.
    pub admin: Option<Address>,
    /// `listen.socket_*`.
    pub socket: SocketOwner,
    /// `reload.watch`.
    pub watch: bool,
    /// `reload.interval`.
    pub interval: Duration,
    /// `cache.*`.
    pub cache: CacheSettings,
    /// `key_cache`.
    pub key_cache: Option<std::path::PathBuf>,
    /// `limits.*`.
    pub limits: Limits,
    /// `keepalive.interval`.
    pub keepalive_interval: Duration,
    /// `keepalive.timeout`.
    pub keepalive_timeout: Duration,
    /// `answers.error_response`.
    pub error_response: bool,
    /// `log.*`.
    pub log: Log,
    /// `tracing.otlp_endpoint`, with the path that spans go to.
    pub otlp_endpoint: Option<String>,
    /// `shutdown.delay`.
    pub shutdown_delay: Duration,
    /// `shutdown.drain`.
    pub shutdown_drain: Duration,
    /// `workers`.
    pub workers: usize,
}

/// `limits.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest token.
    pub token_bytes: usize,
    /// Most bytes of headers.
    pub header_bytes: usize,
    /// Largest message.
    pub message_bytes: usize,
    /// Most requests at once.
    pub in_flight: usize,
    /// Most connections.
    pub connections: usize,
    /// Most streams of a connection.
    pub concurrent_streams: u32,
    /// Most pending resets of a connection.
    pub pending_resets: usize,
    /// Longest decision.
    pub deadline: Duration,
}

/// `log.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// How lines are written.
    pub format: LogFormat,
    /// The level.
    pub level: tracing::Level,
    /// Which decisions.
    pub decisions: LoggedDecisions,
    /// Share of the allowed ones.
    pub sample: f64,
    /// The subject.
    pub subject: LoggedSubject,
    /// Lines that may wait.
    pub queue: usize,
}

#[cfg(test)]
mod tests;
