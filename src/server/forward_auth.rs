//! Forward authentication over HTTP: Envoy's HTTP service, nginx `auth_request`, Traefik, Caddy.
//!
//! Which headers name the original request is a setting. The others are a client's word and are ignored;
//! what is missing, doubled or malformed in the trusted ones is refused.

mod answer;
mod beside;
mod connection;
mod exchange;
mod target;

use std::sync::Arc;
use std::time::Duration;

use super::in_flight::InFlight;
use super::judge::Judge;
use crate::settings::Settings;

pub use answer::{expressible, response};
pub use connection::serve;
pub use target::incoming;

pub use crate::settings::Target;

/// Everything that a connection needs; shared by all of them.
#[derive(Debug)]
pub struct Service {
    /// Decides.
    pub judge: Arc<Judge>,
    /// Where the original request is named.
    pub target: Target,
    /// Bounds.
    pub limits: Limits,
    /// Over all listeners.
    pub in_flight: Arc<InFlight>,
}

/// Bounds of the HTTP listener (`limits.*`, `keepalive.*`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most bytes of names and values of headers.
    pub header_bytes: usize,
    /// Most streams of an HTTP/2 connection.
    pub concurrent_streams: u32,
    /// Most streams of a connection that were reset before they were taken up.
    pub pending_resets: usize,
    /// Longest that a decision may take.
    pub deadline: Duration,
    /// Between two HTTP/2 pings.
    pub keepalive_interval: Duration,
    /// How long the answer to a ping may take.
    pub keepalive_timeout: Duration,
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        Self {
            header_bytes: settings.limits.header_bytes,
            concurrent_streams: settings.limits.concurrent_streams,
            pending_resets: settings.limits.pending_resets,
            deadline: settings.limits.deadline,
            keepalive_interval: settings.keepalive_interval,
            keepalive_timeout: settings.keepalive_timeout,
        }
    }
}

#[cfg(test)]
mod tests;
