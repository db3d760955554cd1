//! `docs/security.md` promises, and names the test that holds each promise: the tests are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::fuzz::corpora;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    fs::read_to_string(root().join("docs/security.md")).expect("docs/security.md")
}

/// `tests/it/model.rs::name` and the like, wherever they stand between backticks.
pub fn named(text: &str) -> Vec<(String, String)> {
    let between = text.split('`').skip(1).step_by(2);
    let tests = between.filter_map(|word| word.split_once("::"));
    tests
        .filter(|(file, _)| Path::new(file).extension().is_some_and(|end| end == "rs" || end == "py"))
        .map(|(file, name)| (file.to_owned(), name.to_owned()))
        .collect()
}

/// The rows of the table under a heading, each as its cells.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let text = document();
    let (_, section) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    // The head, and the line below it.
    lines.skip(2).map(cells).collect()
}

/// What a document names as a test, and is none.
pub fn missing(text: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for (file, name) in &named(text) {
        let source = fs::read_to_string(root().join(file)).unwrap_or_default();
        let is_there =
            [format!("fn {name}("), format!("def {name}(")].iter().any(|text| source.contains(text));
        // The fuzz targets are tests that a macro writes.
        let is_target = file == "tests/it/fuzz.rs" && corpora().join(name).is_dir();
        if !is_there && !is_target {
            missing.push(format!("{file}::{name}"));
        }
    }
    missing
}

#[test]
fn every_test_that_is_named_exists() {
    let missing = missing(&document());
    assert!(missing.is_empty(), "named in docs/security.md, and not there: {missing:#?}");
    let tests = named(&document());
    assert!(tests.len() > 80, "only {} tests are named", tests.len());
}

#[test]
fn every_invariant_names_a_test() {
    let rows = rows("## Invariants");
    let numbers: BTreeSet<u32> = rows.iter().map(|cells| cells[0].parse().expect("a number")).collect();
    assert_eq!(numbers, (1..=18).collect());
    for cells in &rows {
        assert!(!named(&cells[2]).is_empty(), "invariant {} names no test", cells[0]);
    }
}

#[test]
fn every_advisory_names_a_test_or_says_why_there_is_none() {
    let rows = rows("## What happened to others");
    assert!(rows.len() > 30, "{} rows", rows.len());
    for cells in &rows {
        let answer = &cells[2];
        let says_why = answer.contains("no test: ");
        assert!(!named(answer).is_empty() || says_why, "{} names no test", cells[0]);
    }
}
