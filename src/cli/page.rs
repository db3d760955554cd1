//! A page of text for people: headings, indented lines, and what several commands show alike.

use std::fmt::Write;

use super::terminal::{Style, Terminal};
use crate::explain::TokenNote;

/// A page under construction.
pub struct Page<'t> {
    text: String,
    terminal: &'t Terminal,
}

impl<'t> Page<'t> {
    pub fn new(terminal: &'t Terminal) -> Self {
        Self { text: String::new(), terminal }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }

    pub fn paint(&self, style: Style, text: &str) -> String {
        self.terminal.paint(style, text)
    }

    /// What came from outside may hold bytes that move a terminal's cursor or rename its window: they are shown
    /// as what they are.
    pub fn line(&mut self, indent: usize, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:indent$}{}", "", harmless(text));
    }

    pub fn heading(&mut self, text: &str) {
        let heading = self.paint(Style::Strong, text);
        self.text.push('\n');
        self.line(0, &heading);
    }

    pub fn faint(&self, text: &str) -> String {
        self.paint(Style::Faint, text)
    }

    /// The checks of a token.
    pub fn checks(&mut self, token: &TokenNote) {
        for check in &token.checks {
            let style = match check.verdict.as_ref() {
                "yes" => Style::Good,
                "no" => Style::Bad,
                _ => Style::Faint,
            };
            let verdict = self.paint(style, &format!("{:<11}", check.verdict));
            let says = [("", &check.says), ("asked: ", &check.asks)];
            let says: Vec<String> = says
                .iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(before, text)| format!("{before}{text}"))
                .collect();
            let line = format!("{:<9} {verdict} {}", check.check, says.join("; "));
            self.line(2, line.trim_end());
        }
    }

    /// Whom a token names, and to which guards it belongs.
    pub fn caller(&mut self, token: &TokenNote) {
        let Some(caller) = &token.caller else { return };
        let subject = caller.subject.as_deref().unwrap_or("(no subject)");
        self.line(2, &format!("caller: {subject} of issuer {}", caller.issuer));
        if caller.all_scopes {
            self.line(4, "every scope: it carries the wildcard");
        }
        let lists = [
            ("scopes", &caller.scopes),
            ("roles", &caller.roles),
            ("groups", &caller.groups),
            ("permissions", &caller.permissions),
        ];
        for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            self.line(4, &format!("{name}: {}", list.join(", ")));
        }
        for guard in &token.guards {
            match &guard.why_not {
                None => self.line(4, &format!("guard {}: belongs to it", guard.name)),
                Some(why_not) => self.line(4, &format!("guard {}: not, it {why_not}", guard.name)),
            }
        }
    }
}

/// What [`Terminal::paint`] writes; the worst that a stranger does with these is to choose a colour.
const COLORS: [&str; 5] = ["\u{1b}[32m", "\u{1b}[1;31m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m"];

/// The text with control characters written out.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let color = COLORS.iter().find_map(|color| Some((color, rest.strip_prefix(color)?)));
        if let Some((color, after)) = color {
            shown.push_str(color);
            rest = after;
            continue;
        }
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
        rest = rest.strip_prefix(letter).unwrap_or_default();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_would_move_the_cursor_is_written_out() {
        assert_eq!(harmless("a\u{1b}]0;title\u{7}b\r\n"), "a\\u{1b}]0;title\\u{7}b\\r\\n");
        assert_eq!(harmless("\u{1b}[32mgood\u{1b}[0m é"), "\u{1b}[32mgood\u{1b}[0m é");
    }
}
