use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::{Panics, supervise};
use crate::runtime::journal::Journal;
use crate::telemetry::Metrics;

#[tokio::test]
async fn a_task_that_panics_is_started_again_and_counted() {
    let starts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&starts);
    let metrics = Metrics::new();
    supervise("test", Journal::new(metrics.clone()), move || {
        let start = counted.fetch_add(1, Ordering::SeqCst);
        async move { assert!(start >= 2, "as it was told") }
    })
    .await;
    assert_eq!(starts.load(Ordering::SeqCst), 3);
    assert!(metrics.render(None).contains("portcullis_panics_total 2\n"));
}

#[test]
fn the_first_restart_comes_within_a_second_and_more_panics_in_a_row_wait_longer() {
    let mut panics = Panics::default();
    let millis: Vec<u128> = (0..11).map(|_| panics.another(Duration::from_secs(1)).as_millis()).collect();
    assert_eq!(millis, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
    assert_eq!(panics.another(Duration::from_secs(61)).as_millis(), 100, "it had been sound for a minute");
}

#[tokio::test]
async fn a_task_ends_with_whoever_supervises_it() {
    let (alive, mut ended) = tokio::sync::mpsc::channel::<()>(1);
    let (begun, mut begins) = tokio::sync::mpsc::channel(1);
    let supervised = supervise("test", Journal::new(Metrics::new()), move || {
        let (alive, begun) = (alive.clone(), begun.clone());
        async move {
            let _alive = alive;
            let _ = begun.send(()).await;
            std::future::pending::<()>().await;
        }
    });
    let handle = AbortOnDropHandle::new(tokio::spawn(supervised));
    begins.recv().await.unwrap();
    drop(handle);
    assert_eq!(ended.recv().await, None, "nobody is left to send");
}
