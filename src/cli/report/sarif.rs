//! SARIF 2.1.0 (OASIS), for code scanning.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Report, end_column, explained_at};
use crate::doctor;
use crate::policy::diagnostic::{At, Diagnostic, Severity, codes};

/// What is escaped in the path of a relative reference.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub fn write(report: &Report<'_>) -> String {
    let mut used: Vec<&str> = report.problems.iter().map(|problem| problem.code).collect();
    used.sort_unstable();
    used.dedup();
    let rules: Vec<Value> = used
        .iter()
        .map(|code| {
            json!({
                "id": code,
                "shortDescription": { "text": title(code) },
                "helpUri": explained_at(code),
            })
        })
        .collect();
    let value = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "portcullis", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": report.problems.iter().map(|problem| one(report, problem)).collect::<Vec<_>>(),
        }],
    });
    format!("{value:#}\n")
}

fn title(code: &str) -> &str {
    let known = codes::ALL.iter().chain(doctor::codes::ALL).find(|known| known.code == code);
    known.map_or(code, |known| known.title)
}

fn one(report: &Report<'_>, problem: &Diagnostic) -> Value {
    let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let mut result = json!({
        "ruleId": problem.code,
        "level": match problem.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": { "text": format!("{}{hint}", problem.message) },
        "locations": problem.at.map(|at| location(report, at)).into_iter().collect::<Vec<_>>(),
    });
    if let (Some((at, words)), Some(members)) = (&problem.related, result.as_object_mut()) {
        let mut other = location(report, *at);
        if let Some(members) = other.as_object_mut() {
            members.insert("message".to_owned(), json!({ "text": words }));
        }
        members.insert("relatedLocations".to_owned(), json!([other]));
    }
    result
}

fn location(report: &Report<'_>, at: At) -> Value {
    let file = report.file(at);
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": file.map(|file| uri(&file.name)) },
            "region": { "startLine": at.line, "startColumn": at.column, "endColumn": end_column(file, at) },
        },
    })
}

fn uri(name: &str) -> String {
    let path = utf8_percent_encode(name, ESCAPED).to_string();
    if name.starts_with('/') { format!("file://{path}") } else { path }
}
