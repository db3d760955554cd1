//! One HTTP/2 connection.

mod keepalive;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use h2::server::{Builder, Connection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::buffered::Buffered;
use super::{Limits, Service, exchange};
use crate::server::judge::Arrival;
use keepalive::Keepalive;

/// Longest that a peer may take to say that it speaks HTTP/2.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Most bytes of the header list of one of our requests. Envoy sends a few hundred.
const HEADER_LIST_BYTES: u32 = 16 * 1024;

/// Most requests taken before the first of them is answered.
const MOST_AT_ONCE: usize = 256;

/// What the listeners are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Taking requests.
    Serving,
    /// Finishing what has been taken: connections are told to go away.
    Draining,
}

/// Something that goes on beside the connection.
type Waiting = FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Serves one connection to its end.
pub async fn serve<T>(io: T, service: Arc<Service>, mut phase: watch::Receiver<Phase>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    let opening =
        tokio::time::timeout(HANDSHAKE, builder(&service.limits).handshake::<_, Bytes>(Buffered::new(io)));
    let h2 = tokio::select! {
        opened = opening => match opened {
            Ok(Ok(h2)) => h2,
            Ok(Err(_)) | Err(_) => return,
        },
        _ = phase.wait_for(|phase| *phase == Phase::Draining) => return,
    };
    let mut draining = pin!(async move {
        // Whoever could change the phase is gone: that is the end too.
        let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
    });
    let mut peer = Peer::new(h2, service);
    poll_fn(|context| peer.poll(draining.as_mut(), context)).await;
}

fn builder(limits: &Limits) -> Builder {
    let message = u32::try_from(limits.message_bytes).unwrap_or(u32::MAX).min(1 << 24);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.concurrent_streams)
        // Clients of Envoy that cancel make it reset streams that we have not taken up. With h2's own bound
        // of 20 they could cut the connection that everybody's requests travel on.
        .max_pending_accept_reset_streams(limits.pending_resets)
        .max_local_error_reset_streams(Some(1024))
        .max_header_list_size(HEADER_LIST_BYTES)
        .initial_window_size(message.max(64 * 1024))
        .initial_connection_window_size(message.saturating_mul(2).max(1 << 21));
    builder
}

struct Peer<T> {
    h2: Connection<T, Bytes>,
    service: Arc<Service>,
    keepalive: Keepalive,
    /// Requests taken in this turn.
    taken: Vec<exchange::Taken>,
    /// Checks that wait for the rest of their message, or for keys.
    checks: Waiting,
    /// Health and reflection.
    others: Waiting,
    is_draining: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Peer<T> {
    fn new(mut h2: Connection<T, Bytes>, service: Arc<Service>) -> Self {
        Self {
            keepalive: Keepalive::new(h2.ping_pong(), &service.limits),
            h2,
            service,
            taken: Vec::new(),
            checks: Waiting::new(),
            others: Waiting::new(),
            is_draining: false,
        }
    }

    /// Takes what has come, answers it, and goes round again until there is nothing more to do: the second
    /// round writes all answers of the first at once.
    fn poll(
        &mut self,
        mut draining: Pin<&mut impl Future<Output = ()>>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            if !self.is_draining && draining.as_mut().poll(context).is_ready() {
                self.is_draining = true;
                self.h2.graceful_shutdown();
            }
            if self.keepalive.poll_dead(context).is_ready() {
                return Poll::Ready(());
            }
            if self.take(context).is_ready() {
                return Poll::Ready(());
            }
            let mut has_progressed = !self.taken.is_empty();
            if has_progressed {
                self.begin(context);
            }
            has_progressed |= finished_some(&mut self.checks, context);
            has_progressed |= finished_some(&mut self.others, context);
            if self.is_draining && self.checks.is_empty() && !self.others.is_empty() {
                // Whoever watches our health would keep the connection open for ever.
                self.others = Waiting::new();
                has_progressed = true;
            }
            if !has_progressed {
                return Poll::Pending;
            }
        }
    }

    /// Answers the requests of this turn, or keeps what has to wait.
    fn begin(&mut self, context: &mut Context<'_>) {
        // What came together arrived together.
        let arrival = Arrival::now();
        for taken in self.taken.drain(..) {
            match exchange::begin(&self.service, taken, &arrival, context) {
                exchange::Begun::Answered => {}
                exchange::Begun::Check(rest) => self.checks.push(rest),
                exchange::Begun::Other(rest) => self.others.push(rest),
            }
        }
    }

    /// Ready when the connection is over.
    fn take(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.taken.len() < MOST_AT_ONCE {
            match self.h2.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.taken.push(exchange::Taken { request, respond });
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }
}

fn finished_some(waiting: &mut Waiting, context: &mut Context<'_>) -> bool {
    let mut has_finished = false;
    while let Poll::Ready(Some(())) = Pin::new(&mut *waiting).poll_next(context) {
        has_finished = true;
    }
    has_finished
}
