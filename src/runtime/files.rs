//! The files of a set: which ones, how they are read, and within which bounds. `serve`, `check` and `test`
//! all find the same files.

mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::policy::diagnostic::{SourceFile, codes};
use crate::policy::yaml::MOST_BYTES;

pub(super) use walk::parent;

/// Largest set, in bytes.
pub const MOST_SET_BYTES: u64 = 64 << 20;

/// Which files of a directory are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `*.yaml` and `*.yml`, but no tests.
    Policies,
    /// `*_test.yaml` and `*_test.yml`.
    Tests,
}

/// One path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct FileProblem {
    /// Its code among the diagnostics.
    pub code: &'static str,
    /// The path, as shown to people.
    pub path: Box<str>,
    /// What is wrong with it, as the rest of a sentence that begins with the path.
    pub problem: Box<str>,
    /// How to mend it.
    pub hint: Option<&'static str>,
}

/// Everything that kept a set from being read. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct FilesError(pub Vec<FileProblem>);

/// What one look at the paths found.
#[derive(Debug)]
pub(super) struct Look {
    /// The files in the order of their names, or why there are none.
    pub files: Result<Vec<SourceFile>, FilesError>,
    /// Directories whose changes matter.
    pub directories: Vec<PathBuf>,
    /// When the youngest file was written.
    pub youngest: Option<SystemTime>,
}

/// Reads the policy files below some paths: whole, or not at all.
///
/// Dot-files are left out, so that a `ConfigMap` mount (`..data`) is read once; a file reached on two ways is
/// read once too. A file named outright is taken whatever its ending, unless it is a test.
///
/// # Errors
/// Every path that is missing, unreadable, too large or not UTF-8; no file at all.
pub fn policies(paths: &[PathBuf]) -> Result<Vec<SourceFile>, FilesError> {
    look(paths, Kind::Policies).files
}

/// Reads the test files below some paths. There may be none.
///
/// # Errors
/// Every path that is missing, unreadable, too large or not UTF-8.
pub fn tests(paths: &[PathBuf]) -> Result<Vec<SourceFile>, FilesError> {
    look(paths, Kind::Tests).files
}

/// One look at the paths, with what a watcher must know.
pub(super) fn look(paths: &[PathBuf], kind: Kind) -> Look {
    let mut found = walk::Found::default();
    for path in paths {
        found.given(path, kind);
    }
    let mut reading = Reading { problems: found.problems, bytes: 0, youngest: None };
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for path in found.files {
        // The same file on two ways; where this fails, reading it says why.
        let is_new = std::fs::canonicalize(&path).map_or(true, |canonical| seen.insert(canonical));
        if is_new {
            files.extend(reading.file(&path));
        }
    }
    if files.is_empty() && reading.problems.is_empty() && kind == Kind::Policies {
        reading.problems.push(nothing_found(paths));
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let files = if reading.problems.is_empty() { Ok(files) } else { Err(FilesError(reading.problems)) };
    Look { files, directories: found.directories, youngest: reading.youngest }
}

fn nothing_found(paths: &[PathBuf]) -> FileProblem {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    FileProblem {
        code: codes::NO_FILES,
        path: shown.join("`, `").into(),
        problem: "holds no policy".into(),
        hint: Some("policies are `*.yaml` or `*.yml` files; `*_test.yaml` and dot-files are none"),
    }
}

/// Reads files one after the other within the bounds of a set.
struct Reading {
    problems: Vec<FileProblem>,
    bytes: u64,
    youngest: Option<SystemTime>,
}

impl Reading {
    fn file(&mut self, path: &Path) -> Option<SourceFile> {
        match self.text(path) {
            Ok(text) => Some(SourceFile { name: path.display().to_string().into(), text: text.into() }),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// The size is looked at before a byte is read, and again while reading: it may grow meanwhile.
    fn text(&mut self, path: &Path) -> Result<String, FileProblem> {
        let file = File::open(path).map_err(|error| cannot_be_read(path, &error))?;
        let metadata = file.metadata().map_err(|error| cannot_be_read(path, &error))?;
        let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
        let too_large = || FileProblem {
            code: codes::TOO_LARGE,
            path: shown(path),
            problem: "is over 8 MiB".into(),
            hint: Some("split it; a set may hold 64 MiB"),
        };
        if metadata.len() > most {
            return Err(too_large());
        }
        self.within_set(path, metadata.len())?;
        if let Ok(modified) = metadata.modified() {
            self.youngest = self.youngest.max(Some(modified));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.take(most + 1).read_to_end(&mut bytes).map_err(|error| cannot_be_read(path, &error))?;
        if bytes.len() > MOST_BYTES {
            return Err(too_large());
        }
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.within_set(path, length)?;
        self.bytes = self.bytes.saturating_add(length);
        String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))
    }

    fn within_set(&self, path: &Path, more: u64) -> Result<(), FileProblem> {
        if self.bytes.saturating_add(more) <= MOST_SET_BYTES {
            return Ok(());
        }
        Err(FileProblem {
            code: codes::TOO_LARGE,
            path: shown(path),
            problem: "makes the set larger than 64 MiB".into(),
            hint: Some("serve fewer policies in one process"),
        })
    }
}

fn shown(path: &Path) -> Box<str> {
    path.display().to_string().into()
}

fn cannot_be_read(path: &Path, error: &io::Error) -> FileProblem {
    let kind = error.kind();
    let hint = if kind == io::ErrorKind::NotFound && path.is_symlink() {
        Some("it is a link that leads nowhere")
    } else if kind == io::ErrorKind::NotFound {
        Some("is the path right, and the volume mounted?")
    } else {
        (kind == io::ErrorKind::PermissionDenied)
            .then_some("the user that runs Portcullis must be able to read it")
    };
    let problem = format!("cannot be read: {error}").into();
    FileProblem { code: codes::UNREADABLE_FILE, path: shown(path), problem, hint }
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> FileProblem {
    let good = error.utf8_error().valid_up_to();
    let line = 1 + error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count();
    FileProblem {
        code: codes::NOT_UTF8,
        path: shown(path),
        problem: format!("is not UTF-8, in line {line}").into(),
        hint: Some("save it as UTF-8"),
    }
}
