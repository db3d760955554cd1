//! What is built in: no dependency has an advisory that we know of, though the public database may not.

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

/// Names and versions in a lock file.
fn locked(text: &str) -> Vec<(String, String)> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = text.split("[[package]]").skip(1);
    blocks
        .map(|block| (value(block, "name").expect("a name"), value(block, "version").expect("a version")))
        .collect()
}

/// The numbers of a version, without what follows a hyphen or a plus.
fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain.split('.').map(|part| part.parse().expect("a number")).collect()
}

fn is_affected(version: &str, affected: &str) -> bool {
    if let Some(fixed) = affected.strip_prefix('<') {
        return numbers(version) < numbers(fixed);
    }
    assert_eq!(affected, "*", "only `<version` and `*` are understood");
    true
}

/// `crate version: id, words` for everything in a lock file that the list speaks of.
fn findings(lock: &str, advisories: &str) -> Vec<String> {
    let rows = advisories.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let packages = locked(lock);
    let mut found = Vec::new();
    for row in rows {
        let [name, affected, id, words] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns: {row}");
        };
        let hit = packages.iter().filter(|(known, version)| known == name && is_affected(version, affected));
        found.extend(hit.map(|(name, version)| format!("{name} {version}: {id}, {words}")));
    }
    found
}

#[test]
fn no_dependency_has_an_advisory_that_rustsec_lacks() {
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = read(lock);
        assert!(locked(&text).len() > 100, "{lock} was not read");
        assert_eq!(findings(&text, &read("advisories.tsv")), Vec::<String>::new(), "{lock}");
    }
}

#[test]
fn an_affected_version_is_found_and_its_fix_is_not() {
    let lock = |version: &str| format!("[[package]]\nname = \"jsonwebtoken\"\nversion = \"{version}\"\n");
    let list = read("advisories.tsv");
    for affected in ["9.3.1", "10.0.0", "10.2.9"] {
        assert_eq!(findings(&lock(affected), &list).len(), 1, "{affected}");
    }
    for fixed in ["10.3.0", "10.10.0", "11.1.0"] {
        assert_eq!(findings(&lock(fixed), &list), Vec::<String>::new(), "{fixed}");
    }
}
