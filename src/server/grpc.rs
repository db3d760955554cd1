//! The gRPC listener: Envoy's external authorization on HTTP/2, and beside it health and reflection.
//!
//! The transport is the `h2` crate itself. A connection takes everything that has arrived, answers it, and
//! writes all answers at once; only what has to wait (a message in pieces, keys to be fetched) waits beside it.

mod connection;
mod exchange;
mod frame;
mod other;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::settings::Settings;

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
    in_flight: AtomicUsize,
}

/// Bounds of the gRPC listener (`limits.*`, `keepalive.*`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest `CheckRequest`.
    pub message_bytes: usize,
    /// Most requests at once, over all connections.
    pub in_flight: usize,
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
            in_flight: settings.limits.in_flight,
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
    pub fn new(judge: Arc<Judge>, others: Others, unavailable: Unavailable, limits: Limits) -> Self {
        Self { judge, others, unavailable, limits, in_flight: AtomicUsize::new(0) }
    }

    /// Counts a request as in flight until the ticket is dropped; `None` where there are too many.
    fn enter(self: &Arc<Self>) -> Option<Ticket> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.judge.metrics().set_in_flight(before + 1);
        let ticket = Ticket(Arc::clone(self));
        (before < self.limits.in_flight).then_some(ticket)
    }
}

/// One request in flight.
#[derive(Debug)]
struct Ticket(Arc<Service>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let before = self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.judge.metrics().set_in_flight(before.saturating_sub(1));
    }
}
