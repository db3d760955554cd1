//! Signals: SIGTERM and SIGINT end us in good order, a second one at once, SIGHUP reads everything again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::runtime::Runtime;

/// The signals that mean something to a server.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Reloads for every SIGHUP until the end is asked for.
    pub(super) async fn wait_for_end(&mut self, runtime: &Runtime) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    info!("reading everything again");
                    // The outcome is logged and counted by whoever reads.
                    drop(tokio::spawn(runtime.reload()));
                }
            }
        }
    }

    /// The end is asked for once more.
    pub(super) async fn again(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
