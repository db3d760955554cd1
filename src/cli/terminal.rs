//! Where output goes, how wide that is, and whether it is coloured.

use std::env;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Also in pipes and files
    Always,
    /// Nowhere
    Never,
}

/// Standard output and error. Colour never carries a meaning alone.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    colors_out: bool,
    colors_error: bool,
    is_watched: bool,
    width: usize,
    page: Option<usize>,
}

/// A way to write a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Something good.
    Good,
    /// Something bad.
    Bad,
    /// A heading.
    Strong,
    /// Something beside the point.
    Faint,
}

/// Width of what is written to a pipe or file.
const USUAL_WIDTH: usize = 100;

impl Terminal {
    /// Looks at the streams and the environment.
    pub fn detect(color: Color) -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_wanted = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if is_set("NO_COLOR") => false,
            Color::Auto
                if env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0" && !value.is_empty()) =>
            {
                true
            }
            Color::Auto => is_terminal && !is_dumb,
        };
        Self {
            colors_out: is_wanted(io::stdout().is_terminal()),
            colors_error: is_wanted(io::stderr().is_terminal()),
            is_watched: io::stderr().is_terminal() && !is_dumb,
            width: page().unwrap_or(USUAL_WIDTH).clamp(40, 200),
            page: page(),
        }
    }

    /// Columns of standard output.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Columns that lines have to fit into; `None` where nobody looks: in a pipe or file.
    pub const fn page(&self) -> Option<usize> {
        self.page
    }

    /// Whether a person may be looking at standard error, where a line can be written over.
    pub const fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Whether standard output is coloured.
    pub const fn colors(&self) -> bool {
        self.colors_out
    }

    /// Whether standard error is coloured.
    pub const fn colors_of_error(&self) -> bool {
        self.colors_error
    }

    /// A text for standard output.
    pub fn paint(&self, style: Style, text: &str) -> String {
        paint(self.colors_out, style, text)
    }

    /// A text for standard error.
    pub fn paint_error(&self, style: Style, text: &str) -> String {
        paint(self.colors_error, style, text)
    }

    /// Writes to standard output. A reader that has gone away (`| head`) is no error: what was found out
    /// stays found out.
    ///
    /// # Errors
    /// Any other failure to write.
    #[expect(clippy::unused_self, reason = "everything that is written goes through a terminal")]
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes to standard error, where nothing can be done if that fails.
    #[expect(clippy::unused_self, reason = "everything that is written goes through a terminal")]
    pub fn tell(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

fn page() -> Option<usize> {
    if io::stdout().is_terminal()
        && let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
        && size.ws_col > 0
    {
        return Some(usize::from(size.ws_col));
    }
    env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
}

fn paint(colors: bool, style: Style, text: &str) -> String {
    if !colors {
        return text.to_owned();
    }
    let code = match style {
        Style::Good => "32",
        Style::Bad => "1;31",
        Style::Strong => "1",
        Style::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
