//! `--watch`: again whenever a file changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::Arguments;
use crate::cases::Wanted;
use crate::cli::Outcome;
use crate::cli::attached;
use crate::cli::input;
use crate::cli::set::Set;
use crate::cli::terminal::Terminal;
use crate::cli::trouble::{self, Trouble};
use crate::policy::diagnostic::Diagnostics;

/// How often is looked. The files of a policy set are read in a few milliseconds.
const INTERVAL: Duration = Duration::from_millis(300);

/// What is there: every file of the set, and those that its tests name.
#[derive(Debug, PartialEq)]
enum Sight {
    Files(BTreeMap<PathBuf, Vec<u8>>),
    Unreadable(String),
}

/// Goes on until the process is interrupted.
///
/// # Errors
/// Standard input, which cannot be looked at again; output that fails.
pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let paths = arguments.paths.or_usual();
    if paths.iter().any(|path| path.as_os_str() == "-") {
        let hint = "name a file or a directory";
        return Err(Trouble::new("standard input cannot be watched", hint).into());
    }
    loop {
        // Looked at before the tests run: what changes meanwhile is seen afterwards.
        let before = look(&paths);
        if let Err(error) = super::once(arguments, terminal) {
            trouble::show(&error, terminal);
        }
        terminal.tell("waiting for a change; Ctrl-C ends\n");
        while look(&paths) == before {
            thread::sleep(INTERVAL);
        }
        terminal.print("\n")?;
    }
}

fn look(paths: &[PathBuf]) -> Sight {
    let set = match Set::read(paths) {
        Ok(set) => set,
        Err(error) => return Sight::Unreadable(format!("{error:#}")),
    };
    let mut files = BTreeMap::new();
    for file in set.files() {
        files.insert(PathBuf::from(&*file.name), file.text.as_bytes().to_vec());
    }
    for (file, suite) in set.suites(None, &mut Diagnostics::default()) {
        for wanted in suite.wanted() {
            let (Wanted::CheckRequest(path) | Wanted::Keys(path)) = wanted;
            let path = attached::place(file, &path.value);
            let bytes = input::file(&path).unwrap_or_default();
            files.insert(path, bytes);
        }
    }
    Sight::Files(files)
}
