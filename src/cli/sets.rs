//! Which sets a command is about. Paths that are named are one set, as for `serve`. Where none is named, and what
//! is there cannot be one set, each directory that stands on its own is a set of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::progress::Progress;
use super::set::{Paths, Set};
use super::terminal::Terminal;

/// A set, and what to call it where there are several.
#[derive(Debug)]
pub struct Named {
    /// Its directory; `None`: it is the only one.
    pub name: Option<String>,
    /// The files.
    pub set: Set,
}

/// Reads the sets.
///
/// # Errors
/// As [`Set::read`].
pub fn read(paths: &Paths, terminal: &Terminal) -> anyhow::Result<Vec<Named>> {
    let usual = paths.or_usual();
    let whole = Set::read(&usual)?;
    if let ([directory], false) = (usual.as_slice(), paths.are_given())
        && let Some(apart) = apart(directory, &whole, terminal)?
    {
        terminal.tell(&format!(
            "{} below `{path}` are no set together, so each is taken on its own; `{path}` as an argument takes them as one\n",
            super::report::count(apart.len(), "directory", "directories"),
            path = directory.display(),
        ));
        return Ok(apart);
    }
    Ok(vec![Named { name: None, set: whole }])
}

/// The directories of one that holds no policy itself, where at least two of them can do without the others.
fn apart(directory: &Path, whole: &Set, terminal: &Terminal) -> anyhow::Result<Option<Vec<Named>>> {
    let _progress = Progress::waiting(terminal, "reading the policy");
    if whole.compile().is_ok() {
        return Ok(None);
    }
    let mut below: BTreeSet<PathBuf> = BTreeSet::new();
    for file in whole.policies() {
        let beneath = Path::new(&*file.name).strip_prefix(directory).ok();
        let mut parts = beneath.map(Path::components).into_iter().flatten();
        match (parts.next(), parts.next()) {
            (Some(first), Some(_)) => below.insert(directory.join(first)),
            _ => return Ok(None),
        };
    }
    let mut apart = Vec::new();
    for path in below {
        let set = Set::read(std::slice::from_ref(&path))?;
        apart.push(Named { name: Some(path.display().to_string()), set });
    }
    let stands_alone = apart.iter().filter(|named| named.set.compile().is_ok()).count();
    Ok((stands_alone > 1).then_some(apart))
}
