//! Lines on their way out: a bounded queue and one thread that writes. Whoever has a line never waits; where
//! the reader is too slow or gone, or the disk is full, lines are dropped and counted.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Metrics;

/// Most decisions that are kept for those who ask later.
const MOST_KEPT: usize = 200;

/// Where lines go. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Lines {
    queue: SyncSender<Message>,
    kept: Arc<Kept>,
    metrics: Metrics,
}

/// The last decisions. Only the writing thread adds to them: whoever has a line never waits
/// for those who read.
#[derive(Debug, Default)]
struct Kept(Mutex<VecDeque<Arc<str>>>);

#[derive(Debug)]
enum Message {
    Line(String),
    Decision { json: String, text: Option<String> },
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes to `sink`; at most `queue` lines wait for it.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(queue: usize, sink: Box<dyn Write + Send>, metrics: Metrics) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let kept = Arc::<Kept>::default();
        let writer = Writer { kept: Arc::clone(&kept), sink, metrics: metrics.clone() };
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.write_all(&receiver))?;
        Ok(Self { queue: sender, kept, metrics })
    }

    /// Sends a line, its end included, or drops it.
    pub fn send(&self, line: String) {
        self.put(Message::Line(line));
    }

    /// Sends a decision, in the form that is read here; as JSON it is among [`Self::last`].
    pub(super) fn send_decision(&self, json: String, text: Option<String>) {
        self.put(Message::Decision { json, text });
    }

    /// The last 200 decisions, the oldest first.
    pub(super) fn last(&self) -> Vec<Arc<str>> {
        self.kept.lock().iter().cloned().collect()
    }

    fn put(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
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

impl Kept {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<str>>> {
        // Nothing can panic while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &str) {
        let mut lines = self.lock();
        if lines.len() >= MOST_KEPT {
            lines.pop_front();
        }
        lines.push_back(line.into());
    }
}

/// What the writing thread owns.
struct Writer {
    kept: Arc<Kept>,
    sink: Box<dyn Write + Send>,
    metrics: Metrics,
}

impl Writer {
    fn write_all(mut self, queue: &Receiver<Message>) {
        while let Ok(message) = queue.recv() {
            match message {
                Message::Line(line) => self.write(&line),
                Message::Decision { json, text } => {
                    self.kept.add(&json);
                    self.write(&text.unwrap_or(json));
                }
                Message::Flush(done) => {
                    // Each line was flushed by its end.
                    let _counted_before = self.sink.flush();
                    let _nobody_waits = done.try_send(());
                }
            }
        }
    }

    /// A reader that is gone, or a disk that is full, is not a reason to stop serving.
    fn write(&mut self, line: &str) {
        if self.sink.write_all(line.as_bytes()).is_err() {
            self.metrics.log_dropped();
        }
    }
}

#[cfg(test)]
mod tests;
