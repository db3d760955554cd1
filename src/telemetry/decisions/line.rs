//! One decision as a line: JSON for machines, text for people at a terminal.

use std::fmt::Write as _;

use opentelemetry::trace::TraceId;

use super::{Entry, fields};

/// Longest subject and key id that are shown.
const MOST: usize = 256;

/// One JSON object and a line break. What is not known is left out.
pub(super) fn json(entry: &Entry<'_>, subject: Option<&str>, trace: Option<TraceId>) -> String {
    let metadata = entry.answer.metadata();
    let rule = entry.policy.and_then(|policy| policy.rule(entry.judgement.decision.rule()));
    let caller = entry.judgement.caller.as_deref();
    let mut line = Object::new();
    let _infallible = write!(line.0, "\"timestamp\":\"{}\"", entry.now);
    line.text("level", "INFO");
    line.text("target", "decision");
    line.text("decision_id", metadata.decision_id);
    line.text("outcome", metadata.outcome);
    line.text("reason", metadata.reason);
    line.number("status", u128::from(fields::status(entry.answer)));
    line.text("route", &metadata.route);
    if let Some(rule) = rule {
        line.text("rule_file", &rule.file);
        line.number("rule_line", u128::from(rule.line));
    }
    line.some("guard", not_empty(metadata.guard));
    line.some("issuer", not_empty(metadata.issuer));
    line.some("subject", subject.map(shortened));
    if let Some(incoming) = entry.incoming {
        line.text("method", fields::method(incoming));
        line.some("host", fields::host(incoming));
        line.some("path", fields::path(incoming));
        if let Some(address) = incoming.source.address {
            let _infallible = write!(line.0, ",\"source\":\"{address}\"");
        }
        line.some("request_id", fields::request_id(incoming));
    }
    line.some("trace_id", trace.map(|trace| trace.to_string()).as_deref());
    line.some("key_id", caller.and_then(|caller| caller.key_id.as_deref()).map(shortened));
    if caller.is_some() {
        line.0.push_str(if entry.judgement.cached { ",\"cached\":true" } else { ",\"cached\":false" });
    }
    line.number("duration_us", entry.duration.as_micros());
    line.some("policy_revision", entry.policy.map(|policy| &*policy.revision));
    line.list("shadow", &metadata.shadow);
    line.done()
}

/// `2026-01-31T08:00:00.000Z deny missing_scope 403 GET shop.example/orders by orders (policy.yaml:7) alice of main`.
pub(super) fn text(entry: &Entry<'_>, subject: Option<&str>) -> String {
    let metadata = entry.answer.metadata();
    let mut line =
        format!("{} {:5} {} {}", entry.now, metadata.outcome, fields::status(entry.answer), metadata.reason);
    if let Some(incoming) = entry.incoming {
        let (host, path) = (fields::host(incoming), fields::path(incoming));
        line.push(' ');
        push_plain(&mut line, fields::method(incoming));
        line.push(' ');
        push_plain(&mut line, host.unwrap_or_default());
        push_plain(&mut line, path.unwrap_or_default());
    }
    line.push_str(" by ");
    push_plain(&mut line, &metadata.route);
    if let Some(rule) = entry.policy.and_then(|policy| policy.rule(entry.judgement.decision.rule())) {
        let _infallible = write!(line, " ({}:{})", rule.file, rule.line);
    }
    for (word, value) in [("for", subject.map(shortened)), ("of", not_empty(metadata.guard))] {
        if let Some(value) = value {
            let _infallible = write!(line, " {word} ");
            push_plain(&mut line, value);
        }
    }
    for shadow in &metadata.shadow {
        line.push_str(" [shadow ");
        push_plain(&mut line, shadow);
        line.push(']');
    }
    let _infallible = writeln!(line, " in {} µs, {}", entry.duration.as_micros(), metadata.decision_id);
    line
}

fn not_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MOST)).unwrap_or_default()
}

/// An object in the making; its first member is written by hand.
struct Object(String);

impl Object {
    fn new() -> Self {
        let mut text = String::with_capacity(768);
        text.push('{');
        Self(text)
    }

    fn name(&mut self, name: &str) {
        let _infallible = write!(self.0, ",\"{name}\":");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_string(&mut self.0, value);
    }

    fn some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u128) {
        let _infallible = write!(self.0, ",\"{name}\":{value}");
    }

    fn list(&mut self, name: &str, values: &[String]) {
        self.name(name);
        self.0.push('[');
        for (position, value) in values.iter().enumerate() {
            if position > 0 {
                self.0.push(',');
            }
            push_string(&mut self.0, value);
        }
        self.0.push(']');
    }

    fn done(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// A JSON string in which no control character stands as itself, so that a line stays one and no terminal
/// obeys it.
fn push_string(line: &mut String, value: &str) {
    line.push('"');
    for character in value.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            unfit if is_unfit(unfit) => {
                let _infallible = write!(line, "\\u{:04x}", u32::from(unfit));
            }
            other => line.push(other),
        }
    }
    line.push('"');
}

fn push_plain(line: &mut String, value: &str) {
    for character in value.chars() {
        if is_unfit(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
}

/// Controls, separators of lines, and what turns the direction of writing. All have four hexadecimal digits.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
