//! Which files stand below the given paths.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::policy::diagnostic::codes;

use super::{FileProblem, Kind, cannot_be_read, shown};

/// Deepest directory below a given one.
const MOST_DEPTH: usize = 32;
/// Most entries looked at: `serve --policies /` is a mistake.
const MOST_ENTRIES: usize = 100_000;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<PathBuf>,
    pub directories: Vec<PathBuf>,
    pub problems: Vec<FileProblem>,
    entries: usize,
    /// Directories in their one true spelling: a link that leads back up is not followed twice.
    entered: HashSet<PathBuf>,
}

impl Found {
    /// A path that somebody named.
    pub fn given(&mut self, path: &Path, kind: Kind) {
        // Whoever replaces a file or a directory by another changes its parent.
        self.directories.push(parent(path));
        match std::fs::metadata(path) {
            Err(error) => self.problems.push(cannot_be_read(path, &error)),
            Ok(metadata) if metadata.is_dir() => self.directory(path, kind, 0),
            Ok(_) => {
                let is_wanted = match kind {
                    Kind::Policies => !is_test(path),
                    Kind::Tests => is_test(path),
                };
                if is_wanted {
                    self.files.push(path.to_owned());
                }
            }
        }
    }

    fn directory(&mut self, path: &Path, kind: Kind, depth: usize) {
        let is_new = std::fs::canonicalize(path).map_or(true, |canonical| self.entered.insert(canonical));
        if !is_new {
            return;
        }
        if depth > MOST_DEPTH {
            self.problem(path, "is nested too deeply", "point at the directory that holds the policies");
            return;
        }
        self.directories.push(path.to_owned());
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.problems.push(cannot_be_read(path, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => names.push(entry.file_name()),
                Err(error) => return self.problems.push(cannot_be_read(path, &error)),
            }
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return self.problem(
                    path,
                    "holds too many files",
                    "point at the directory that holds the policies",
                );
            }
        }
        names.sort_unstable();
        for name in names.iter().filter(|name| !name.to_string_lossy().starts_with('.')) {
            self.entry(&path.join(name), kind, depth);
        }
    }

    fn entry(&mut self, path: &Path, kind: Kind, depth: usize) {
        let is_wanted = match kind {
            Kind::Policies => is_yaml(path) && !is_test(path),
            Kind::Tests => is_test(path),
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path, kind, depth + 1),
            Ok(metadata) if is_wanted && !metadata.is_file() => {
                self.problem(
                    path,
                    "is neither file nor directory",
                    "remove it, or let its name start with a dot",
                );
            }
            Ok(_) if is_wanted => self.files.push(path.to_owned()),
            // A link that leads nowhere, or a file that went away: half a set is none.
            Err(error) if is_wanted => self.problems.push(cannot_be_read(path, &error)),
            Ok(_) | Err(_) => {}
        }
    }

    fn problem(&mut self, path: &Path, problem: &str, hint: &'static str) {
        let (code, path, problem) = (codes::UNREADABLE_FILE, shown(path), problem.into());
        self.problems.push(FileProblem { code, path, problem, hint: Some(hint) });
    }
}

/// The directory that a path stands in.
pub(in crate::runtime) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// Whether a file holds policy tests.
fn is_test(path: &Path) -> bool {
    is_yaml(path) && path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_test"))
}
