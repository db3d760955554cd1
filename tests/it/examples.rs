//! The policies that people copy: each passes `check` without a warning and its own tests, and says whose
//! problem it solves.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis::policy::diagnostic::Diagnostics;

use super::diagnostics::said;
use super::policy::{failures, files, shown};

/// The seed speaks of tokens that carry no audience, and `check` says so.
const WITH_WARNINGS: [&str; 1] = ["laravel-crm"];

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
        if WITH_WARNINGS.contains(&name.as_str()) {
            continue;
        }
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
