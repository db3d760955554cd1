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

/// Whether a source has a test of this name that runs: what stands above the function, up to an empty line or the
/// end of something else, makes it one.
fn has_test(file: &str, source: &str, name: &str) -> bool {
    let python = Path::new(file).extension().is_some_and(|end| end == "py");
    let word = if python { "def" } else { "fn" };
    let head = format!("{word} {name}(");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_head = |line: &&str| {
        let before = line.split_once(&head).map(|(before, _)| before.trim());
        matches!(before, Some("" | "async" | "pub" | "pub async"))
    };
    let Some(place) = lines.iter().position(is_head) else { return false };
    let ends = |line: &&&str| line.is_empty() || line.ends_with(['}', '{', ';']);
    let above: Vec<&str> = lines[..place].iter().rev().take_while(|line| !ends(line)).copied().collect();
    let has = |starts: &[&str]| above.iter().any(|line| starts.iter().any(|start| line.starts_with(start)));
    if python {
        return name.starts_with("test_") && !has(&["@pytest.mark.skip", "@pytest.mark.xfail"]);
    }
    has(&["#[test]", "#[tokio::test]", "#[tokio::test("]) && !has(&["#[ignore"])
}

/// What a document names as a test, and is none.
pub fn missing(text: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for (file, name) in &named(text) {
        let source = fs::read_to_string(root().join(file)).unwrap_or_default();
        // The fuzz targets are tests that a macro writes.
        let is_target = file == "tests/it/fuzz.rs" && corpora().join(name).is_dir();
        if !has_test(file, &source, name) && !is_target {
            missing.push(format!("{file}::{name}"));
        }
    }
    missing
}

#[test]
fn only_what_runs_as_a_test_is_one() {
    for (file, source, wanted) in [
        ("a.rs", "#[test]\nfn it() {}", true),
        ("a.rs", "#[tokio::test]\nasync fn it() {}", true),
        (
            "a.rs",
            "#[tokio::test(flavor = \"multi_thread\")]\n/// Said.\n#[expect(x)]\nasync fn it() {}",
            true,
        ),
        ("a.rs", "fn it() {}", false),
        ("a.rs", "#[test]\nfn other() {}\n\nfn it() {}", false),
        ("a.rs", "#[test]\nfn other() {\n}\nfn it() {}", false),
        ("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn it() {}", false),
        ("a.rs", "#[ignore]\n#[test]\nfn it() {}", false),
        ("a.rs", "// #[test]\nfn it() {}", false),
        ("a.rs", "#[test]\n// fn it() {}", false),
        ("a.rs", "#[test]\nfn it_too() {}", false),
        ("a.py", "@pytest.mark.parametrize(\"x\", [1])\ndef test_it(x):", true),
        ("a.py", "class TestIt:\n    def test_it(self):", true),
        ("a.py", "@pytest.mark.skip\ndef test_it():", false),
        ("a.py", "def it():", false),
    ] {
        let name = if source.contains("test_it") { "test_it" } else { "it" };
        assert_eq!(has_test(file, source, name), wanted, "{source}");
    }
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
