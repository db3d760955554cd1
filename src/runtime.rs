//! The live snapshot and its one writer: loads policies, watches files, fetches keys, publishes whole
//! snapshots. Readers never lock, and never wait but for a key id not seen before.

mod clock;
pub mod files;
mod journal;
mod keys;
mod live;
mod options;
mod policies;
mod reload;
mod status;
mod supervise;
mod watch;
mod writer;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch as signal};
use tokio_util::task::AbortOnDropHandle;

use crate::token::IssuerId;
use crate::token::cache::TokenCache;
use clock::JumpWatch;
use journal::Journal;
use keys::{Context, Roots, Signals, Store};
use reload::{Loader, Requests};
use writer::{Handles, Writer};

pub use clock::Clock;
pub use keys::local_keys;
pub use live::{Live, Published};
pub use options::{Options, Pace};
pub use status::{
    IssuerStatus, KeyStatus, Place, PolicyStatus, Problem, Readiness, RejectedStatus, ReloadFailure,
    ReloadStatus, SourceStatus, Status,
};

/// Most events that may wait for the writer; who has more waits himself.
const MOST_EVENTS: usize = 256;

/// A running runtime. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Runtime {
    published: Handles,
    requests: Arc<Requests>,
    _tasks: Arc<[AbortOnDropHandle<()>]>,
}

impl Runtime {
    /// Loads the policy, publishes it, and keeps policy and keys fresh from then on, with tasks on `handle`.
    /// Reads files on the calling thread; waits for no network. Everything ends when the last clone is
    /// dropped.
    ///
    /// # Errors
    /// A policy that cannot be read or does not compile: there is no earlier one to fall back to.
    pub fn start(options: Options, handle: &Handle) -> Result<Self, ReloadFailure> {
        // Timers are made on the way.
        let _entered = handle.enter();
        let (sender, events) = mpsc::channel(MOST_EVENTS);
        let (signals, signalled) = signal::channel(Signals::default());
        let journal = Journal::new(options.metrics.clone());
        let context = Arc::new(Context {
            events: sender,
            signals: signalled,
            roots: Arc::new(Roots::default()),
            store: options.key_cache.as_deref().map(Store::open),
            handle: handle.clone(),
            journal: journal.clone(),
            options,
        });
        let options = &context.options;
        let look = policies::settled(&options.policies, options.pace.settle)?;
        let ready = policies::compiled(look.files.clone(), &context)?;
        let published = Handles {
            live: Arc::default(),
            status: Arc::new(ArcSwap::from_pointee(Status::default())),
            readiness: signal::Sender::new(Readiness::default()),
        };
        let cache = Arc::new(TokenCache::new(options.cache));
        let mut writer = Writer::new(published.clone(), Arc::clone(&context), cache);
        let key_directories = policies::key_directories(&ready.policy);
        writer.first(ready);
        let requests = Arc::<Requests>::default();
        let clock = watch_clock(
            JumpWatch::new(options.clock.clone()),
            options.pace,
            signals.clone(),
            journal.clone(),
        );
        let loader =
            Loader::new(Arc::clone(&context), Arc::clone(&requests), signals, &look, key_directories);
        let loader = Arc::new(loader);
        let load = supervise::supervise("reload", journal.clone(), move || Arc::clone(&loader).keep());
        let tasks = [handle.spawn(writer.keep(events)), handle.spawn(load), handle.spawn(clock)]
            .map(AbortOnDropHandle::new);
        Ok(Self { published, requests, _tasks: Arc::new(tasks) })
    }

    /// What requests are judged by.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.published.live
    }

    /// As [`Published::want_keys`], of what is live.
    pub fn want_keys(&self, issuer: IssuerId) -> impl Future<Output = ()> + Send + use<> {
        let wanted = self.live().load().as_ref().map(|published| published.want_keys(issuer));
        async move {
            if let Some(wanted) = wanted {
                wanted.await;
            }
        }
    }

    /// Reads policy and key files again, changed or not (`SIGHUP`). It is over when what was read is live, or
    /// was refused. Dropping this cancels nothing.
    ///
    /// # Errors
    /// Why the policy was not taken; the one before stays.
    pub fn reload(&self) -> impl Future<Output = Result<(), ReloadFailure>> + Send + use<> {
        let answer = self.requests.ask();
        async move { answer.await.unwrap_or(Err(ReloadFailure::Internal)) }
    }

    /// Everything there is to say about policy and keys.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        self.published.status.load_full()
    }

    /// Whether requests should be sent here.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.published.readiness.borrow().clone()
    }

    /// The same, to be told of changes.
    #[must_use]
    pub fn subscribe(&self) -> signal::Receiver<Readiness> {
        self.published.readiness.subscribe()
    }

    /// From now on not ready, for good.
    pub fn drain(&self) {
        self.published.readiness.send_if_modified(Readiness::drain);
    }
}

/// Tells the issuers when the wall clock was set.
async fn watch_clock(mut watch: JumpWatch, pace: Pace, signals: signal::Sender<Signals>, journal: Journal) {
    loop {
        tokio::time::sleep(pace.clock_check).await;
        if let Some(by_ms) = watch.jump() {
            journal.clock_was_set(by_ms);
            signals.send_modify(|signals| signals.clock += 1);
        }
    }
}
