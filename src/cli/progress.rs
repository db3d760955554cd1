//! That something is under way, for whoever waits longer than a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::terminal::Terminal;

/// Nobody is told before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_millis(100);

/// One line on standard error, written over and over until this is dropped, and only where a person looks at it.
#[derive(Debug)]
pub struct Progress {
    done: Arc<AtomicUsize>,
    /// Dropped: nothing more is written.
    end: Option<Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

/// What the line says.
#[derive(Debug)]
enum Line {
    /// `checking the policy … 3 s`
    Waiting(String),
    /// `12 of 80 mutants`
    Counting(&'static str, usize),
}

impl Progress {
    /// Something whose steps cannot be counted: `checking the policy`.
    pub fn waiting(terminal: &Terminal, what: impl Into<String>) -> Self {
        Self::new(terminal, Line::Waiting(what.into()))
    }

    /// Takes what is counted (`mutants`), and how many there are.
    pub fn counting(terminal: &Terminal, what: &'static str, all: usize) -> Self {
        Self::new(terminal, Line::Counting(what, all))
    }

    fn new(terminal: &Terminal, line: Line) -> Self {
        let done = Arc::new(AtomicUsize::new(0));
        let (end, ended) = channel();
        let (terminal, counted) = (*terminal, Arc::clone(&done));
        let write = move || {
            let started = Instant::now();
            let (mut pause, mut is_shown) = (PATIENCE, false);
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let text = line.text(counted.load(Ordering::Relaxed), started.elapsed());
                terminal.tell(&format!("\r{text}\u{1b}[K"));
                (pause, is_shown) = (INTERVAL, true);
            }
            if is_shown {
                terminal.tell("\r\u{1b}[K");
            }
        };
        // Without a thread nobody is told, and nothing else is lost.
        let writer = terminal.is_watched().then(|| Builder::new().spawn(write).ok()).flatten();
        Self { done, end: Some(end), writer }
    }

    /// So many are done.
    pub fn at(&self, done: usize) {
        self.done.store(done, Ordering::Relaxed);
    }
}

impl Line {
    fn text(&self, done: usize, since: Duration) -> String {
        match self {
            Self::Waiting(what) => format!("{what} … {} s", since.as_secs()),
            Self::Counting(what, all) => format!("{done} of {all} {what}"),
        }
    }
}

/// The line is gone before anything else is written.
impl Drop for Progress {
    fn drop(&mut self) {
        self.end = None;
        if let Some(writer) = self.writer.take() {
            // A thread that panicked wrote nothing that anybody needs.
            let _ = writer.join();
        }
    }
}
