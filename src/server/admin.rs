//! Pages for probes, Prometheus and operators, over plain HTTP/1.1. Nothing on them changes anything.

mod explain;
mod host;
mod page;
mod probe;
mod status;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinSet;
use tracing::debug;

use super::listen::{Listener, Stream};
use crate::runtime::Runtime;
use crate::telemetry::{DecisionLog, Metrics};

/// Most connections of one listener. Past it the oldest goes: whoever holds many must not keep probes out.
const MOST_CONNECTIONS: usize = 64;

/// Longest that a connection may be silent, or take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest that a connection lives: a reader that stops reading holds a page in memory.
const LONGEST_LIFE: Duration = Duration::from_mins(2);

/// Most bytes of the head of a request.
const MOST_HEAD: usize = 16 * 1024;

/// Who may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever reaches the listener: metrics and probes (`listen.metrics`).
    Everyone,
    /// Operators: everything (`listen.admin`).
    Operators,
}

/// What the pages are made from.
#[derive(Debug, Clone)]
pub struct Pages {
    /// Who may look.
    pub audience: Audience,
    /// Policy, keys, readiness.
    pub runtime: Runtime,
    /// What is counted.
    pub metrics: Metrics,
    /// The last decisions.
    pub decisions: DecisionLog,
}

/// Serves the pages until it is dropped: probes are answered to the very end.
pub async fn serve(listener: Listener, pages: Pages) -> Infallible {
    let mut connections = JoinSet::new();
    let mut by_age = VecDeque::new();
    loop {
        let stream = listener.accept().await;
        while connections.try_join_next().is_some() {}
        by_age.retain(|connection: &tokio::task::AbortHandle| !connection.is_finished());
        if by_age.len() >= MOST_CONNECTIONS
            && let Some(oldest) = by_age.pop_front()
        {
            oldest.abort();
        }
        by_age.push_back(connections.spawn(talk(stream, pages.clone())));
    }
}

async fn talk(stream: Stream, pages: Pages) {
    let answer = service_fn(|request: Request<Incoming>| async {
        Ok::<Response<Full<Bytes>>, Infallible>(page::answer(&pages, request).await)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    match tokio::time::timeout(LONGEST_LIFE, connection).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => debug!(%error, "a reader of the admin pages broke off"),
    }
}
