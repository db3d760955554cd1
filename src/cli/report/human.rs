//! For people: the line with a caret, the code, the hint, and a last line that says what it comes to.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::hidden::{is_about_a_secret, without_secrets};
use super::{Report, count};
use crate::cli::terminal::{Style, Terminal};
use crate::policy::diagnostic::{At, Diagnostic, Severity, SourceFile};

/// Most problems that are shown; nobody reads more at once.
const MOST_SHOWN: usize = 100;
/// Longest line that is shown as it is.
const LONGEST_LINE: usize = 1000;
/// Places no further apart than this are shown in one piece.
const NEAR: u32 = 4;

/// Everything, with a last line.
pub fn write(report: &Report<'_>, summary: Option<&str>, terminal: &Terminal) -> String {
    let mut text = problems(report, terminal.colors(), terminal.width());
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let counted = match (errors, warnings) {
        (0, 0) => String::new(),
        (errors, 0) => count(errors, "error", "errors"),
        (0, warnings) => count(warnings, "warning", "warnings"),
        (errors, warnings) => {
            format!("{}, {}", count(errors, "error", "errors"), count(warnings, "warning", "warnings"))
        }
    };
    let bad = terminal.paint(Style::Bad, "failed");
    let name = report.name.map(|name| format!("{name}: ")).unwrap_or_default();
    let last = match (report.fails(), summary) {
        (true, _) if errors == 0 => format!("{bad}: {name}{counted}, and with --strict they fail"),
        (true, _) => format!("{bad}: {name}{counted}"),
        (false, summary) => {
            let with = if counted.is_empty() { String::new() } else { format!(" ({counted})") };
            format!("{}: {name}{}{with}", terminal.paint(Style::Good, "ok"), summary.unwrap_or_default())
        }
    };
    text.push_str(&last);
    text.push('\n');
    text
}

/// The problems alone.
pub fn problems(report: &Report<'_>, colors: bool, width: usize) -> String {
    let mut text = String::new();
    if report.problems.is_empty() {
        return text;
    }
    let renderer = if colors { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let files: Vec<SourceFile> = report.files.iter().map(without_secrets).collect();
    let report = &Report { files: &files, ..*report };
    for problem in report.problems.iter().take(MOST_SHOWN) {
        text.push_str(&one(report, problem, &renderer));
        text.push_str("\n\n");
    }
    if let Some(more) = report.problems.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("… and {more} more; mend these first\n\n"));
    }
    text
}

fn one(report: &Report<'_>, problem: &Diagnostic, renderer: &Renderer) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()).id(problem.code));
    let related = problem.related.as_ref().map(|(at, words)| (*at, words.as_str()));
    if let Some(at) = problem.at.filter(|_| is_about_a_secret(problem.code)) {
        if let Some(file) = report.file(at) {
            group = group.element(origin(file, at));
        }
    } else if let Some(at) = problem.at {
        let other =
            related.filter(|(other, _)| other.file == at.file && other.line.abs_diff(at.line) <= NEAR);
        group = place(group, report, at, "", AnnotationKind::Primary, other);
        if other.is_none()
            && let Some((at, words)) = related
        {
            group = place(group, report, at, words, AnnotationKind::Context, None);
        }
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The line of a place, with its mark, and perhaps another one close by.
fn place<'a>(
    group: Group<'a>,
    report: &Report<'a>,
    at: At,
    words: &'a str,
    kind: AnnotationKind,
    other: Option<(At, &'a str)>,
) -> Group<'a> {
    let Some(file) = report.file(at) else { return group };
    let (first, last) = match other {
        Some((other, _)) if other.start < at.start => (other, at),
        Some((other, _)) => (at, other),
        None => (at, at),
    };
    let Some((start, piece)) = lines(file, first, last) else { return group.element(origin(file, at)) };
    let mark = |at: At, kind: AnnotationKind, words: &'a str| {
        let annotation = kind.span(span(piece, start, at));
        if words.is_empty() { annotation } else { annotation.label(words) }
    };
    let snippet =
        Snippet::source(piece).line_start(usize::try_from(first.line).unwrap_or(1)).path(&*file.name);
    let snippet = snippet.annotation(mark(at, kind, words));
    match other {
        Some((other, words)) => {
            group.element(snippet.annotation(mark(other, AnnotationKind::Context, words)))
        }
        None => group.element(snippet),
    }
}

/// A place without its text.
fn origin(file: &SourceFile, at: At) -> Origin<'_> {
    let origin = Origin::path(&*file.name);
    if file.text.is_empty() {
        return origin;
    }
    let (line, column) = (usize::try_from(at.line).unwrap_or(1), usize::try_from(at.column).unwrap_or(1));
    origin.line(line).char_column(column)
}

/// The text from the line of one place to the line of another, and its first byte; `None` where that is too
/// long to be shown.
fn lines(file: &SourceFile, first: At, last: At) -> Option<(usize, &str)> {
    let text = &*file.text;
    let begin = usize::try_from(first.start).ok()?.min(text.len());
    let finish = usize::try_from(last.start).ok()?.min(text.len());
    let start = text.get(..begin)?.rfind('\n').map_or(0, |newline| newline + 1);
    let end = text.get(finish..)?.find('\n').map_or(text.len(), |newline| finish + newline);
    let piece = text.get(start..end)?;
    (!piece.is_empty() && piece.lines().all(|line| line.len() <= LONGEST_LINE)).then_some((start, piece))
}

/// What a place marks within a piece: never nothing, and never more than its first line.
fn span(piece: &str, start: usize, at: At) -> Range<usize> {
    let from = usize::try_from(at.start).unwrap_or(0).saturating_sub(start).min(piece.len());
    let to = usize::try_from(at.end).unwrap_or(0).saturating_sub(start).clamp(from, piece.len());
    let marked = piece.get(from..to).unwrap_or_default();
    let length = marked.lines().next().unwrap_or_default().trim_end().len();
    let one = piece.get(from..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    from..from + length.max(one)
}
