//! When policies are loaded: on file events, every so often, and when asked to; once per change.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::keys::{Context, Signals};
use super::policies::{self, Look, Ready};
use super::status::ReloadFailure;
use super::watch::{Inbox, Watch};
use super::writer::{Event, Loaded};

/// Who waits for a reload.
pub(super) type Reply = oneshot::Sender<Result<(), ReloadFailure>>;

/// Requests for a reload that were not taken up yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: Mutex<Vec<Reply>>,
    came: Notify,
}

/// The task that looks at the files. Its state survives a panic.
#[derive(Debug)]
pub(super) struct Loader {
    pub context: Arc<Context>,
    pub requests: Arc<Requests>,
    pub signals: watch::Sender<Signals>,
    inbox: Option<Arc<Inbox>>,
    watch: Arc<Mutex<Watch>>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// What was judged last, good or bad.
    digest: [u8; 32],
    key_directories: BTreeSet<PathBuf>,
}

impl Requests {
    /// Asks for a reload.
    pub fn ask(&self) -> oneshot::Receiver<Result<(), ReloadFailure>> {
        let (reply, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        self.came.notify_one();
        answer
    }

    fn take(&self) -> Vec<Reply> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Loader {
    pub fn new(
        context: Arc<Context>,
        requests: Arc<Requests>,
        signals: watch::Sender<Signals>,
        first: &Look,
        key_directories: BTreeSet<PathBuf>,
    ) -> Self {
        let mut watch = Watch::new(context.options.watch);
        watch.follow(&first.directories.union(&key_directories).cloned().collect());
        Self {
            inbox: watch.inbox(),
            watch: Arc::new(Mutex::new(watch)),
            known: Mutex::new(Known { digest: first.digest, key_directories }),
            context,
            requests,
            signals,
        }
    }

    /// Looks and loads for ever.
    pub async fn keep(self: Arc<Self>) {
        let mut interval = tokio::time::interval(self.context.options.interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = self.happens() => {}
                () = self.requests.came.notified() => {}
            }
            let replies = self.requests.take();
            if let Some(result) = self.load(!replies.is_empty()).await {
                let loaded = Event::Policy(Box::new(Loaded { result, replies }));
                if self.context.events.send(loaded).await.is_err() {
                    return;
                }
            }
            // A directory in which something happens all the time must not keep a core busy.
            tokio::time::sleep(self.context.options.pace.settle).await;
        }
    }

    /// Loads what is new; when asked to, what is not new too. `None`: nothing changed.
    async fn load(&self, is_forced: bool) -> Option<Result<Ready, ReloadFailure>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).digest;
        let look = match self.settled(known, is_forced).await {
            Ok(look) if look.digest == known && !is_forced => return None,
            Ok(look) => look,
            Err(failure) => return Some(Err(failure)),
        };
        let digest = look.digest;
        let context = Arc::clone(&self.context);
        let compile = move || policies::compiled(look.files, &context);
        let result = tokio::task::spawn_blocking(compile).await.unwrap_or(Err(ReloadFailure::Internal));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.digest = digest;
        if let Ok(ready) = &result {
            known.key_directories = policies::key_directories(&ready.policy);
        }
        Some(result)
    }

    /// Looks until two looks are equal and nobody is writing. What is known already needs no second look.
    async fn settled(&self, known: [u8; 32], is_forced: bool) -> Result<Look, ReloadFailure> {
        let pace = self.context.options.pace;
        let started = Instant::now();
        let mut before = self.look().await?;
        let mut same_since = started;
        while before.digest != known {
            tokio::time::sleep(pace.settle).await;
            let now = self.look().await?;
            let (is_writing, is_complete) = {
                let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
                (watch.is_writing(pace.patience), watch.is_complete())
            };
            if !now.is_same(&before) || is_writing {
                same_since = Instant::now();
            } else if is_complete || is_forced || now.files.is_err() || same_since.elapsed() > pace.rest {
                return Ok(now);
            }
            if started.elapsed() > 2 * pace.patience {
                return Err(ReloadFailure::Changing);
            }
            before = now;
        }
        Ok(before)
    }

    /// Waits for a file event.
    async fn happens(&self) {
        match &self.inbox {
            Some(inbox) => inbox.wait().await,
            None => std::future::pending().await,
        }
    }

    /// Looks once, and lets the issuers look at their files.
    async fn look(&self) -> Result<Look, ReloadFailure> {
        self.signals.send_modify(|signals| signals.files += 1);
        let (paths, watch) = (self.context.options.policies.clone(), Arc::clone(&self.watch));
        let key_directories =
            self.known.lock().unwrap_or_else(PoisonError::into_inner).key_directories.clone();
        let look = move || {
            let look = policies::look(&paths);
            let directories = look.directories.union(&key_directories).cloned().collect();
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.follow(&directories);
            watch.catch_up();
            look
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| ReloadFailure::Internal)
    }
}
