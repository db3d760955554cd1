//! `docs/reliability.md` goes through the fault matrix row by row: each names the tests that hold it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::invariants::{missing, named};

/// The rows of the matrix, and those of the faults that come together.
const ROWS: u32 = 42;

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md"))
        .expect("the document")
}

#[test]
fn every_test_that_is_named_exists() {
    let missing = missing(&document());
    assert!(missing.is_empty(), "named in docs/reliability.md, and not there: {missing:#?}");
}

#[test]
fn every_fault_names_a_test_and_says_what_was_seen() {
    let text = document();
    let rows: Vec<(u32, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter_map(|(number, rest)| Some((number.parse().ok()?, rest)))
        .collect();
    let numbers: BTreeSet<u32> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=ROWS).collect());
    for (number, row) in rows {
        assert!(!named(row).is_empty(), "row {number} names no test");
        let cells: Vec<&str> = row.split(" | ").collect();
        let [_fault, _promise, seen, _tests] = cells.as_slice() else { panic!("row {number}: {cells:?}") };
        assert!(seen.bytes().any(|byte| byte.is_ascii_digit()), "row {number} has no figure: {seen}");
    }
}
