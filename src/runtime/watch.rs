//! File events: a hint to look, and a warning that somebody is still writing. Events get lost, so nothing
//! depends on them but speed.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::journal;

/// Most files that are remembered as being written.
const MOST_WRITING: usize = 1024;

/// Watches directories.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Directories as they were when the watch began: one that was replaced has to be watched anew.
    watched: HashMap<PathBuf, (u64, u64)>,
    /// Directories whose trouble was told.
    told: BTreeSet<PathBuf>,
    activity: Arc<Activity>,
}

/// What happens in the directories.
#[derive(Debug, Default)]
pub(super) struct Activity {
    changed: Notify,
    /// Files that were written and not closed since, and when they were written last.
    writing: Mutex<HashMap<PathBuf, Instant>>,
    /// Whether all directories are watched.
    is_complete: AtomicBool,
}

impl Watch {
    /// Without events it goes on by looking.
    pub fn new(activity: &Arc<Activity>, is_wanted: bool) -> Self {
        let heard = Arc::clone(activity);
        let watcher = is_wanted.then(|| {
            notify::recommended_watcher(move |event: notify::Result<Event>| match event {
                Ok(event) => heard.heard(&event),
                Err(_) => heard.changed.notify_one(),
            })
        });
        let watcher = watcher
            .and_then(|made| made.inspect_err(|error| journal::not_watched("", &error.to_string())).ok());
        Self { watcher, watched: HashMap::new(), told: BTreeSet::new(), activity: Arc::clone(activity) }
    }

    /// Watches these directories and no others. One that cannot be watched is tried again the next time.
    pub fn follow(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        let is_gone = |path: &PathBuf| !directories.contains(path);
        for path in self.watched.keys().filter(|path| is_gone(path)).cloned().collect::<Vec<_>>() {
            let _ = watcher.unwatch(&path);
            self.watched.remove(&path);
        }
        for path in directories {
            let identity = identity(path);
            if identity.is_some() && self.watched.get(path) == identity.as_ref() {
                continue;
            }
            if self.watched.remove(path).is_some() {
                let _ = watcher.unwatch(path);
            }
            // What is not there is found again through its parent.
            let Some(identity) = identity else { continue };
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path.clone(), identity);
                    self.told.remove(path);
                }
                Err(error) if self.told.insert(path.clone()) => {
                    journal::not_watched(&path.display().to_string(), &error.to_string());
                }
                Err(_) => {}
            }
        }
        self.told.retain(|path| directories.contains(path));
        self.activity.is_complete.store(self.told.is_empty(), Ordering::Relaxed);
    }
}

impl Activity {
    /// Waits for something to happen.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether it is known who writes: events are had of all directories.
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Relaxed)
    }

    /// Whether somebody has written a file and not closed it. After so long without a change he has forgotten.
    pub fn is_writing(&self, patience: Duration) -> bool {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.retain(|_, written| written.elapsed() < patience);
        !writing.is_empty()
    }

    fn heard(&self, event: &Event) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = |paths: &[PathBuf]| {
            for path in paths {
                writing.remove(path);
            }
        };
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) => {
                for path in event.paths.iter().filter(|path| may_be_policy(path)) {
                    if writing.len() < MOST_WRITING {
                        writing.insert(path.clone(), Instant::now());
                    }
                }
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(_)) => done(&event.paths),
            // We look at files ourselves: to be told of that would never end.
            EventKind::Access(_) => return,
            EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => {}
        }
        drop(writing);
        self.changed.notify_one();
    }
}

fn may_be_policy(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"))
}

/// Device and number of a directory.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata.is_dir().then(|| (metadata.dev(), metadata.ino()))
}
