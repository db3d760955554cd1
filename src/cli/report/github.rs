//! Workflow commands: GitHub shows them at the line they are about.

use super::{Report, end_column};
use crate::policy::diagnostic::{Diagnostic, Severity};

pub fn write(report: &Report<'_>) -> String {
    report.problems.iter().map(|problem| one(report, problem)).collect()
}

fn one(report: &Report<'_>, problem: &Diagnostic) -> String {
    let kind = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = Vec::new();
    if let Some(at) = problem.at {
        let file = report.file(at);
        let name = file.map(|file| &*file.name).unwrap_or_default();
        properties.push(format!("file={}", property(name)));
        // Without a line the annotation is not shown at all.
        properties.push(format!("line={},col={},endColumn={}", at.line, at.column, end_column(file, at)));
    }
    properties.push(format!("title={}", property(problem.code)));
    let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("::{kind} {}::{}\n", properties.join(","), data(&format!("{}{hint}", problem.message)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
