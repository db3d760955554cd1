//! When policies are loaded: on file events, every so often, and when asked to; once per change.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::keys::{Context, Signals};
use super::policies::{self, Look, Ready};
use super::status::ReloadFailure;
use super::watch::{Activity, Watch};
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
    activity: Arc<Activity>,
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
        let activity = Arc::<Activity>::default();
        let mut watch = Watch::new(&activity, context.options.watch);
        watch.follow(&first.directories.union(&key_directories).cloned().collect());
        Self {
            watch: Arc::new(Mutex::new(watch)),
            known: Mutex::new(Known { digest: first.digest, key_directories }),
            context,
            requests,
            signals,
            activity,
        }
    }

    /// Looks and loads for ever.
    pub async fn keep(self: Arc<Self>) {
        let mut interval = tokio::time::interval(self.context.options.interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = self.activity.changed() => {}
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
        let until = Instant::now() + 2 * pace.patience;
        let mut before = self.look().await?;
        while before.digest != known {
            tokio::time::sleep(pace.settle).await;
            let now = self.look().await?;
            let is_settled = now.digest == before.digest && !self.activity.is_writing(pace.patience);
            // Without events nobody knows who is writing: then the files have to be left alone for a second,
            // unless somebody says that he is done.
            let is_known = self.activity.is_complete() || is_forced;
            if is_settled && (is_known || now.is_old || now.files.is_err()) {
                return Ok(now);
            }
            if Instant::now() > until {
                // Files from the future never grow old.
                return if is_settled { Ok(now) } else { Err(ReloadFailure::Changing) };
            }
            before = now;
        }
        Ok(before)
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
            watch.lock().unwrap_or_else(PoisonError::into_inner).follow(&directories);
            look
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| ReloadFailure::Internal)
    }
}
