//! Every metric with its name, help and labels.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::Reload;
use crate::decision::{Decision, Outcome};
use crate::telemetry::BUILD;
use crate::token::cache::CacheStats;

/// From 5 µs: a decision is nearer to that than to a millisecond.
const DECISION_BUCKETS: &[f64] = &[
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 1.0,
];

/// A fetch crosses a network.
const FETCH_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// All metrics of a process.
pub(super) struct Families {
    registry: Registry,
    pub decisions: IntCounterVec,
    pub decision_duration: [Histogram; 3],
    pub request_duration: Histogram,
    pub in_flight: IntGauge,
    pub key_fetches: IntCounterVec,
    pub key_fetch_duration: HistogramVec,
    pub keys: IntGaugeVec,
    pub keys_last_success: GaugeVec,
    pub keys_rejected: IntCounterVec,
    pub policy_reloads: IntCounterVec,
    pub policy_last_reload_successful: IntGauge,
    pub policy_last_reload_success: Gauge,
    pub policy_info: IntGaugeVec,
    pub policy_routes: IntGauge,
    pub condition_errors: IntCounterVec,
    pub upstream_values_dropped: IntCounterVec,
    pub tls_reloads: IntCounterVec,
    pub log_dropped: IntCounter,
    pub clock_jumps: IntCounter,
    pub panics: IntCounter,
}

impl Families {
    pub fn new() -> Self {
        let of = Maker(Registry::new());
        let durations = of.histograms(
            "portcullis_decision_duration_seconds",
            "Time from the arrival of a request to its decision",
            &["outcome"],
            DECISION_BUCKETS,
        );
        let by_outcome = |outcome: Outcome| durations.with_label_values(&[outcome.label()]);
        let build = of.gauges("portcullis_build_info", "What was built", &["version", "revision", "rustc"]);
        build.with_label_values(&[BUILD.version, BUILD.revision, BUILD.rustc]).set(1);
        let families = Self {
            decisions: of.counters(
                "portcullis_decisions_total",
                "Decisions, and what shadow rules would have decided",
                &["outcome", "reason", "route", "guard", "mode"],
            ),
            decision_duration: [Outcome::Allow, Outcome::Deny, Outcome::Error].map(by_outcome),
            request_duration: of.histogram(
                "portcullis_request_duration_seconds",
                "Time from the receipt of a request to its answer",
                DECISION_BUCKETS,
            ),
            in_flight: of.gauge("portcullis_in_flight_requests", "Requests being worked on"),
            key_fetches: of.counters(
                "portcullis_key_fetches_total",
                "Fetches of the keys of an issuer",
                &["issuer", "result"],
            ),
            key_fetch_duration: of.histograms(
                "portcullis_key_fetch_duration_seconds",
                "How long fetches of keys took",
                &["issuer"],
                FETCH_BUCKETS,
            ),
            keys: of.gauges("portcullis_keys", "Keys in use", &["issuer"]),
            keys_last_success: of.float_gauges(
                "portcullis_keys_last_success_timestamp_seconds",
                "When keys were had last",
                &["issuer"],
            ),
            keys_rejected: of.counters(
                "portcullis_keys_rejected_total",
                "Keys left out of a set",
                &["issuer", "cause"],
            ),
            policy_reloads: of.counters(
                "portcullis_policy_reloads_total",
                "Policies that were taken, or were not",
                &["result"],
            ),
            policy_last_reload_successful: of.gauge(
                "portcullis_policy_last_reload_successful",
                "1 if the last policy was taken, 0 if the one before it stayed",
            ),
            policy_last_reload_success: of.float_gauge(
                "portcullis_policy_last_reload_success_timestamp_seconds",
                "When a policy was taken last",
            ),
            policy_info: of.gauges("portcullis_policy_info", "The live policy", &["revision"]),
            policy_routes: of.gauge("portcullis_policy_routes", "Routes of the live policy"),
            condition_errors: of.counters(
                "portcullis_condition_errors_total",
                "Conditions that could not be evaluated, and so did not open",
                &["route"],
            ),
            upstream_values_dropped: of.counters(
                "portcullis_upstream_values_dropped_total",
                "Values for the upstream that no header can carry",
                &["header"],
            ),
            tls_reloads: of.counters("portcullis_tls_reloads_total", "Readings of certificates", &["result"]),
            log_dropped: of.counter("portcullis_log_dropped_total", "Lines of the log that were dropped"),
            clock_jumps: of.counter("portcullis_clock_jumps_total", "Jumps of the wall clock"),
            panics: of.counter("portcullis_panics_total", "Defects that were caught, each a 503"),
            registry: of.0.clone(),
        };
        for reload in Reload::ALL {
            families.policy_reloads.with_label_values(&[reload.label()]);
            families.tls_reloads.with_label_values(&[reload.label()]);
        }
        of.register_process();
        families
    }

    pub fn decision_without_policy(&self, decision: &Decision, duration: Duration) {
        let outcome = decision.outcome();
        let labels = [outcome.label(), decision.reason_label(), "(none)", "", "enforce"];
        self.decisions.with_label_values(&labels).inc();
        self.observe(outcome, duration);
    }

    pub fn observe(&self, outcome: Outcome, duration: Duration) {
        let [allow, deny, error] = &self.decision_duration;
        let histogram = match outcome {
            Outcome::Allow => allow,
            Outcome::Deny => deny,
            Outcome::Error => error,
        };
        histogram.observe(duration.as_secs_f64());
    }

    pub fn render(&self, cache: CacheStats) -> String {
        let mut text = String::with_capacity(64 * 1024);
        // It fails only where a family has no name or no help, and each has.
        let _always_written = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text);
        let figures = [
            ("hits_total", "counter", "Verifications saved", cache.hits),
            ("misses_total", "counter", "Tokens that were not remembered", cache.misses),
            ("evictions_total", "counter", "Tokens pushed out or expired", cache.evictions),
            ("entries", "gauge", "Tokens remembered", cache.entries),
            ("bytes", "gauge", "Memory for them, as estimated", cache.bytes),
        ];
        for (name, kind, help, value) in figures {
            let name = format!("portcullis_token_cache_{name}");
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
        }
        text
    }
}

/// Makes metrics and registers them.
struct Maker(Registry);

#[expect(
    clippy::expect_used,
    reason = "names, labels and buckets are constants, and every test makes them all"
)]
impl Maker {
    fn register<C: Collector + Clone + 'static>(&self, metric: &C) -> C {
        self.0.register(Box::new(metric.clone())).expect("each name once");
        metric.clone()
    }

    /// `process_*`: processor time, memory, file descriptors.
    fn register_process(&self) {
        #[cfg(target_os = "linux")]
        self.0
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("each name once");
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(&IntCounter::new(name, help).expect("a name"))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(&IntCounterVec::new(Opts::new(name, help), labels).expect("a name"))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(&IntGauge::new(name, help).expect("a name"))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(&IntGaugeVec::new(Opts::new(name, help), labels).expect("a name"))
    }

    fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(&Gauge::new(name, help).expect("a name"))
    }

    fn float_gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(&GaugeVec::new(Opts::new(name, help), labels).expect("a name"))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(&Histogram::with_opts(options).expect("a name"))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(&HistogramVec::new(options, labels).expect("a name"))
    }
}
