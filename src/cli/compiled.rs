//! The policy of a command that is about something else: what is wrong with it is shown, and the command ends.

use std::path::PathBuf;
use std::sync::Arc;

use super::progress::Progress;
use super::report::Report;
use super::set::Set;
use super::terminal::Terminal;
use super::trouble::Trouble;
use crate::policy::Policy;

/// Reads and compiles.
///
/// # Errors
/// Files that cannot be read, and a policy that is invalid; its problems are on standard error then.
pub fn policy(paths: &[PathBuf], terminal: &Terminal) -> anyhow::Result<Arc<Policy>> {
    let set = Set::read(paths)?;
    of(&set, terminal)
}

/// Compiles what was read.
///
/// # Errors
/// As [`policy`], for a policy that is invalid.
pub fn of(set: &Set, terminal: &Terminal) -> anyhow::Result<Arc<Policy>> {
    let progress = Progress::waiting(terminal, "reading the policy");
    let compiled = set.compile();
    drop(progress);
    compiled.map_err(|mut problems| {
        problems.sort();
        let report =
            Report { name: None, files: set.files(), problems: &problems.problems, is_strict: false };
        terminal.tell(&report.for_error(terminal));
        Trouble::new("the policy cannot be used", "mend what stands above; `portcullis check` shows it again")
            .into()
    })
}
