//! The policies that people copy: each passes `check` without a warning and its own tests, and says whose
//! problem it solves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis::cases::coverage::{Coverage, Seen};
use portcullis::cases::mutate::{Trial, mutants};
use portcullis::cases::{self, Run, Suite};
use portcullis::policy::diagnostic::Diagnostics;
use portcullis::policy::{compile, reader};
use portcullis::time::UnixTime;

use super::diagnostics::said;
use super::policy::{failures, files, shown};

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);

fn examples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let entries = fs::read_dir(root).expect("policies").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

#[test]
fn every_example_passes_its_tests() {
    let mut failed = Vec::new();
    for example in examples() {
        let (count, wrong) = failures(&example);
        assert!(count >= 10, "{}: {count} tests", example.display());
        failed.extend(wrong);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_example_is_checked_without_a_warning() {
    let names: Vec<String> = examples()
        .iter()
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "auth0-spa-and-api",
            "entra-groups",
            "grpc-service",
            "keycloak-microservices",
            "kubernetes-service-accounts",
            "laravel-crm",
            "multi-tenant",
            "public-api-with-mtls-partners",
        ]
    );
    for (path, name) in examples().iter().zip(&names) {
        let problems = said(&files(path).0);
        assert!(problems.is_empty(), "{name}:\n{}", shown(&Diagnostics { problems }));
    }
}

#[test]
fn every_example_says_whose_problem_it_solves() {
    for path in examples() {
        let (policies, _) = files(&path);
        let says = |text: &str| {
            text.lines().take(6).any(|line| line.starts_with("# For ") || line.starts_with("# Whose "))
        };
        assert!(policies.iter().any(|file| says(&file.text)), "{}", path.display());
    }
}

#[test]
fn every_example_is_seen_from_both_sides_and_its_tests_notice_every_change() {
    let mut wrong = Vec::new();
    for path in examples() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (policies, tests) = files(&path);
        let run = Run::new(Arc::new(compile(&policies).expect("a policy")), [7; 32], NOW);
        let read = |file| cases::read(file, 0, &mut Diagnostics::default());
        let suites: Vec<Suite> = tests.iter().map(read).collect();
        let all = || suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));

        let mut coverage = Coverage::of(run.policy());
        for (suite, case) in all() {
            let mut seen = Seen::default();
            let verdict = run.case_observed(suite, case, &mut seen).expect("a test that can be run");
            coverage.add_case(&verdict, &seen);
        }
        let unseen = coverage.points().into_iter().filter_map(|point| Some((point, point.unseen()?)));
        wrong.extend(unseen.map(|(point, unseen)| format!("{name}: {unseen}: {}", point.name)));

        let document = reader::read(&policies, &mut Diagnostics::default());
        // What no test can notice is accepted in the test file, each with its reason, and nothing else is.
        let mut accepted: Vec<_> = suites.iter().flat_map(|suite| &suite.accepted).collect();
        let mut trial = Trial::new(&policies, document.clone(), &run, all());
        for mutant in mutants(&document, run.policy()) {
            if trial.notices(&mutant) == Ok(false) {
                match accepted.iter().position(|entry| entry.is(&mutant)) {
                    Some(index) => drop(accepted.remove(index)),
                    None => {
                        wrong.push(format!(
                            "{name}: no test notices: {}: {}",
                            mutant.owner, mutant.change.before
                        ));
                    }
                }
            }
        }
        wrong.extend(accepted.iter().map(|entry| format!("{name}: accepted for nothing: {}", entry.owner)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
