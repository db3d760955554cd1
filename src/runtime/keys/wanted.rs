//! How requests ask for a fetch that they share: they count up, and wait until the count is answered.

use std::sync::Arc;

use tokio::sync::watch;

/// One issuer's counter of asked-for fetches. It outlives the task that answers.
#[derive(Debug, Clone)]
pub struct Wanted(Arc<Counters>);

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

    /// Waits until somebody asks who was not answered yet; gives what to answer.
    pub async fn asked(&self) -> u64 {
        let answered = *self.0.answered.borrow();
        let mut asked = self.0.asked.subscribe();
        asked.wait_for(|asked| *asked > answered).await.map_or(answered, |count| *count)
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
