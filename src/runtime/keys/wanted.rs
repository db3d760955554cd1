//! How requests ask for a fetch that they share: they count up, and wait until the count is answered.

use std::sync::Arc;

use tokio::sync::watch;

/// One issuer's counter of asked-for fetches. It outlives the task that answers.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Wanted(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
}

impl Wanted {
    pub fn new() -> Self {
        Self(Arc::new(Counters { asked: watch::Sender::new(0), answered: watch::Sender::new(0) }))
    }

    /// Asks, and waits for the answer. Dropping this takes nothing back.
    pub async fn answered(&self) {
        let mut mine = 0;
        self.0.asked.send_modify(|count| {
            *count += 1;
            mine = *count;
        });
        // The sender is ours: this cannot fail.
        let _ = self.0.answered.subscribe().wait_for(|answered| *answered >= mine).await;
    }

    /// Waits until somebody asks beyond a count.
    pub async fn asked_after(&self, count: u64) {
        let _ = self.0.asked.subscribe().wait_for(|asked| *asked > count).await;
    }

    /// How many asked until now.
    pub fn count(&self) -> u64 {
        *self.0.asked.borrow()
    }

    /// How many were answered.
    pub fn last_answer(&self) -> u64 {
        *self.0.answered.borrow()
    }

    /// Answers everybody who asked up to this count.
    pub fn answer(&self, count: u64) {
        self.0.answered.send_if_modified(|answered| {
            let is_more = count > *answered;
            *answered = count.max(*answered);
            is_more
        });
    }
}
