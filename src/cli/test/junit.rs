//! `JUnit` XML as CI systems read it: a suite for each test file. What is missing in coverage, and mutants that no
//! test noticed, are failed cases of suites of their own, so that nothing fails without being named.

use std::fmt::Write;
use std::time::Duration;

use super::mutants::{Idle, Survivor};
use super::results::{Failure, Results, Tested, percent};

/// A case: where it is, its name, how long it took, and why it failed (in a line, and in full).
struct Case<'r> {
    file: &'r str,
    line: u32,
    name: String,
    took: Duration,
    failure: Option<(String, String)>,
}

/// Writes everything.
pub fn write(results: &Results) -> String {
    let mut suites: Vec<(&str, Vec<Case<'_>>)> = Vec::new();
    for test in &results.tests {
        match suites.last_mut().filter(|(file, _)| **file == *test.file) {
            Some((_, cases)) => cases.push(case(test)),
            None => suites.push((&test.file, vec![case(test)])),
        }
    }
    if !results.is_covered() {
        suites.push(("coverage", coverage(results)));
    }
    if let Some(mutation) = results.mutation.as_ref().filter(|mutation| !mutation.is_good()) {
        let idle = mutation.idle.iter().map(accepted_for_nothing);
        suites.push(("mutants", mutation.survivors.iter().map(survived).chain(idle).collect()));
    }
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    element(&mut text, "testsuites", "portcullis", all(), results.took);
    for (name, cases) in &suites {
        let took = cases.iter().map(|case| case.took).sum();
        element(&mut text, "testsuite", name, cases.iter(), took);
        for case in cases {
            one(&mut text, case);
        }
        text.push_str("</testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn element<'c, 'r: 'c>(
    text: &mut String,
    tag: &str,
    name: &str,
    cases: impl Iterator<Item = &'c Case<'r>>,
    took: Duration,
) {
    let (mut all, mut failed) = (0_usize, 0_usize);
    for case in cases {
        all += 1;
        failed += usize::from(case.failure.is_some());
    }
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "<{tag} name=\"{}\" tests=\"{all}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{:.6}\">",
        escaped(name),
        took.as_secs_f64(),
    );
}

fn one(text: &mut String, case: &Case<'_>) {
    let (file, name) = (escaped(case.file), escaped(&case.name));
    let _ = write!(
        text,
        "<testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{}\" time=\"{:.6}\"",
        case.line,
        case.took.as_secs_f64(),
    );
    match &case.failure {
        None => text.push_str("/>\n"),
        Some((message, full)) => {
            let (message, full) = (escaped(message), escaped(full));
            let _ = writeln!(text, ">\n<failure message=\"{message}\">{full}</failure>\n</testcase>");
        }
    }
}

fn case(test: &Tested) -> Case<'_> {
    let failure = test.failure.as_ref().map(|failure| match failure {
        Failure::Unrunnable(problem) => ("cannot be run".to_owned(), problem.clone()),
        Failure::Differs { mismatches, explanation } => {
            let differences = mismatches.iter().map(|mismatch| {
                format!("{}: expected {}, got {}", mismatch.what, mismatch.expected, mismatch.actual)
            });
            let differences: Vec<String> = differences.collect();
            let decision = &explanation.decision;
            let rule = decision
                .rule
                .as_ref()
                .map(|rule| format!(" by {} {} ({}:{})", rule.kind, rule.name, rule.file, rule.line));
            let why = format!(
                "{} ({}){}: {}",
                decision.outcome,
                decision.reason,
                rule.unwrap_or_default(),
                decision.because
            );
            (differences.join("; "), format!("{}\n{why}", differences.join("\n")))
        }
    });
    Case { file: &test.file, line: test.line, name: test.name.to_string(), took: test.took, failure }
}

fn survived(survivor: &Survivor) -> Case<'_> {
    let after = survivor.after.as_ref().map(|after| format!("\n+ {after}")).unwrap_or_default();
    Case {
        file: &survivor.file,
        line: survivor.line,
        name: format!("{}, {}", survivor.operator.word(), survivor.owner),
        took: Duration::ZERO,
        failure: Some(("no test notices".to_owned(), format!("- {}{after}", survivor.before))),
    }
}

fn accepted_for_nothing(idle: &Idle) -> Case<'_> {
    let failure = Some(("accepted for nothing".to_owned(), idle.why.to_owned()));
    Case { file: &idle.file, line: idle.line, name: idle.mutant.clone(), took: Duration::ZERO, failure }
}

fn coverage(results: &Results) -> Vec<Case<'_>> {
    let (seen, all) = results.covered();
    let points = results.coverage.iter().flat_map(|coverage| coverage.points());
    let unseen = points.filter_map(|point| Some((point, point.unseen()?)));
    let of = |(point, unseen): (&'_ crate::cases::coverage::Point, &str)| {
        format!("{unseen}: {} {} ({}:{})", point.kind.word(), point.name, point.file, point.line)
    };
    let lines: Vec<String> = unseen.map(of).collect();
    let message = format!("{} % of {all} were seen", percent(seen, all));
    let name = format!("at least {} %", results.least_coverage.unwrap_or_default());
    vec![Case {
        file: "coverage",
        line: 0,
        name,
        took: Duration::ZERO,
        failure: Some((message, lines.join("\n"))),
    }]
}

/// As text or in an attribute. What XML cannot hold at all is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}
