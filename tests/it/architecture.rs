//! The order of dependency and the purity of the core, held by reading the source.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the core, which may not wait, look outside, or remember.
const CORE: [&str; 9] =
    ["decision", "request", "time", "token", "policy", "engine", "response", "cases", "explain"];

/// Words that have no place in the core, with the reason.
const IMPURE: [(&str, &str); 17] = [
    ("async fn", "it does not wait"),
    (".await", "it does not wait"),
    ("tokio", "it does not wait"),
    ("hyper", "it does no I/O"),
    ("tonic", "it knows no transport"),
    ("prost", "it knows no transport"),
    ("envoy_types", "it knows no transport"),
    ("std::fs", "it does no I/O"),
    ("std::env", "it does no I/O"),
    ("std::io", "it does no I/O"),
    ("std::thread", "it starts nothing"),
    ("SystemTime", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("static mut", "it has no globals"),
    ("OnceLock", "it has no globals"),
    ("LazyLock", "it has no globals"),
    ("tracing::", "it decides, and others record"),
];

/// Crates that stop at a boundary, and the files in which they may stand.
const BOUNDARIES: [(&str, &[&str]); 4] = [
    ("envoy_types", &["server/wire"]),
    ("prost::", &["server/wire"]),
    ("anyhow", &["cli", "main.rs"]),
    ("granit_parser", &["policy/yaml"]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file below `src`, as a path from there, with its text. Test modules are left out.
fn files() -> Vec<(String, String)> {
    fn walk(directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).expect("src can be read") {
            let path = entry.expect("an entry").path();
            let is_test =
                path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
            if path.is_dir() && !is_test {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") && !is_test {
                let text = fs::read_to_string(&path).expect("a source file is text");
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                let name = path.strip_prefix(source()).expect("below src").to_string_lossy().into_owned();
                found.push((name, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&source(), &mut found);
    assert!(found.len() > 20, "the source was not found");
    found
}

/// The modules in the order of `lib.rs`.
fn order() -> Vec<String> {
    let map = fs::read_to_string(source().join("lib.rs")).expect("lib.rs");
    map.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

/// The code of a file: comments left out, so that words about things are not taken for the things.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

#[test]
fn a_module_uses_only_those_above_it() {
    let order = order();
    let position = |name: &str| order.iter().position(|known| known == name);
    let mut wrong = Vec::new();
    for (file, text) in files() {
        let Some(own) = position(module(&file)) else { continue };
        for (line, content) in code(&text) {
            for used in content.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                if position(&used).is_some_and(|used| used > own) {
                    wrong.push(format!(
                        "src/{file}:{line} uses `{used}`, which stands below it in src/lib.rs"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        if !CORE.contains(&module(&file)) {
            continue;
        }
        for (line, content) in code(&text) {
            for (word, why) in IMPURE {
                if content.contains(word) {
                    wrong.push(format!("src/{file}:{line} says `{word}`, but the core is pure: {why}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn wire_types_and_error_bags_stop_at_their_boundary() {
    let mut wrong = Vec::new();
    for (file, text) in files() {
        for (line, content) in code(&text) {
            for (word, allowed) in BOUNDARIES {
                let may = allowed.iter().any(|start| file.starts_with(start));
                if content.contains(word) && !may {
                    wrong.push(format!(
                        "src/{file}:{line} says `{word}`, which stops at {}",
                        allowed.join(", ")
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_names_every_module_and_no_other() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"))
        .expect("ARCHITECTURE.md");
    let (_, map) = page.split_once("## Code map").expect("a code map");
    let (map, _) = map.split_once("\n## ").expect("its end");
    let rows: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    for module in order() {
        assert!(rows.contains(&module.as_str()), "the code map has no row for `{module}`");
        let in_layers = page
            .lines()
            .any(|line| (line.starts_with("core ") || line.starts_with("edge ")) && line.contains(&module));
        assert!(in_layers, "`{module}` is in no layer");
    }
    for row in rows {
        let is_there = ["", ".rs"].iter().any(|end| source().join(format!("{row}{end}")).exists());
        assert!(is_there, "the code map has a row for `{row}`, which is not there");
    }
}

#[test]
fn every_module_of_the_map_is_either_core_or_edge_and_the_core_comes_first() {
    let order = order();
    let last_core = order.iter().rposition(|name| CORE.contains(&name.as_str())).expect("a core");
    let first_edge = order.iter().position(|name| !CORE.contains(&name.as_str())).unwrap_or(order.len());
    assert!(last_core < first_edge, "the core stands above the edge in src/lib.rs: {order:?}");
}
