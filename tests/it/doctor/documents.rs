//! `docs/doctor.md` is complete, and every example in it does what it says.

use std::collections::BTreeSet;
use std::fs;

use portcullis::doctor;
use portcullis::doctor::codes::ALL;
use serde_json::Value;

use super::{project, said, source};

struct Paragraph {
    code: String,
    title: String,
    examples: Vec<(String, String)>,
}

fn paragraphs() -> Vec<Paragraph> {
    let text = fs::read_to_string(project().join("docs/doctor.md")).expect("docs/doctor.md");
    let mut found: Vec<Paragraph> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((code, title)) = line.strip_prefix("### ").and_then(|line| line.split_once(' ')) {
            found.push(Paragraph { code: code.into(), title: title.into(), examples: Vec::new() });
        }
        let Some(kind) = line.strip_prefix("```yaml ") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let paragraph = found.last_mut().expect("an example below a code");
        paragraph.examples.push((kind.into(), block.join("\n") + "\n"));
    }
    found
}

/// Where an example of a kind belongs in `deploy/envoy/envoy.yaml`.
fn pointer(kind: &str) -> &'static str {
    match kind {
        "bootstrap" => "",
        "listener" => "/static_resources/listeners/0",
        "manager" => "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config",
        "filter" => {
            "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config"
        }
        "entry" => "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0",
        "cluster" => "/static_resources/clusters/0",
        _ => {
            panic!("an example of what is shown: bootstrap, listener, manager, filter, entry, cluster, whole")
        }
    }
}

/// The shipped bootstrap with the keys of an example in their place; `null` takes one out.
fn placed(kind: &str, example: &str) -> String {
    if kind == "whole" {
        return example.to_owned();
    }
    let read = |text: &str| -> Value { serde_saphyr::from_str(text).expect("YAML") };
    let mut whole =
        read(&fs::read_to_string(project().join("deploy/envoy/envoy.yaml")).expect("a bootstrap"));
    let target =
        whole.pointer_mut(pointer(kind)).expect("the place of the example").as_object_mut().expect("a map");
    for (key, value) in read(example).as_object().expect("a map") {
        if value.is_null() {
            target.remove(key);
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
    serde_json::to_string_pretty(&whole).expect("JSON")
}

#[test]
fn every_code_has_its_paragraph_and_its_examples() {
    let paragraphs = paragraphs();
    let written: Vec<(&str, &str)> = paragraphs.iter().map(|one| (&*one.code, &*one.title)).collect();
    let known: Vec<(&str, &str)> = ALL.iter().map(|code| (code.code, code.title)).collect();
    assert_eq!(written, known);
    for Paragraph { code, examples, .. } in &paragraphs {
        let kinds: Vec<&str> = examples.iter().filter_map(|(kind, _)| kind.split(' ').next()).collect();
        assert_eq!(kinds, ["bad", "good"], "{code}");
    }
}

#[test]
fn every_bad_example_gives_its_code_and_every_good_one_none() {
    let mut wrong = Vec::new();
    for Paragraph { code, examples, .. } in paragraphs() {
        for (kind, example) in examples {
            let (quality, place) = kind.split_once(' ').expect("`bad filter`, `good manager`");
            let found = doctor::envoy(&[source(&placed(place, &example))]);
            let codes: BTreeSet<&str> = found.problems.problems.iter().map(|problem| problem.code).collect();
            let expected: BTreeSet<&str> = (quality == "bad").then_some(code.as_str()).into_iter().collect();
            if codes != expected {
                wrong.push(format!("{code} {kind}: {codes:?}\n{}", said(&found)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
