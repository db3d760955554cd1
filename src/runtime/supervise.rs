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
const SOUND: Duration = Duration::from_secs(60);

/// Runs what `start` makes until it ends by itself. Dropping this ends it.
pub(super) async fn supervise<F, T>(task: &'static str, journal: Journal, start: F)
where
    F: Fn() -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let mut wait = FIRST_WAIT;
    loop {
        let started = Instant::now();
        let ended = AbortOnDropHandle::new(tokio::spawn(start())).await;
        match ended {
            Ok(()) => return,
            Err(stopped) if stopped.is_panic() => {
                journal.panicked(task);
            }
            // The runtime is shutting down.
            Err(_) => return,
        }
        if started.elapsed() > SOUND {
            wait = FIRST_WAIT;
        }
        tokio::time::sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
}
