//! The gRPC listener: Envoy's external authorization on HTTP/2, and beside it health and reflection.
//!
//! The transport is the `h2` crate itself. A connection takes everything that has arrived, answers it, and
//! writes all answers at once; only what has to wait (a message in pieces, keys to be fetched) waits beside it.

mod buffered;
mod connection;
mod exchange;
mod frame;
mod other;

use std::sync::Arc;
use std::time::Duration;

use crate::settings::Settings;

use super::in_flight::InFlight;
use super::judge::Judge;
use super::wire::Unavailable;

pub use connection::{Phase, serve};
pub use other::{Others, Reporter};

/// Everything that a connection needs; shared by all of them.
#[derive(Debug)]
pub struct Service {
    /// Decides.
    pub judge: Arc<Judge>,
    /// Health and reflection.
    pub others: Others,
    /// How what could not be judged is told.
    pub unavailable: Unavailable,
    /// Bounds.
    pub limits: Limits,
    /// Over all listeners.
    pub in_flight: Arc<InFlight>,
}

/// Bounds of the gRPC listener (`limits.*`, `keepalive.*`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest `CheckRequest`.
    pub message_bytes: usize,
    /// Most streams of a connection.
    pub concurrent_streams: u32,
    /// Most streams of a connection that were reset before they were taken up.
    pub pending_resets: usize,
    /// Longest that a request may take, the arrival of its message included.
    pub deadline: Duration,
    /// Between two pings.
    pub keepalive_interval: Duration,
    /// How long the answer to a ping may take.
    pub keepalive_timeout: Duration,
}

impl From<&Settings> for Limits {
    fn from(settings: &Settings) -> Self {
        Self {
            message_bytes: settings.limits.message_bytes,
            concurrent_streams: settings.limits.concurrent_streams,
            pending_resets: settings.limits.pending_resets,
            deadline: settings.limits.deadline,
            keepalive_interval: settings.keepalive_interval,
            keepalive_timeout: settings.keepalive_timeout,
        }
    }
}

impl Service {
    /// Puts a service together.
    #[must_use]
    pub fn new(
        judge: Arc<Judge>,
        others: Others,
        unavailable: Unavailable,
        limits: Limits,
        in_flight: Arc<InFlight>,
    ) -> Self {
        Self { judge, others, unavailable, limits, in_flight }
    }
}
