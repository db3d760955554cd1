//! What the pages for writers of policies show is true: examples compile, and nothing is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use portcullis::decision::Denied;
use portcullis::policy::diagnostic::{Diagnostics, SourceFile};
use portcullis::policy::{compile, schema};
use serde_json::Value;

use super::policy::{failures, shown};

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).expect(name)
}

/// The blocks of YAML: what stands after `yaml`, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```yaml") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push((kind.trim().to_owned(), block.join("\n") + "\n"));
    }
    found
}

fn has(text: &str, key: &str) -> bool {
    text.lines().any(|line| line.starts_with(key))
}

#[test]
fn every_reason_is_explained() {
    let page = page("why-was-it-denied.md");
    let headings: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    let known: Vec<&str> = Denied::ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(headings, known);
}

#[test]
fn every_example_of_the_reference_compiles() {
    let page = page("policy-reference.md");
    let blocks = blocks(&page);
    let preamble = &blocks.iter().find(|(kind, _)| kind == "preamble").expect("a preamble").1;
    for (_, text) in blocks.iter().filter(|(kind, _)| kind != "preamble") {
        let mut files =
            vec![SourceFile { name: "example.yaml".into(), text: format!("version: 1\n{text}").into() }];
        let mut beside = preamble.clone();
        if has(text, "issuers:") {
            beside.clear();
        } else if has(text, "guards:") {
            beside = beside.split("guards:").next().expect("issuers").to_owned();
        }
        if !beside.is_empty() {
            files.push(SourceFile { name: "preamble.yaml".into(), text: beside.into() });
        }
        if let Err(problems) = compile(&files) {
            panic!("{text}\n{}", shown(&problems));
        }
    }
    assert!(blocks.len() > 12, "{} blocks", blocks.len());
}

#[test]
fn every_key_of_the_schema_stands_in_the_reference() {
    fn keys(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                members.values().for_each(|inner| keys(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| keys(inner, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut wanted = BTreeSet::new();
    keys(&schema::policies(), &mut wanted);
    assert!(wanted.len() > 100, "{wanted:?}");
    let page = page("policy-reference.md");
    // Only what is marked as code counts: `all` and `any` are English words, too.
    let mut code = String::new();
    for (index, piece) in page.split('`').enumerate() {
        if index % 2 == 1 || piece.contains("yaml\n") {
            code.push_str(piece);
            code.push('\n');
        }
    }
    for (_, block) in blocks(&page) {
        code.push_str(&block);
    }
    let words: BTreeSet<&str> =
        code.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).collect();
    let missing: Vec<&String> = wanted.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/policy-reference.md: {missing:?}");
}

#[test]
fn what_stands_beside_what_one_migrates_from_is_tested() {
    let page = page("migrating.md");
    let (mut policies, mut count) = (0, 0);
    let mut policy: Option<String> = None;
    for (kind, text) in blocks(&page) {
        match kind.as_str() {
            "policy" => {
                let file = SourceFile { name: "policy.yaml".into(), text: text.clone().into() };
                let warnings = match compile(&[file]) {
                    Ok(policy) => policy.warnings,
                    Err(problems) => problems.problems,
                };
                assert!(warnings.is_empty(), "{text}\n{}", shown(&Diagnostics { problems: warnings }));
                policies += 1;
                policy = Some(text);
            }
            "tests" => {
                let directory = tempfile::tempdir().expect("a directory");
                let policy = policy.take().expect("a policy stands before its tests");
                fs::write(directory.path().join("policy.yaml"), policy).expect("written");
                fs::write(directory.path().join("policy_test.yaml"), &text).expect("written");
                let (tests, failed) = failures(directory.path());
                assert!(failed.is_empty(), "{}", failed.join("\n"));
                count += tests;
            }
            // What others write is shown as it is.
            "" => {}
            other => panic!("a block of `{other}`"),
        }
    }
    assert!(policies >= 3 && count > 20, "{policies} policies, {count} tests");
}
