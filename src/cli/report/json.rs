//! One JSON object.

use serde_json::{Value, json};

use super::{Report, end_column, explained_at};
use crate::policy::diagnostic::{At, Diagnostic, Severity};

pub fn write(report: &Report<'_>) -> String {
    let value = json!({
        "ok": !report.fails(),
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "files": report.files.iter().map(|file| &*file.name).collect::<Vec<_>>(),
        "problems": report.problems.iter().map(|problem| one(report, problem)).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn one(report: &Report<'_>, problem: &Diagnostic) -> Value {
    json!({
        "code": problem.code,
        "severity": match problem.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": problem.message,
        "place": problem.at.map(|at| place(report, at)),
        "hint": problem.hint,
        "related": problem.related.as_ref().map(|(at, words)| json!({
            "place": place(report, *at),
            "message": words,
        })),
        "explained_at": explained_at(problem.code),
    })
}

fn place(report: &Report<'_>, at: At) -> Value {
    let file = report.file(at);
    json!({
        "file": file.map(|file| &*file.name),
        "line": at.line,
        "column": at.column,
        "end_column": end_column(file, at),
    })
}
