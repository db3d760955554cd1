//! Every metric with its name, help and labels.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::Reload;
use super::family::{Count, Family};
use super::possible::WITHOUT_POLICY;
use crate::decision::{Denied, Outcome};
use crate::telemetry::BUILD;
use crate::token::cache::CacheStats;
use crate::token::settings::{IssuerSettings, KeySource};

/// From 5 µs: a decision is nearer to that than to a millisecond.
const DECISION_BUCKETS: &[f64] = &[
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.05, 0.1, 0.25, 1.0,
];

/// A fetch crosses a network.
const FETCH_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What may come of a fetch of keys.
const FETCH_RESULTS: [&str; 8] =
    ["ok", "configuration", "connection", "timeout", "redirect", "status", "too_large", "invalid"];

/// All metrics of a process.
pub(super) struct Families {
    registry: Registry,
    issuers: Mutex<Vec<Box<str>>>,
    pub decisions: Family<5>,
    pub verifications: Family<3>,
    pub condition_errors: Family<1>,
    pub upstream_values_dropped: Family<1>,
    pub key_fetches: Family<2>,
    pub keys_rejected: Family<2>,
    pub decision_duration: [Histogram; 3],
    pub request_duration: Histogram,
    pub in_flight: IntGauge,
    pub key_fetch_duration: HistogramVec,
    pub keys: IntGaugeVec,
    pub keys_last_success: GaugeVec,
    pub policy_reloads: IntCounterVec,
    pub policy_last_reload_successful: IntGauge,
    pub policy_last_reload_success: Gauge,
    pub policy_info: IntGaugeVec,
    pub policy_routes: IntGauge,
    pub tls_reloads: IntCounterVec,
    pub log_dropped: IntCounter,
    pub spans_dropped: IntCounter,
    pub clock_jumps: IntCounter,
    pub panics: IntCounter,
}

impl Families {
    pub fn new() -> Self {
        let of = Maker(Registry::new());
        let durations = of.histograms(
            "portcullis_decision_duration_seconds",
            "Time that a decision took, without what it waited for",
            &["outcome"],
            DECISION_BUCKETS,
        );
        let by_outcome = |outcome: Outcome| durations.with_label_values(&[outcome.label()]);
        let build = of.gauges("portcullis_build_info", "What was built", &["version", "revision", "rustc"]);
        build.with_label_values(&[BUILD.version, BUILD.revision, BUILD.rustc]).set(1);
        let families = Self {
            issuers: Mutex::default(),
            decisions: Family::new(
                "portcullis_decisions_total",
                "Decisions, and what shadow rules would have decided",
                ["outcome", "reason", "route", "guard", "mode"],
            ),
            verifications: Family::new(
                "portcullis_token_verifications_total",
                "Tokens that were verified and not found in the cache, and what came of it",
                ["issuer", "algorithm", "result"],
            ),
            decision_duration: [Outcome::Allow, Outcome::Deny, Outcome::Error].map(by_outcome),
            request_duration: of.histogram(
                "portcullis_request_duration_seconds",
                "Time from the receipt of a request to its answer",
                DECISION_BUCKETS,
            ),
            in_flight: of.gauge("portcullis_in_flight_requests", "Requests being worked on"),
            key_fetches: Family::new(
                "portcullis_key_fetches_total",
                "Fetches of the keys of an issuer",
                ["issuer", "result"],
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
            keys_rejected: Family::new(
                "portcullis_keys_rejected_total",
                "Keys left out of a set",
                ["issuer", "cause"],
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
            condition_errors: Family::new(
                "portcullis_condition_errors_total",
                "Conditions that could not be evaluated, and so did not open",
                ["route"],
            ),
            upstream_values_dropped: Family::new(
                "portcullis_upstream_values_dropped_total",
                "Values for the upstream that no header can carry",
                ["header"],
            ),
            tls_reloads: of.counters("portcullis_tls_reloads_total", "Readings of certificates", &["result"]),
            log_dropped: of.counter("portcullis_log_dropped_total", "Lines of the log that were dropped"),
            spans_dropped: of.counter("portcullis_spans_dropped_total", "Spans that were dropped"),
            clock_jumps: of.counter("portcullis_clock_jumps_total", "Jumps of the wall clock"),
            panics: of.counter("portcullis_panics_total", "Defects that were caught, each a 503"),
            registry: of.0.clone(),
        };
        for reload in Reload::ALL {
            families.policy_reloads.with_label_values(&[reload.label()]);
            families.tls_reloads.with_label_values(&[reload.label()]);
        }
        for reason in WITHOUT_POLICY {
            drop(families.without_policy(reason));
        }
        of.register_process();
        families
    }

    /// Decisions that no policy takes part in; each policy has the same series.
    pub fn without_policy(&self, reason: Denied) -> Count {
        self.decisions.count([reason.outcome().label(), reason.label(), "(none)", "", "enforce"])
    }

    /// The issuers from now on. What was counted of others is gone.
    pub fn issuers_are(&self, issuers: &[Arc<IssuerSettings>]) {
        let is_known = |name: &str| issuers.iter().any(|issuer| *issuer.name == *name);
        let mut known = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in known.iter().filter(|name| !is_known(name)) {
            // An error says that there was none.
            let _none = self.keys.remove_label_values(&[gone]);
            let _none = self.keys_last_success.remove_label_values(&[gone]);
            let _none = self.key_fetch_duration.remove_label_values(&[gone]);
        }
        self.verifications.retain(|[issuer, ..]| issuer.is_empty() || is_known(issuer));
        self.key_fetches.retain(|[issuer, _]| is_known(issuer));
        self.keys_rejected.retain(|[issuer, _]| is_known(issuer));
        for issuer in issuers {
            let is_fetched = |source: &KeySource| {
                matches!(source, KeySource::JwksUrl { .. } | KeySource::Discovery { .. })
            };
            if issuer.sources.iter().any(is_fetched) {
                for result in FETCH_RESULTS {
                    drop(self.key_fetches.count([&*issuer.name, result]));
                }
            }
            for algorithm in issuer.algorithms.iter().flatten() {
                self.verifications.count([&*issuer.name, algorithm.name(), "ok"]);
            }
        }
        *known = issuers.iter().map(|issuer| issuer.name.clone()).collect();
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
        self.decisions.render(&mut text);
        self.verifications.render(&mut text);
        self.condition_errors.render(&mut text);
        self.upstream_values_dropped.render(&mut text);
        self.key_fetches.render(&mut text);
        self.keys_rejected.render(&mut text);
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
