//! Threads that decide. Each runs the connections it was given, on a runtime of its own: with one thread a
//! runtime writes the answers of many requests at once, where the work-stealing one writes each alone.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::forward_auth;
use super::grpc::{self, Phase};
use super::listen::{StdStream, Stream};
use super::tls::{self, Channel, Protocols, Tls};

/// How long a client may take to finish once others vouch for clients.
const FAREWELL: Duration = Duration::from_secs(2);

/// What connections need.
#[derive(Debug, Clone)]
pub(super) struct Services {
    pub grpc: Arc<grpc::Service>,
    /// If there is an HTTP listener.
    pub http: Option<Arc<forward_auth::Service>>,
    pub tls: Option<Arc<Tls>>,
}

/// The deciding threads. Clones are handles of the same ones.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    threads: Arc<[Thread]>,
    most_connections: usize,
    /// Closed when all threads have ended.
    ended: watch::Receiver<()>,
}

#[derive(Debug)]
struct Thread {
    connections: Arc<AtomicUsize>,
    streams: mpsc::UnboundedSender<(StdStream, Protocols)>,
}

/// One connection of a thread; counts until it is dropped.
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        count: usize,
        most_connections: usize,
        services: &Services,
        phase: &watch::Receiver<Phase>,
    ) -> io::Result<Self> {
        let (running, ended) = watch::channel(());
        let running = Arc::new(running);
        let threads = (0..count.max(1)).map(|number| {
            let connections = Arc::new(AtomicUsize::new(0));
            let (streams, given) = mpsc::unbounded_channel();
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let work = Work {
                given,
                connections: Arc::clone(&connections),
                services: services.clone(),
                phase: phase.clone(),
            };
            let running = Arc::clone(&running);
            thread::Builder::new().name(format!("decide-{number}")).spawn(move || {
                runtime.block_on(work.run());
                drop(running);
            })?;
            Ok(Thread { connections, streams })
        });
        Ok(Self { threads: threads.collect::<io::Result<_>>()?, most_connections, ended })
    }

    /// Gives a connection to the thread with the fewest; over the limit it is closed at once.
    pub(super) fn take(&self, stream: Stream, protocols: Protocols) {
        let count = |thread: &Thread| thread.connections.load(Ordering::Relaxed);
        if self.threads.iter().map(count).sum::<usize>() >= self.most_connections {
            warn!(limit = self.most_connections, "over `limits.connections`: a connection is closed");
            return;
        }
        let Some(thread) = self.threads.iter().min_by_key(|thread| count(thread)) else { return };
        match stream.into_std() {
            Ok(stream) => {
                thread.connections.fetch_add(1, Ordering::Relaxed);
                if thread.streams.send((stream, protocols)).is_err() {
                    thread.connections.fetch_sub(1, Ordering::Relaxed);
                }
            }
            Err(error) => warn!(%error, "a connection cannot be handed on"),
        }
    }

    /// Over when every thread has finished its connections. Nothing can be taken after the phase has changed.
    pub(super) async fn finish(mut self) {
        self.threads = Arc::default();
        while self.ended.changed().await.is_ok() {}
    }
}

/// What one thread does.
struct Work {
    given: mpsc::UnboundedReceiver<(StdStream, Protocols)>,
    connections: Arc<AtomicUsize>,
    services: Services,
    phase: watch::Receiver<Phase>,
}

impl Work {
    async fn run(mut self) {
        let tasks = TaskTracker::new();
        let mut phase = self.phase.clone();
        loop {
            let stream = tokio::select! {
                stream = self.given.recv() => stream,
                _ = phase.wait_for(|phase| *phase == Phase::Draining) => None,
            };
            let Some((stream, protocols)) = stream else { break };
            self.begin(&tasks, stream, protocols);
        }
        // What was handed over before the listeners stopped is still served.
        self.given.close();
        while let Some((stream, protocols)) = self.given.recv().await {
            self.begin(&tasks, stream, protocols);
        }
        tasks.close();
        tasks.wait().await;
    }

    fn begin(&self, tasks: &TaskTracker, stream: StdStream, protocols: Protocols) {
        let seat = Seat(Arc::clone(&self.connections));
        let stream = match Stream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => return warn!(%error, "a connection cannot be taken up"),
        };
        let (services, phase) = (self.services.clone(), self.phase.clone());
        tasks.spawn(async move {
            serve(stream, protocols, services, phase).await;
            drop(seat);
        });
    }
}

async fn serve(stream: Stream, protocols: Protocols, services: Services, phase: watch::Receiver<Phase>) {
    // Before the handshake: what changes during it is not missed.
    let changed = services.tls.as_ref().map(|tls| tls.authorities_changed());
    let channel = match tls::open(services.tls.as_deref(), stream, protocols).await {
        Ok(channel) => channel,
        Err(error) => return debug!(%error, "a client did not get in"),
    };
    match changed.filter(|_| channel.is_encrypted()) {
        None => speak(channel, protocols, services, phase).await,
        Some(changed) => {
            let (leaving, until) = watch::channel(Phase::Serving);
            tokio::select! {
                () = speak(channel, protocols, services, until) => {}
                () = leave(phase, changed, leaving) => debug!("a client is cut off, it has to show its certificate anew"),
            }
        }
    }
}

async fn speak(channel: Channel, protocols: Protocols, services: Services, phase: watch::Receiver<Phase>) {
    match (protocols, services.http) {
        (Protocols::Grpc, _) => grpc::serve(channel, services.grpc, phase).await,
        (Protocols::Http, Some(http)) => forward_auth::serve(channel, http, phase).await,
        (Protocols::Http, None) => {}
    }
}

/// Passes the phase on. When others vouch for clients than before, it tells the client to go, lets it finish,
/// and is over when it has had time enough: whoever is not trusted any more may be deaf on purpose.
async fn leave(
    mut phase: watch::Receiver<Phase>,
    changed: impl Future<Output = ()>,
    leaving: watch::Sender<Phase>,
) {
    let is_changed = tokio::select! {
        () = changed => true,
        _ = phase.wait_for(|phase| *phase == Phase::Draining) => false,
    };
    leaving.send_replace(Phase::Draining);
    if is_changed {
        return tokio::time::sleep(FAREWELL).await;
    }
    // The end of the program has a deadline of its own.
    std::future::pending::<()>().await;
}
