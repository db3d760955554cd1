//! How far something has come, for whoever waits longer than a second.

use std::time::{Duration, Instant};

use super::terminal::Terminal;

/// Nobody is told before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_millis(100);

/// One line on standard error, written over and over, and only where a person looks at it.
#[derive(Debug)]
pub struct Progress<'t> {
    terminal: &'t Terminal,
    what: &'static str,
    all: usize,
    next: Instant,
    is_shown: bool,
}

impl<'t> Progress<'t> {
    /// Takes what is counted (`mutants`), and how many there are.
    pub fn new(terminal: &'t Terminal, what: &'static str, all: usize) -> Self {
        Self { terminal, what, all, next: Instant::now() + PATIENCE, is_shown: false }
    }

    /// So many are done.
    pub fn at(&mut self, done: usize) {
        let now = Instant::now();
        if !self.terminal.is_watched() || now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        self.is_shown = true;
        self.terminal.tell(&format!("\r{done} of {} {}\u{1b}[K", self.all, self.what));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.is_shown {
            self.terminal.tell("\r\u{1b}[K");
        }
    }
}
