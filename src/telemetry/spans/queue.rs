//! Spans on their way out: a bounded queue, and one task that sends what has gathered.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter as _, SpanProcessor};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use crate::telemetry::Metrics;

/// Spans that may wait, as many as OpenTelemetry says.
const MOST_WAITING: usize = 2048;
/// Spans of one message.
const MOST_AT_ONCE: usize = 512;
/// How long spans gather before they are sent.
const GATHER: Duration = Duration::from_secs(1);
/// Longest that sending may take, what is tried again included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes spans that have ended.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Message>,
    metrics: Metrics,
}

#[derive(Debug)]
enum Message {
    Span(Box<SpanData>),
    Flush(oneshot::Sender<()>),
}

impl Queue {
    pub(super) fn start(
        mut exporter: SpanExporter,
        resource: &Resource,
        metrics: Metrics,
        edge: &Handle,
    ) -> Self {
        exporter.set_resource(resource);
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        edge.spawn(Carrier { receiver, exporter, metrics: metrics.clone(), is_heard: true }.run());
        Self { sender, metrics }
    }

    pub(super) async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).await.is_ok() {
            let _gone = is_done.await;
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _around: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.sender.try_send(Message::Span(Box::new(span))).is_err() {
            self.metrics.spans_dropped(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _patience: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Sends them.
struct Carrier {
    receiver: mpsc::Receiver<Message>,
    exporter: SpanExporter,
    metrics: Metrics,
    /// Whether the collector took what was sent last.
    is_heard: bool,
}

impl Carrier {
    async fn run(mut self) {
        while let Some(first) = self.receiver.recv().await {
            let until = Instant::now() + GATHER;
            let mut spans = Vec::new();
            let mut next = Some(first);
            let mut flushed = None;
            while let Some(message) = next {
                match message {
                    Message::Span(span) => spans.push(*span),
                    Message::Flush(done) => flushed = Some(done),
                }
                if flushed.is_some() || spans.len() >= MOST_AT_ONCE {
                    break;
                }
                next = timeout_at(until, self.receiver.recv()).await.ok().flatten();
            }
            if !spans.is_empty() {
                self.send(spans).await;
            }
            if let Some(done) = flushed {
                let _nobody_waits = done.send(());
            }
        }
    }

    async fn send(&mut self, spans: Vec<SpanData>) {
        let count = spans.len();
        let problem = match timeout(PATIENCE, self.exporter.export(spans)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_elapsed) => Some("it does not answer in time".to_owned()),
        };
        let was_heard = std::mem::replace(&mut self.is_heard, problem.is_none());
        match problem {
            None if was_heard => {}
            None => info!("the trace collector takes spans again"),
            Some(_) if !was_heard => self.metrics.spans_dropped(count),
            Some(problem) => {
                self.metrics.spans_dropped(count);
                warn!(problem, "the trace collector takes no spans, they are dropped and counted");
            }
        }
    }
}
