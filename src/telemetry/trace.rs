//! The log of the process, through the same queue as decisions.

use std::io::{self, Write};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::settings::Log;

use super::{Form, Lines};

/// Sends what the process says to the queue of lines. Only the first call of a process counts.
pub fn trace(settings: &Log, form: Form, lines: Lines) {
    // What libraries tell at low levels nobody has read for secrets.
    let of_others = settings.level.min(Level::WARN);
    let level = Targets::new().with_default(of_others).with_target("portcullis", settings.level);
    let written = fmt::layer().with_writer(Queue(lines));
    let layer = match form {
        Form::Json => written.json().flatten_event(true).with_current_span(false).with_filter(level).boxed(),
        Form::Text => written.with_ansi(false).with_filter(level).boxed(),
    };
    let _set_before = registry().with(layer).try_init();
}

struct Queue(Lines);

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { lines: self.0.clone(), text: Vec::new() }
    }
}

/// One event; sent when it is complete.
struct Line {
    lines: Lines,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.lines.send(String::from_utf8_lossy(&self.text).into_owned());
        }
    }
}
