//! Lines on their way out: a bounded queue and one thread that writes. Whoever has a line never waits; where
//! the reader is too slow, lines are dropped and counted.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::Metrics;

/// Where lines go. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Lines {
    queue: SyncSender<Message>,
    metrics: Metrics,
}

#[derive(Debug)]
enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes to `sink`; at most `queue` lines wait for it.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(queue: usize, sink: Box<dyn Write + Send>, metrics: Metrics) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        thread::Builder::new().name("log".to_owned()).spawn(move || write_all(&receiver, sink))?;
        Ok(Self { queue: sender, metrics })
    }

    /// Sends a line, its end included, or drops it.
    pub fn send(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.metrics.log_dropped();
        }
    }

    /// Waits until everything sent so far is written, this long at most.
    pub fn flush(&self, patience: Duration) {
        let (sender, done) = sync_channel(1);
        if self.queue.try_send(Message::Flush(sender)).is_ok() {
            let _out_of_patience = done.recv_timeout(patience);
        }
    }
}

fn write_all(queue: &Receiver<Message>, mut sink: Box<dyn Write + Send>) {
    while let Ok(message) = queue.recv() {
        match message {
            // A reader that is gone is not a reason to stop serving.
            Message::Line(line) => drop(sink.write_all(line.as_bytes())),
            Message::Flush(done) => {
                drop(sink.flush());
                let _nobody_waits = done.try_send(());
            }
        }
    }
}
