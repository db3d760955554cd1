//! `portcullis doctor`: silent about what is shipped, and each of its codes seen where it belongs.

mod documents;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis::doctor::codes::ALL;
use portcullis::doctor::{self, Examination};
use portcullis::policy::diagnostic::{Diagnostic, SourceFile};
use serde::Deserialize;

use super::diagnostics::ill_said;
use super::policy::shown;

/// A file of `tests/doctor`: a shipped file with a few changes, and what is found in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    replace: Vec<Replacement>,
    expect: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    text: String,
    by: String,
}

/// A code, and a piece of the line that it points at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    code: String,
    line: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    paths.sort();
    paths
}

fn source(text: &str) -> SourceFile {
    SourceFile { name: "file.yaml".into(), text: text.into() }
}

/// `E0102 failure_mode_allow: true`: the code, and the line that it points at.
fn place(problem: &Diagnostic, text: &str) -> (String, String) {
    let at = problem.at.expect("a place");
    let line = text.lines().nth(usize::try_from(at.line).expect("a line") - 1).expect("a line of the file");
    (problem.code.to_owned(), line.trim().to_owned())
}

/// Runs every case of a directory against a file.
fn run(directory: &str, base: &str, by: fn(&[SourceFile]) -> Examination) -> BTreeSet<String> {
    let base = fs::read_to_string(project().join(base)).expect("the file that is changed");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files(&project().join("tests/doctor").join(directory)) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let case: Case = serde_saphyr::from_str(&fs::read_to_string(&path).expect("a case"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut text = base.clone();
        for Replacement { text: old, by } in &case.replace {
            assert!(text.contains(old.as_str()), "{name}: nothing like `{old}` in the file");
            text = text.replacen(old.as_str(), by, 1);
        }
        let found = by(&[source(&text)]).problems;
        let places: Vec<_> = found.problems.iter().map(|problem| place(problem, &text)).collect();
        let is_expected = places.len() == case.expect.len()
            && places.iter().zip(&case.expect).all(|((code, line), expected)| {
                *code == expected.code && line.contains(expected.line.trim())
            });
        if !is_expected {
            wrong.push(format!("{name}: {places:#?}\n{}", shown(&found)));
        }
        wrong.extend(
            found.problems.iter().filter_map(|problem| Some(format!("{name}: {}", ill_said(problem)?))),
        );
        seen.extend(case.expect.into_iter().map(|expected| expected.code));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    seen
}

fn said(examination: &Examination) -> String {
    shown(&examination.problems)
}

#[test]
fn nothing_is_found_in_the_envoy_files_that_are_shipped() {
    let more =
        ["kubernetes/envoy", "compose"].map(|name| project().join("deploy").join(name).join("envoy.yaml"));
    for path in files(&project().join("deploy/envoy")).into_iter().chain(more) {
        let text = fs::read_to_string(&path).expect("a bootstrap");
        let found = doctor::envoy(&[source(&text)]);
        assert!(found.problems.problems.is_empty(), "{}:\n{}", path.display(), said(&found));
        assert!(found.seen.ends_with(", 1 ext_authz filter"), "{}: {}", path.display(), found.seen);
    }
}

#[test]
fn every_mistake_in_a_bootstrap_is_found_in_its_place() {
    let seen = run("envoy", "deploy/envoy/envoy.yaml", doctor::envoy);
    // What no bootstrap can show stands in documents of its own: another kind of file, and a dump.
    let elsewhere = ["E0001", "E0003"];
    let missing: Vec<&str> = ALL
        .iter()
        .map(|code| code.code)
        .filter(|code| code.starts_with("E0") && !seen.contains(*code) && !elsewhere.contains(code))
        .collect();
    assert!(missing.is_empty(), "no case has {missing:?}");
}

#[test]
fn nothing_is_found_in_the_manifests_that_are_shipped() {
    for name in ["native.yaml", "classic.yaml"] {
        let text = fs::read_to_string(project().join("deploy/kubernetes").join(name)).expect("a manifest");
        let found = doctor::kubernetes(&[source(&text)]);
        assert!(found.problems.problems.is_empty(), "{name}:\n{}", said(&found));
        assert_eq!(found.seen, "1 container of Portcullis", "{name}");
    }
}

#[test]
fn every_mistake_in_a_manifest_is_found_in_its_place() {
    let mut seen = run("kubernetes", "deploy/kubernetes/native.yaml", doctor::kubernetes);
    seen.extend(run("classic", "deploy/kubernetes/classic.yaml", doctor::kubernetes));
    let missing: Vec<&str> = ALL
        .iter()
        .map(|code| code.code)
        .filter(|code| code.starts_with("E1") && !seen.contains(*code) && *code != "E1001")
        .collect();
    assert!(missing.is_empty(), "no case has {missing:?}");
}

#[test]
fn manifests_without_portcullis_are_no_clean_ones() {
    for text in ["kind: Pod\nspec: { containers: [ { name: a, image: b } ] }\n", "kind: ConfigMap\n", ""] {
        let found = doctor::kubernetes(&[source(text)]);
        assert_eq!(found.problems.problems.first().map(|problem| problem.code), Some("E1001"), "{text}");
    }
}

#[test]
fn what_is_no_configuration_of_envoy_is_no_clean_one() {
    for text in ["kind: Pod\n", "[]\n", "{}\n", "just words\n"] {
        let found = doctor::envoy(&[source(text)]);
        assert_eq!(found.problems.problems.first().map(|problem| problem.code), Some("E0001"), "{text}");
    }
    let found = doctor::envoy(&[source("a: [\n")]);
    assert_eq!(found.problems.problems.first().map(|problem| problem.code), Some("P0010"));
    let found = doctor::envoy(&[source("# nothing\n")]);
    assert_eq!(found.problems.problems.first().map(|problem| problem.code), Some("E0001"));
}

#[test]
fn calls_of_the_own_application_and_redirects_to_https_need_no_decision() {
    let bootstrap = |listener: &str, routes: &str| {
        let manager = r#""@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"#;
        format!(
            "static_resources: {{ listeners: [ {{ {listener} filter_chains: [ {{ filters: [ {{ name: a, \
             typed_config: {{ {manager}, http_filters: [], route_config: {{ virtual_hosts: [ {{ routes: [ \
             {{ match: {{ prefix: / }}, {routes} }} ] }} ] }} }} }} ] }} ] }} ] }}"
        )
    };
    let codes = |listener: &str, routes: &str| {
        let found = doctor::envoy(&[source(&bootstrap(listener, routes))]).problems.problems;
        found.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    assert!(codes("", "route: { cluster: a }").contains(&"E0101"));
    assert!(codes("traffic_direction: OUTBOUND,", "route: { cluster: a }").is_empty());
    assert!(codes("", "redirect: { https_redirect: true }").is_empty());
}
