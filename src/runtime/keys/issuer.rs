//! The task that owns an issuer's keys: reads, fetches, and answers who waits. Requests only leave a wish, so
//! one that is cancelled cancels nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::runtime::Options;
use crate::runtime::journal::Journal;
use crate::runtime::supervise::supervise;
use crate::runtime::writer::Event;
use crate::token::settings::IssuerSettings;

use super::failure::Failure;
use super::fetch::Fetched;
use super::local::{self, LocalError, Reading};
use super::roots::Roots;
use super::source::{Kind, Source};
use super::store::Store;
use super::wanted::Wanted;

/// With nothing to fetch, a day is as good as never.
const NEVER: Duration = Duration::from_hours(24);

/// What all issuers share.
#[derive(Debug)]
pub(in crate::runtime) struct Context {
    pub events: mpsc::Sender<Event>,
    pub signals: watch::Receiver<Signals>,
    pub roots: Arc<Roots>,
    pub store: Option<Store>,
    pub options: Options,
    pub journal: Journal,
    pub handle: Handle,
}

/// Counts what concerns every issuer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::runtime) struct Signals {
    /// Files may have changed.
    pub files: u64,
    /// The wall clock was set.
    pub clock: u64,
}

/// An issuer whose keys are kept.
#[derive(Debug)]
pub(in crate::runtime) struct Issuer {
    /// Tells its reports from those of another issuer that had its place before.
    pub slot: u64,
    pub settings: Arc<IssuerSettings>,
    pub wanted: Wanted,
    pub context: Arc<Context>,
    #[cfg(test)]
    pub panics: std::sync::atomic::AtomicU32,
}

enum Done {
    Fetched(usize, Result<Fetched, Failure>),
    Looked(usize, Result<Reading, LocalError>),
    Stored,
}

type Work = FuturesUnordered<BoxFuture<'static, Done>>;

impl Issuer {
    /// Keeps the keys until the handle is dropped, whatever happens on the way.
    pub fn start(self: &Arc<Self>) -> AbortOnDropHandle<()> {
        let issuer = Arc::clone(self);
        let kept = supervise("keys", self.context.journal.clone(), move || Arc::clone(&issuer).keep());
        AbortOnDropHandle::new(self.context.handle.spawn(kept))
    }

