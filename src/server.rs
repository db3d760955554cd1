//! Listens, answers, and goes away in good order.
//!
//! Decisions are made on threads of their own, each with a runtime of one thread: connections are spread over
//! them and stay there. Everything else (admin pages, key fetching, reload, accepting) runs on another
//! runtime, so that neither a scrape nor an issuer can slow a decision.

pub mod admin;
pub mod forward_auth;
pub mod grpc;
pub mod in_flight;
pub mod judge;
pub mod listen;
mod shutdown;
pub mod tls;
pub mod wire;
mod workers;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::runtime::{Options, ReloadFailure, Runtime};
use crate::settings::Settings;
use crate::telemetry::{self, DecisionLog, Form, Lines, Metrics, Spans};

use admin::{Audience, Pages};
use grpc::{Limits, Others, Phase, Reporter, Service};
use in_flight::InFlight;
use judge::Judge;
use listen::{BindError, Listener, Passed, Unclaimed};
use tls::{Protocols, Tls, TlsError};
use wire::Unavailable;
use workers::{Services, Workers};

/// Longest that the last lines of the log may take, and the last spans.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A socket was passed to us that nobody would serve.
    #[error(transparent)]
    Unclaimed(#[from] Unclaimed),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The policy cannot be used.
    #[error(transparent)]
    Policy(#[from] ReloadFailure),
    /// The system gives us no threads, or no signals.
    #[error("the system refused what every program needs: {0}")]
    System(#[from] io::Error),
}

/// Serves until a signal ends it. Blocks.
///
/// # Errors
/// What keeps it from starting. Once started, it ends well.
pub fn run(settings: &Settings) -> Result<(), StartError> {
    let passed = Passed::from_environment();
    let metrics = Metrics::new();
    let lines = Lines::start(settings.log.queue, Box::new(io::stdout()), metrics.clone())?;
    let form = Form::of(settings.log.format, io::stdout().is_terminal());
    telemetry::trace(&settings.log, form, lines.clone());
    telemetry::tell_panics();
    let edge = Builder::new_multi_thread().worker_threads(2).thread_name("edge").enable_all().build()?;
    let spans = spans(settings, &metrics, edge.handle());
    let log = DecisionLog::new(&settings.log, form, lines.clone(), spans.clone());
    let ended = edge.block_on(serve(settings, passed, &metrics, &log, edge.handle()));
    if let Some(spans) = spans {
        let _collector_is_slow = edge.block_on(async { timeout(LAST_LINES, spans.flush()).await });
    }
    // A deaf peer or a hanging fetch does not keep us.
    edge.shutdown_background();
    lines.flush(LAST_LINES);
    ended
}

/// What keeps spans from being sent keeps nobody from being answered.
fn spans(settings: &Settings, metrics: &Metrics, edge: &Handle) -> Option<Spans> {
    let endpoint = settings.otlp_endpoint.as_deref()?;
    match Spans::start(endpoint, metrics.clone(), edge) {
        Ok(spans) => {
            info!(endpoint, "spans are sent");
            if let Some(protocol) = Spans::unspoken_protocol() {
                warn!(
                    protocol,
                    endpoint, "spans are sent as protobuf over HTTP, whatever the OTEL variables ask for"
                );
            }
            Some(spans)
        }
        Err(error) => {
            warn!(endpoint, %error, "no spans are sent");
            None
        }
    }
}

async fn serve(
    settings: &Settings,
    passed: Passed,
    metrics: &Metrics,
    log: &DecisionLog,
    edge: &Handle,
) -> Result<(), StartError> {
    let mut signals = shutdown::Signals::new()?;
    let tls = settings.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    let (listeners, pages) = listeners(settings, passed).await?;
    let runtime = Runtime::start(Options { metrics: metrics.clone(), ..Options::from(settings) }, edge)?;
    let judge = Arc::new(Judge::new(Arc::clone(runtime.live()), metrics.clone(), log.clone()));
    let (others, reporter) = Others::new().await;
    let unavailable = if settings.error_response { Unavailable::Error } else { Unavailable::Denied };
    let in_flight = InFlight::new(settings.limits.in_flight, metrics.clone());
    let http = settings.http.as_ref().map(|http| {
        Arc::new(forward_auth::Service {
            judge: Arc::clone(&judge),
            target: http.target.clone(),
            limits: forward_auth::Limits::from(settings),
            in_flight: Arc::clone(&in_flight),
        })
    });
    let grpc = Arc::new(Service::new(judge, others, unavailable, Limits::from(settings), in_flight));
    let (phase, serving) = watch::channel(Phase::Serving);
    let services = Services { grpc, http, tls: tls.clone() };
    let workers = Workers::start(settings.workers, settings.limits.connections, &services, &serving)?;
    if let Some(tls) = tls {
        tokio::spawn(tls.watch(settings.interval, metrics.clone()));
    }
    tokio::spawn(report_health(reporter, runtime.clone()));
    for (listener, audience) in pages {
        info!(address = %listener.local_address(), ?audience, "listening for HTTP");
        let pages =
            Pages { audience, runtime: runtime.clone(), metrics: metrics.clone(), decisions: log.clone() };
        tokio::spawn(admin::serve(listener, pages));
    }
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|(listener, protocols)| {
            let address = listener.local_address();
            match protocols {
                Protocols::Grpc => info!(%address, "listening for Envoy"),
                Protocols::Http => info!(%address, "listening for other proxies"),
            }
            tokio::spawn(accept(listener, protocols, workers.clone(), phase.subscribe()))
        })
        .collect();
    signals.wait_for_end(&runtime).await;
    info!(delay = ?settings.shutdown_delay, drain = ?settings.shutdown_drain, "shutting down");
    runtime.drain();
    tokio::select! {
        () = tokio::time::sleep(settings.shutdown_delay) => {}
        () = signals.again() => return Ok(()),
    }
    phase.send_replace(Phase::Draining);
    for listening in accepting {
        let _panicked = listening.await;
    }
    let finished = workers.finish();
    tokio::select! {
        () = finished => info!("all requests are finished"),
        () = tokio::time::sleep(settings.shutdown_drain) => warn!("the deadline of the drain is over, peers are cut off"),
        () = signals.again() => warn!("cut off by a second signal"),
    }
    Ok(())
}

/// Where decisions are asked for, and where pages are.
type Listeners = (Vec<(Listener, Protocols)>, Vec<(Listener, Audience)>);

async fn listeners(settings: &Settings, mut passed: Passed) -> Result<Listeners, StartError> {
    let mut checks = Vec::new();
    let grpc = settings.grpc.iter().map(|address| ("listen.grpc", address, Protocols::Grpc));
    let http = settings.http.iter().flat_map(|http| &http.addresses);
    for (setting, address, protocols) in
        grpc.chain(http.map(|address| ("listen.http", address, Protocols::Http)))
    {
        let opened = Listener::open(setting, address, &settings.socket, &mut passed).await?;
        checks.extend(opened.into_iter().map(|listener| (listener, protocols)));
    }
    let mut pages = Vec::new();
    let metrics = settings.metrics.iter().map(|address| ("listen.metrics", address, Audience::Everyone));
    let admin = settings.admin.iter().map(|address| ("listen.admin", address, Audience::Operators));
    for (setting, address, audience) in metrics.chain(admin) {
        let opened = Listener::open(setting, address, &settings.socket, &mut passed).await?;
        pages.extend(opened.into_iter().map(|listener| (listener, audience)));
    }
    passed.are_claimed()?;
    Ok((checks, pages))
}

/// Takes connections until we drain, and gives each to the thread with the fewest.
async fn accept(
    listener: Listener,
    protocols: Protocols,
    workers: Workers,
    mut phase: watch::Receiver<Phase>,
) {
    loop {
        tokio::select! {
            stream = listener.accept() => workers.take(stream, protocols),
            _ = phase.wait_for(|phase| *phase == Phase::Draining) => return,
        }
    }
}

/// Tells `grpc.health.v1` what the probes are told.
async fn report_health(reporter: Reporter, runtime: Runtime) {
    let mut readiness = runtime.subscribe();
    drop(runtime);
    loop {
        let ready = readiness.borrow_and_update().ready;
        reporter.set_ready(ready).await;
        if readiness.changed().await.is_err() {
            return reporter.set_ready(false).await;
        }
    }
}
