//! Results for people: what differs, why it was decided so, and a last line that says what it comes to.

use super::mutants::{Idle, Mutation, Survivor};
use super::results::{Failure, Results, Tested, percent};
use super::{duration, verdict};
use crate::cases::Mismatch;
use crate::cases::coverage::Point;
use crate::cli::explain;
use crate::cli::report::count;
use crate::cli::terminal::{Style, Terminal};

/// Writes everything.
pub fn write(results: &Results, terminal: &Terminal) -> String {
    let mut text = String::new();
    for test in &results.tests {
        if let Some(failure) = &test.failure {
            text.push_str(&failed(test, failure, terminal));
        }
    }
    if !results.coverage.is_empty() {
        text.push_str(&coverage(results, terminal));
    }
    if results.wants_mutants && results.failed() > 0 {
        text.push_str("mutants: not tried while tests fail\n");
    } else if let Some(mutation) = &results.mutation {
        text.push_str(&mutants(mutation, terminal));
    }
    text.push_str(&last_line(results, terminal));
    text
}

fn failed(test: &Tested, failure: &Failure, terminal: &Terminal) -> String {
    let place = terminal.paint(Style::Faint, &format!("({}:{})", test.file, test.line));
    let mut text = format!("{} {} {place}\n", terminal.paint(Style::Bad, "FAIL"), test.name);
    match failure {
        Failure::Unrunnable(problem) => text.push_str(&format!("  cannot be run: {problem}\n\n")),
        Failure::Differs { mismatches, explanation } => {
            for mismatch in mismatches {
                text.push_str(&difference(mismatch, terminal));
            }
            text.push('\n');
            for line in explain::human::write(explanation, terminal).lines() {
                let indent = if line.is_empty() { "" } else { "    " };
                text.push_str(&format!("{indent}{line}\n"));
            }
            text.push('\n');
        }
    }
    text
}

fn difference(mismatch: &Mismatch, terminal: &Terminal) -> String {
    let side = |style, sign, word: &str, value: &str| {
        let lines = value.lines().map(|line| terminal.paint(style, &format!("    {sign} {word} {line}")));
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() {
            terminal.paint(style, &format!("    {sign} {word} (empty)"))
        } else {
            lines.join("\n")
        }
    };
    let expected = side(Style::Bad, '-', "expected:", &mismatch.expected);
    let actual = side(Style::Good, '+', "actual:  ", &mismatch.actual);
    format!("  {}\n{expected}\n{actual}\n", mismatch.what)
}

fn coverage(results: &Results, terminal: &Terminal) -> String {
    let (seen, all) = results.covered();
    let mut text = String::new();
    for point in results.coverage.iter().flat_map(|coverage| coverage.points()) {
        if let Some(unseen) = point.unseen() {
            text.push_str(&uncovered(point, unseen, terminal));
        }
    }
    let least = results.least_coverage.filter(|_| !results.is_covered());
    let least = least.map(|least| format!(", and {least} % are asked for")).unwrap_or_default();
    let verdict =
        if results.is_covered() { "coverage".to_owned() } else { terminal.paint(Style::Bad, "coverage") };
    text.push_str(&format!("{verdict}: {} % ({seen} of {all}){least}\n", percent(seen, all)));
    text
}

fn uncovered(point: &Point, unseen: &str, terminal: &Terminal) -> String {
    let place = terminal.paint(Style::Faint, &format!("({}:{})", point.file, point.line));
    format!("{}: {} {} {place}\n", terminal.paint(Style::Strong, unseen), point.kind.word(), point.name)
}

fn mutants(mutation: &Mutation, terminal: &Terminal) -> String {
    let mut text = String::new();
    for survivor in &mutation.survivors {
        text.push_str(&survived(survivor, terminal));
    }
    for idle in &mutation.idle {
        text.push_str(&accepted_for_nothing(idle, terminal));
    }
    if let Some(first) = mutation.survivors.first() {
        text.push_str(&next(first));
    }
    let verdict =
        if mutation.is_good() { "mutants".to_owned() } else { terminal.paint(Style::Bad, "mutants") };
    text.push_str(&format!("{verdict}: {} of {} noticed", mutation.noticed, mutation.tried()));
    if mutation.accepted > 0 {
        text.push_str(&format!(", {} accepted", mutation.accepted));
    }
    if mutation.untested > 0 {
        text.push_str(&format!("; {} more are no policy", mutation.untested));
    }
    if mutation.left_out > 0 {
        text.push_str(&format!("; {} more were not tried", mutation.left_out));
    }
    text.push('\n');
    text
}

fn survived(survivor: &Survivor, terminal: &Terminal) -> String {
    let place = terminal.paint(Style::Faint, &format!("({}:{})", survivor.file, survivor.line));
    let heading = terminal.paint(Style::Strong, "no test notices");
    let mut text = format!("{heading}: {}, {} {place}\n", survivor.operator.word(), survivor.owner);
    text.push_str(&format!("{}\n", terminal.paint(Style::Bad, &format!("    - {}", survivor.before))));
    if let Some(after) = &survivor.after {
        text.push_str(&format!("{}\n", terminal.paint(Style::Good, &format!("    + {after}"))));
    }
    text
}

fn accepted_for_nothing(idle: &Idle, terminal: &Terminal) -> String {
    let place = terminal.paint(Style::Faint, &format!("({}:{})", idle.file, idle.line));
    let heading = terminal.paint(Style::Strong, "accepted for nothing");
    format!("{heading}: {}; {}, so remove it {place}\n", idle.mutant, idle.why)
}

/// What can be done about a survivor.
fn next(survivor: &Survivor) -> String {
    let mut entry =
        vec![("operator", survivor.operator.word().to_owned()), ("owner", survivor.owner.clone())];
    entry.push(("before", survivor.before.clone()));
    entry.extend(survivor.after.clone().map(|after| ("after", after)));
    // JSON strings are YAML strings.
    let entry: Vec<String> =
        entry.iter().map(|(key, text)| format!("{key}: {}", serde_json::json!(text))).collect();
    format!(
        "hint: write a test that decides otherwise without it; if none can, accept it in a *_test.yaml:\n  \
         accepted_mutants:\n    - {{ {}, because: … }}\n",
        entry.join(", ")
    )
}

fn last_line(results: &Results, terminal: &Terminal) -> String {
    let (failed, all) = (results.failed(), results.tests.len());
    let tests = count(all, "test", "tests");
    let mut says = match failed {
        0 if results.is_good() => tests,
        0 => format!("{tests} passed, and that is not enough"),
        _ => format!("{failed} of {tests}"),
    };
    if results.left_out > 0 {
        says.push_str(&format!(", {} not run", results.left_out));
    }
    format!("{}: {says} in {}\n", verdict(results.is_good(), terminal), duration(results.took))
}
