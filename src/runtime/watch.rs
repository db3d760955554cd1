//! File events: a hint to look, and the knowledge who is still writing. Events get lost, so nothing depends on
//! them but speed, and the wait for whoever writes slowly.
//!
//! They are read by whoever looks, after he has looked: what is read then includes every event that came before
//! the look. A thread that hears them on its own could be late, and half a file be taken for a whole one.

mod inbox;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::journal;
use inbox::Happened;

pub(super) use inbox::Inbox;

/// Most files that are remembered as being written.
const MOST_WRITING: usize = 1024;

/// Watches directories.
#[derive(Debug)]
pub(super) struct Watch {
    inbox: Option<Arc<Inbox>>,
    watched: HashMap<PathBuf, Watched>,
    /// Files, by watch and name, that were written and not closed since, and when they were written last.
    writing: HashMap<(i32, Vec<u8>), Instant>,
    /// Whether no policy was written or closed between the last two times of catching up.
    is_quiet: bool,
    /// When events were lost: nobody knows who is writing.
    lost: Option<Instant>,
    /// Directories that are there and cannot be watched.
    blind: HashSet<PathBuf>,
}

/// A directory as it was when the watch began: one that was replaced has to be watched anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Watched {
    watch: i32,
    identity: (u64, u64),
}

impl Watch {
    /// Without events it goes on by looking.
    pub fn new(is_wanted: bool) -> Self {
        let inbox = is_wanted.then(|| Inbox::new().map(Arc::new));
        let inbox = inbox.and_then(|made| made.inspect_err(|error| journal::not_watched("", error)).ok());
        Self {
            inbox,
            watched: HashMap::new(),
            writing: HashMap::new(),
            is_quiet: true,
            lost: None,
            blind: HashSet::new(),
        }
    }

    /// To wait for events with.
    pub fn inbox(&self) -> Option<Arc<Inbox>> {
        self.inbox.clone()
    }

    /// Watches these directories and no others. One that cannot be watched is tried again the next time.
    pub fn follow(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(inbox) = self.inbox.clone() else { return };
        let gone: Vec<PathBuf> =
            self.watched.keys().filter(|path| !directories.contains(*path)).cloned().collect();
        for path in gone {
            self.leave(&inbox, &path);
        }
        self.blind.retain(|path| directories.contains(path));
        for path in directories {
            let identity = identity(path);
            if self.watched.get(path).map(|watched| watched.identity) == identity {
                continue;
            }
            self.leave(&inbox, path);
            // What is not there is found again through its parent.
            let Some(identity) = identity else { continue };
            match inbox.watch(path) {
                Ok(watch) => {
                    self.watched.insert(path.clone(), Watched { watch, identity });
                    self.blind.remove(path);
                }
                Err(error) if self.blind.insert(path.clone()) => {
                    journal::not_watched(&path.display().to_string(), &error);
                }
                Err(_) => {}
            }
        }
    }

    /// Takes the events of everything that happened until now.
    pub fn catch_up(&mut self) {
        let Some(inbox) = self.inbox.clone() else { return };
        let mut happened = Vec::new();
        inbox.drain(|event| happened.push(event));
        self.is_quiet = true;
        for event in happened {
            match event {
                Happened::Written(_, name) | Happened::Done(_, name) if !may_be_policy(&name) => {}
                Happened::Written(watch, name) => {
                    self.is_quiet = false;
                    if self.writing.len() < MOST_WRITING {
                        self.writing.insert((watch, name), Instant::now());
                    }
                }
                Happened::Done(watch, name) => {
                    self.is_quiet = false;
                    self.writing.remove(&(watch, name));
                }
                Happened::Left(watch) => {
                    self.watched.retain(|_, watched| watched.watch != watch);
                    self.writing.retain(|(of, _), _| *of != watch);
                }
                Happened::Lost => self.lost = Some(Instant::now()),
            }
        }
    }

    /// Whether it is known who writes: events are had of all directories.
    pub fn is_complete(&self) -> bool {
        self.inbox.is_some() && self.blind.is_empty()
    }

    /// Whether somebody has written a policy and not closed it, or did either while it was being looked at:
    /// what was seen then may be half of it. Who has not written for so long has forgotten to close.
    pub fn is_writing(&mut self, patience: Duration) -> bool {
        self.writing.retain(|_, written| written.elapsed() < patience);
        let is_unknown = self.lost.is_some_and(|lost| lost.elapsed() < patience);
        !self.is_quiet || is_unknown || !self.writing.is_empty()
    }

    /// Two names of one directory share a watch.
    fn leave(&mut self, inbox: &Inbox, path: &Path) {
        let Some(Watched { watch, .. }) = self.watched.remove(path) else { return };
        if self.watched.values().all(|other| other.watch != watch) {
            inbox.unwatch(watch);
            self.writing.retain(|(of, _), _| *of != watch);
        }
    }
}

fn may_be_policy(name: &[u8]) -> bool {
    !name.starts_with(b".") && (name.ends_with(b".yaml") || name.ends_with(b".yml"))
}

/// Device and number of a directory.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_dir().then(|| (metadata.dev(), metadata.ino()))
}
