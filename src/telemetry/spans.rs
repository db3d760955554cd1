//! Traces: one span for each decision, beside those of the proxy that asked. Spans leave through a bounded
//! queue over OTLP; where the collector is slow or gone they are dropped and counted, and no decision waits.

mod client;
mod parent;
mod queue;

use std::time::SystemTime;

use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

use crate::decision::Outcome;

use super::decisions::{Entry, fields};
use super::{BUILD, Metrics};

pub use parent::TraceParent;
use queue::Queue;

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// The roots of the system cannot be read.
    #[error("the certificates of the system cannot be read: {0}")]
    Roots(#[from] std::io::Error),
    /// The exporter refuses what it was told, most likely in a variable.
    #[error("{0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Makes spans of decisions. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Spans {
    tracer: SdkTracer,
    queue: Queue,
}

impl Spans {
    /// Sends spans to `endpoint` and as the `OTEL_*` variables say, from a task of `edge`.
    ///
    /// # Errors
    /// The exporter cannot be made.
    pub fn start(endpoint: &str, metrics: Metrics, edge: &Handle) -> Result<Self, SpansError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client::Client::new(endpoint)?)
            .with_endpoint(endpoint)
            .build()?;
        let queue = Queue::start(exporter, &resource(), metrics, edge);
        let provider = SdkTracerProvider::builder().with_span_processor(queue.clone()).build();
        Ok(Self { tracer: provider.tracer("portcullis"), queue })
    }

    /// Makes the span of a decision, if its trace is sampled, and tells the id of the trace.
    pub(super) fn record(&self, entry: &Entry<'_>) -> Option<TraceId> {
        let of_request = || entry.incoming.and_then(TraceParent::of_request);
        let parent = entry.parent.cloned().or_else(of_request);
        let around = parent
            .map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent.context()));
        let ended = SystemTime::now();
        let builder = self
            .tracer
            .span_builder("portcullis check")
            .with_kind(SpanKind::Server)
            .with_start_time(ended.checked_sub(entry.duration).unwrap_or(ended))
            .with_attributes(attributes(entry));
        let mut span = builder.start_with_context(&self.tracer, &around);
        if entry.judgement.decision.outcome() == Outcome::Error {
            span.set_status(Status::error(entry.answer.metadata().reason));
        }
        let trace = span.span_context().trace_id();
        span.end_with_timestamp(ended);
        (trace != TraceId::INVALID).then_some(trace)
    }

    /// A protocol that the `OTEL_*` variables ask for and that is not spoken here: spans go as protobuf over HTTP.
    #[must_use]
    pub fn unspoken_protocol() -> Option<String> {
        let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        let asked = variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            .or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"))?;
        (!asked.eq_ignore_ascii_case("http/protobuf")).then_some(asked)
    }

    /// Waits until everything so far is sent, or given up.
    pub async fn flush(&self) {
        self.queue.flush().await;
    }
}

/// Who sends: named by `OTEL_SERVICE_NAME`, described by `OTEL_RESOURCE_ATTRIBUTES`.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", BUILD.version);
    let told = Resource::builder().with_attribute(version.clone()).build();
    let name = told.get(&Key::from_static_str("service.name"));
    let is_named = name.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if is_named {
        told
    } else {
        Resource::builder().with_attribute(version).with_service_name("portcullis").build()
    }
}

/// What the decision log shows as well, without the caller: a trace is read by more people.
fn attributes(entry: &Entry<'_>) -> Vec<KeyValue> {
    let metadata = entry.answer.metadata();
    let mut attributes = vec![
        KeyValue::new("portcullis.decision_id", metadata.decision_id.to_owned()),
        KeyValue::new("portcullis.outcome", metadata.outcome),
        KeyValue::new("portcullis.reason", metadata.reason),
        KeyValue::new("portcullis.route", metadata.route.as_ref().to_owned()),
        KeyValue::new("http.response.status_code", i64::from(fields::status(entry.answer))),
    ];
    let mut add = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            attributes.push(KeyValue::new(name, value.to_owned()));
        }
    };
    add("portcullis.guard", Some(metadata.guard));
    add("portcullis.issuer", Some(metadata.issuer));
    add("portcullis.policy_revision", entry.policy.map(|policy| &*policy.revision));
    if let Some(incoming) = entry.incoming {
        add("http.request.method", Some(fields::method(incoming)));
        add("server.address", fields::host(incoming));
        add("url.path", fields::path(incoming));
    }
    if let Some(rule) = entry.policy.and_then(|policy| policy.rule(entry.judgement.decision.rule())) {
        attributes.push(KeyValue::new("portcullis.rule", format!("{}:{}", rule.file, rule.line)));
    }
    attributes
}

#[cfg(test)]
mod tests;
