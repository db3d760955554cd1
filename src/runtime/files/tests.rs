use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{FilesError, policies, tests};

fn with(files: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, *file).unwrap();
    }
    directory
}

/// Names below a directory of what was found; each file holds its own name.
#[track_caller]
fn found(directory: &Path, found: Result<Vec<super::SourceFile>, FilesError>) -> Vec<String> {
    let below = |name: &str| Path::new(name).strip_prefix(directory).unwrap().display().to_string();
    found.unwrap().iter().map(|file| below(&file.name)).collect()
}

const ALL: [&str; 9] = [
    "a.yaml",
    "b.yml",
    "c_test.yaml",
    "d_test.yml",
    ".hidden.yaml",
    "notes.md",
    "below/e.yaml",
    "below/f_test.yaml",
    ".git/g.yaml",
];

#[test]
fn policies_and_tests_are_told_apart_by_their_names() {
    let directory = with(&ALL);
    let paths = [directory.path().to_owned()];
    assert_eq!(found(directory.path(), policies(&paths)), ["a.yaml", "b.yml", "below/e.yaml"]);
    assert_eq!(found(directory.path(), tests(&paths)), ["below/f_test.yaml", "c_test.yaml", "d_test.yml"]);
}

#[test]
fn a_file_named_outright_is_taken_unless_it_is_of_the_other_kind() {
    let directory = with(&ALL);
    let paths: Vec<PathBuf> = ALL.iter().map(|name| directory.path().join(name)).collect();
    let named = [".git/g.yaml", ".hidden.yaml", "a.yaml", "b.yml", "below/e.yaml", "notes.md"];
    assert_eq!(found(directory.path(), policies(&paths)), named);
    assert_eq!(found(directory.path(), tests(&paths)), ["below/f_test.yaml", "c_test.yaml", "d_test.yml"]);
}

#[test]
fn what_is_reached_on_two_ways_is_read_once() {
    let directory = with(&["a.yaml", "below/b.yaml"]);
    symlink("a.yaml", directory.path().join("link.yaml")).unwrap();
    symlink("..", directory.path().join("below/up")).unwrap();
    let twice =
        [directory.path().to_owned(), directory.path().join("a.yaml"), directory.path().join("below")];
    assert_eq!(found(directory.path(), policies(&twice)), ["a.yaml", "below/b.yaml"]);
}

#[test]
fn a_config_map_is_read_once_under_the_names_it_was_given() {
    let directory = with(&["..2026/a.yaml", "..2026/below/b.yaml"]);
    symlink("..2026", directory.path().join("..data")).unwrap();
    symlink("..data/a.yaml", directory.path().join("a.yaml")).unwrap();
    symlink("..data/below", directory.path().join("below")).unwrap();
    assert_eq!(found(directory.path(), policies(&[directory.path().to_owned()])), ["a.yaml", "below/b.yaml"]);
}

#[track_caller]
fn fails(paths: &[PathBuf], expected: &[&str]) {
    let FilesError(problems) = policies(paths).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "{told}, not {expected}");
    }
}

#[test]
fn every_path_that_cannot_be_read_is_named() {
    let directory = with(&["a.yaml"]);
    let path = |name: &str| directory.path().join(name);
    symlink("nowhere", path("dangling.yaml")).unwrap();
    fs::write(path("latin.yaml"), b"version: 1\n# \xe9\n").unwrap();
    fs::File::create(path("large.yaml")).unwrap().set_len((8 << 20) + 1).unwrap();
    fails(
        &[path("missing"), directory.path().to_owned()],
        &[
            "missing` cannot be read",
            "dangling.yaml` cannot be read",
            "large.yaml` is over 8 MiB",
            "latin.yaml` is not UTF-8, in line 2",
        ],
    );
    fails(&[path("a_test.yaml")], &["a_test.yaml` cannot be read"]);
}

#[test]
fn no_policy_is_an_error_and_no_test_is_none() {
    let directory = with(&["a_test.yaml"]);
    fails(&[directory.path().to_owned()], &["holds no policy"]);
    let directory = with(&["a.yaml"]);
    assert_eq!(tests(&[directory.path().to_owned()]).unwrap().len(), 0);
}

#[test]
fn a_set_is_bounded_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..9 {
        let file = fs::File::create(directory.path().join(format!("{number}.yaml"))).unwrap();
        // Sparse: the size is looked at before a byte is read, and zeros are UTF-8.
        file.set_len(if number < 8 { 8 << 20 } else { 1 }).unwrap();
    }
    fails(&[directory.path().to_owned()], &["8.yaml` makes the set larger than 64 MiB"]);
}

#[test]
fn a_directory_that_leads_too_deep_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let deep = (0..40).fold(directory.path().to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("a.yaml"), "").unwrap();
    fails(&[directory.path().to_owned()], &["is nested too deeply"]);
}
