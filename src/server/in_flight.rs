//! How many requests are being answered, over all listeners, and how much of what is not whole yet they hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::telemetry::Metrics;

/// Most bytes of messages that have not arrived whole, of all peers together. Envoy sends a message at once; who
/// keeps thousands of halves open wants our memory.
const MOST_HELD: usize = 64 << 20;

/// Counts requests, and says when there are too many (`limits.in_flight`).
#[derive(Debug)]
pub struct InFlight {
    count: AtomicUsize,
    most: usize,
    held: AtomicUsize,
    metrics: Metrics,
}

impl InFlight {
    /// Counts up to a bound.
    #[must_use]
    pub fn new(most: usize, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), most, held: AtomicUsize::new(0), metrics })
    }

    /// Counts a request as in flight until the ticket is dropped; `None` where there are too many.
    pub fn enter(self: &Arc<Self>) -> Option<Ticket> {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        self.metrics.set_in_flight(before + 1);
        let ticket = Ticket { all: Arc::clone(self), held: 0 };
        (before < self.most).then_some(ticket)
    }
}

/// One request in flight.
#[derive(Debug)]
pub struct Ticket {
    all: Arc<InFlight>,
    held: usize,
}

impl Ticket {
    /// Counts bytes that wait for the rest of their message; whether all such bytes are within bounds.
    pub fn hold(&mut self, bytes: usize) -> bool {
        self.held += bytes;
        self.all.held.fetch_add(bytes, Ordering::Relaxed) + bytes <= MOST_HELD
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.all.held.fetch_sub(self.held, Ordering::Relaxed);
        let before = self.all.count.fetch_sub(1, Ordering::Relaxed);
        self.all.metrics.set_in_flight(before.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::{InFlight, MOST_HELD};
    use crate::telemetry::Metrics;

    #[test]
    fn halves_of_messages_are_bounded_together_and_given_back() {
        let all = InFlight::new(10, Metrics::new());
        let (mut one, mut other) = (all.enter().expect("room"), all.enter().expect("room"));
        assert!(one.hold(MOST_HELD));
        assert!(!other.hold(1));
        drop((one, other));
        assert!(all.enter().expect("room").hold(MOST_HELD));
    }
}
