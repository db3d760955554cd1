//! How many requests are being answered, over all listeners.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::telemetry::Metrics;

/// Counts requests, and says when there are too many (`limits.in_flight`).
#[derive(Debug)]
pub struct InFlight {
    count: AtomicUsize,
    most: usize,
    metrics: Metrics,
}

impl InFlight {
    /// Counts up to a bound.
    #[must_use]
    pub fn new(most: usize, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), most, metrics })
    }

    /// Counts a request as in flight until the ticket is dropped; `None` where there are too many.
    pub fn enter(self: &Arc<Self>) -> Option<Ticket> {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        self.metrics.set_in_flight(before + 1);
        let ticket = Ticket(Arc::clone(self));
        (before < self.most).then_some(ticket)
    }
}

/// One request in flight.
#[derive(Debug)]
pub struct Ticket(Arc<InFlight>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let before = self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.set_in_flight(before.saturating_sub(1));
    }
}
