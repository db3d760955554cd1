//! A task that must not end: one that panics is started again.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::journal::Journal;

/// Before the first restart.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Before a restart, at most: a task that panics at once must not keep a core busy.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After this long, a panic counts as the first.
const SOUND: Duration = Duration::from_mins(1);

/// Runs what `start` makes until it ends by itself. Dropping this ends it.
pub(super) async fn supervise<F, T>(task: &'static str, journal: Journal, start: F)
where
    F: Fn() -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let mut panics = Panics::default();
    loop {
        let started = Instant::now();
        let ended = AbortOnDropHandle::new(tokio::spawn(start())).await;
        match ended {
            Err(stopped) if stopped.is_panic() => journal.panicked(task),
            // It ended by itself, or the runtime is shutting down.
            Ok(()) | Err(_) => return,
        }
        tokio::time::sleep(panics.another(started.elapsed())).await;
    }
}

/// Panics in a row.
#[derive(Debug, Default)]
struct Panics {
    waited: Option<Duration>,
}

impl Panics {
    /// One more, after the task ran this long; gives how long to wait.
    fn another(&mut self, ran: Duration) -> Duration {
        let waited = self.waited.filter(|_| ran <= SOUND);
        let wait = waited.map_or(FIRST_WAIT, |waited| LONGEST_WAIT.min(waited * 2));
        self.waited = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests;