    async fn keep(self: Arc<Self>) {
        let mut signals = self.context.signals.clone();
        let mut heard = *signals.borrow_and_update();
        let now = Instant::now();
        let mut sources: Vec<Source> =
            self.settings.sources.iter().map(|source| Source::new(source, now)).collect();
        let mut work = Work::new();
        let mut answered = self.wanted.last_answer();
        let mut is_waited_for = false;
        loop {
            #[cfg(test)]
            self.panic_if_asked();
            self.fetch_what_is_due(&mut sources, &mut work);
            let is_fetching = sources.iter_mut().any(|source| source.is_busy && source.remote().is_some());
            if is_waited_for && !is_fetching {
                is_waited_for = false;
                answered = self.wanted.count();
                let answer = Event::Answer(self.wanted.clone(), answered);
                if self.context.events.send(answer).await.is_err() {
                    return;
                }
            }
            let next = next_due(&mut sources);
            tokio::select! {
                Some(done) = work.next() => {
                    if !self.done(done, &mut sources, &mut work).await {
                        return;
                    }
                }
                () = self.wanted.asked_after(answered), if !is_waited_for => {
                    is_waited_for = true;
                    let now = Instant::now();
                    for source in sources.iter_mut().filter(|source| !source.is_busy).filter_map(Source::remote) {
                        source.hurry(&self.settings.refresh, now);
                    }
                }
                changed = signals.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let now = *signals.borrow_and_update();
                    self.heard(heard, now, &mut sources, &work);
                    heard = now;
                }
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    fn fetch_what_is_due(&self, sources: &mut [Source], work: &mut Work) {
        let now = Instant::now();
        for (index, source) in sources.iter_mut().enumerate().filter(|(_, source)| !source.is_busy) {
            let Some(fetching) = source.remote().filter(|fetching| fetching.due <= now) else { continue };
            let known = fetching.begin(now, self.context.options.clock.now());
            let remote = fetching.remote.clone();
            source.is_busy = true;
            let fetch = remote.fetch(Arc::clone(&self.context.roots), Arc::clone(&self.settings), known);
            work.push(Box::pin(async move { Done::Fetched(index, fetch.await) }));
        }
    }

    fn heard(&self, before: Signals, now: Signals, sources: &mut [Source], work: &Work) {
        for (index, source) in sources.iter_mut().enumerate() {
            match &mut source.kind {
                Kind::File(file) if before.files != now.files => {
                    file.again = source.is_busy;
                    if !std::mem::replace(&mut source.is_busy, true) {
                        work.push(self.look(index));
                    }
                }
                Kind::Remote(fetching) if before.clock != now.clock => fetching.clock_was_set(Instant::now()),
                Kind::Fixed | Kind::File(_) | Kind::Remote(_) => {}
            }
        }
    }

    /// Looks at a file on a thread that may wait.
    fn look(&self, index: usize) -> BoxFuture<'static, Done> {
        let (settings, settle) = (Arc::clone(&self.settings), self.context.options.pace.settle);
        let read = move || {
            let source = settings.sources.get(index)?;
            local::read(&settings, source, settle)
        };
        Box::pin(async move {
            let looked = tokio::task::spawn_blocking(read).await.ok().flatten();
            Done::Looked(index, looked.unwrap_or(Err(LocalError::NotRead)))
        })
    }

    /// Takes what came of some work; `false` once nobody listens.
    async fn done(&self, done: Done, sources: &mut [Source], work: &mut Work) -> bool {
        let (index, report) = match done {
            Done::Stored => return true,
            Done::Fetched(index, fetched) => {
                let Some(source) = sources.get_mut(index) else { return true };
                source.is_busy = false;
                let body = fetched.as_ref().ok().map(|fetched| fetched.body.clone());
                let Some(fetching) = source.remote() else { return true };
                let report =
                    fetching.end(fetched, self.settings.refresh.interval, &self.context.options.pace);
                let fetched_at = report.result.as_ref().ok().and_then(|good| good.fetched_at);
                if let (Some(store), Some(body), Some(at)) = (&self.context.store, body, fetched_at) {
                    let (store, settings, source) =
                        (store.clone(), Arc::clone(&self.settings), source.written.clone());
                    let save = move || store.save(&settings, &source, &body, at);
                    let saved = tokio::task::spawn_blocking(save);
                    work.push(Box::pin(async move {
                        let _ = saved.await;
                        Done::Stored
                    }));
                }
                (index, report)
            }
            Done::Looked(index, looked) => {
                let Some(source) = sources.get_mut(index) else { return true };
                source.is_busy = false;
                let Kind::File(file) = &mut source.kind else { return true };
                if std::mem::take(&mut file.again) {
                    source.is_busy = true;
                    work.push(self.look(index));
                }
                let Some(report) = file.looked(looked) else { return true };
                (index, report)
            }
        };
        let event = Event::Source { slot: self.slot, source: index, report };
        self.context.events.send(event).await.is_ok()
    }

    #[cfg(test)]
    fn panic_if_asked(&self) {
        use std::sync::atomic::Ordering;
        let left = self.panics.load(Ordering::SeqCst);
        if left > 0 {
            self.panics.store(left - 1, Ordering::SeqCst);
            panic!("asked to");
        }
    }
}

fn next_due(sources: &mut [Source]) -> Instant {
    let idle = sources.iter_mut().filter(|source| !source.is_busy).filter_map(Source::remote);
    idle.map(|fetching| fetching.due).min().unwrap_or_else(|| Instant::now() + NEVER)
}

#[cfg(test)]
mod tests;
