//! Why a command could not answer, and what to do about it.

use std::fmt;

use super::terminal::{Style, Terminal};

/// A failure with its next step.
#[derive(Debug)]
pub struct Trouble {
    message: String,
    hint: String,
}

impl Trouble {
    /// Takes what is wrong (lower case, no full stop) and how to mend it.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}

/// Writes a failure to standard error.
pub fn show(error: &anyhow::Error, terminal: &Terminal) {
    let mut text = format!("{}: {error:#}\n", terminal.paint_error(Style::Bad, "error"));
    if let Some(trouble) = error.downcast_ref::<Trouble>().filter(|trouble| !trouble.hint.is_empty()) {
        text.push_str(&format!("{}: {}\n", terminal.paint_error(Style::Strong, "hint"), trouble.hint));
    }
    terminal.tell(&text);
}
