//! One connection of a proxy: HTTP/1.1, or HTTP/2 if its first bytes say so.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::{Limits, Service, exchange};
use crate::server::grpc::Phase;

/// Longest that a peer may take for its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// While we drain, longest that a peer may take for a request whose first bytes it has sent.
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// Longest that a connection lies idle between two requests, and longest that a request's head takes. More than
/// proxies keep an idle connection (Caddy 120 s, Traefik 90 s, nginx 60 s): whoever closes first must be the
/// proxy, or it sends a request into a connection that is just being closed.
const IDLE: Duration = Duration::from_mins(3);

/// Most headers of one request.
const HEADERS: usize = 256;

/// What a request's head may hold beside the names and values of its headers.
const REST_OF_HEAD: usize = 64 * 1024;

/// Serves one connection to its end.
pub async fn serve<T>(io: T, service: Arc<Service>, mut phase: watch::Receiver<Phase>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let builder = builder(&service.limits);
    let answering = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let busy = activity.begin();
        let (parts, _unread) = request.into_parts();
        let answer = exchange::answer(Arc::clone(&service), parts);
        async move {
            let answer = answer.await;
            drop(busy);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), answering));
    let mut look = pin!(tokio::time::sleep(FIRST_REQUEST));
    let mut is_watched = true;
    let mut is_draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection of a proxy ended early");
                }
                return;
            }
            () = look.as_mut(), if is_watched => {
                if is_draining && !activity.is_busy() || !activity.has_asked() {
                    return;
                }
                is_watched = is_draining;
                look.as_mut().reset(Instant::now() + LAST_REQUEST);
            }
            // Whoever could change the phase is gone: that is the end too.
            _ = phase.wait_for(|phase| *phase == Phase::Draining), if !is_draining => {
                is_draining = true;
                is_watched = true;
                connection.as_mut().graceful_shutdown();
                look.as_mut().reset(Instant::now() + LAST_REQUEST);
            }
        }
    }
}

/// What a connection is doing.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// A request that is being answered.
struct Busy(Arc<Activity>);

impl Activity {
    fn begin(self: &Arc<Self>) -> Busy {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn has_asked(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    fn is_busy(&self) -> bool {
        self.begun.load(Ordering::Relaxed) != self.ended.load(Ordering::Relaxed)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let head = limits.header_bytes.saturating_add(REST_OF_HEAD);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(HEADERS)
        .max_buf_size(head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.concurrent_streams)
        .max_pending_accept_reset_streams(limits.pending_resets)
        .max_local_error_reset_streams(Some(1024))
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}
