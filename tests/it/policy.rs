//! The language, sentence by sentence: every directory of `tests/cases` is a policy with its tests beside it,
//! in the product's own format. `tests/cases/broken` is not among them: nothing in it is a policy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis::cases::{self, Run};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::{Diagnostics, SourceFile};
use portcullis::time::UnixTime;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Policy files and test files below a directory, in the order of their names.
pub fn files(directory: &Path) -> (Vec<SourceFile>, Vec<SourceFile>) {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("a directory of cases") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(directory, &mut paths);
    paths.sort();
    let is_test =
        |path: &PathBuf| path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_test"));
    let read = |path: &PathBuf| SourceFile {
        name: path.strip_prefix(directory).expect("below").to_string_lossy().into(),
        text: fs::read_to_string(path).expect("a file of cases").into(),
    };
    (
        paths.iter().filter(|path| !is_test(path)).map(read).collect(),
        paths.iter().filter(|path| is_test(path)).map(read).collect(),
    )
}

/// Problems as one would read them in a failed test.
pub fn shown(problems: &Diagnostics) -> String {
    let line = |problem: &portcullis::policy::diagnostic::Diagnostic| {
        let (line, column) = problem.at.map_or((0, 0), |at| (at.line, at.column));
        format!(
            "  {} {line}:{column} {} ({})",
            problem.code,
            problem.message,
            problem.hint.as_deref().unwrap_or("")
        )
    };
    problems.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Runs the tests beside a policy; what differs, one line each.
pub fn failures(directory: &Path) -> (usize, Vec<String>) {
    let (policies, tests) = files(directory);
    let policy = match compile(&policies) {
        Ok(policy) => policy,
        Err(problems) => return (0, vec![format!("{}:\n{}", directory.display(), shown(&problems))]),
    };
    let run = Run::new(Arc::new(policy), [7; 32], UnixTime::from_seconds(1_790_000_000));
    let mut count = 0;
    let mut failed = Vec::new();
    for file in tests {
        let mut problems = Diagnostics::default();
        let suite = cases::read(&file, 0, &mut problems);
        if !problems.problems.is_empty() {
            failed.push(format!("{}/{}:\n{}", directory.display(), file.name, shown(&problems)));
        }
        for case in &suite.cases {
            count += 1;
            let place = format!("{}/{}:{} {}", directory.display(), file.name, case.at.line, case.name);
            match run.case(&suite, case) {
                Ok(verdict) => failed.extend(verdict.mismatches.iter().map(|found| {
                    format!("{place}: {}: wanted {}, got {}", found.what, found.expected, found.actual)
                })),
                Err(problem) => failed.push(format!("{place}: {problem}")),
            }
        }
    }
    (count, failed)
}

#[test]
fn every_sentence_holds() {
    let mut count = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(root()).expect("tests/cases") {
        let directory = entry.expect("an entry").path();
        if !directory.is_dir() || directory.ends_with("broken") {
            continue;
        }
        let (cases, wrong) = failures(&directory);
        if cases == 0 {
            failed.push(format!("{}: no tests", directory.display()));
        }
        count += cases;
        failed.extend(wrong);
    }
    assert!(failed.is_empty(), "{} of {count} cases:\n{}", failed.len(), failed.join("\n"));
    assert!(count > 500, "only {count} cases were found");
}
