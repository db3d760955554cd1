//! What Prometheus reads: linted by its own tool, scraped by the real one, and right.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::cases::{self, Run};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::Diagnostics;
use portcullis::policy::observe::Silent;
use portcullis::telemetry::Metrics;
use portcullis::time::UnixTime;
use serde_json::Value;

use crate::policy;

use crate::stand::{ISSUER, Stand, get, request};

const RULES: &str = r#"
defaults: { guard: auth }
routes:
  - { name: open, match: /open, allow: anyone, token: ignored }
  - { name: orders, match: "GET /orders/{id}", allow: authenticated }
  - { name: books, match: /books, mode: shadow, require: { scopes: [books] } }
forbid:
  - { name: private, match: /private/** }
"#;

/// Programs of the Debian package `prometheus`.
fn tool(name: &str) -> Command {
    Command::new(name)
}

#[test]
fn promtool_finds_nothing_to_complain_of() {
    let stand = Stand::new(RULES, &[]);
    let mut lint = tool("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool: `make system` installs it");
    lint.stdin.take().expect("its input").write_all(stand.scrape().as_bytes()).expect("the metrics");
    let output = lint.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// A Prometheus; dropped, it is gone.
struct Prometheus {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(target: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let config = format!(
            "scrape_configs:\n  - {{ job_name: portcullis, scrape_interval: 1s, static_configs: [{{ targets: ['{target}'] }}] }}\n"
        );
        std::fs::write(directory.path().join("prometheus.yml"), config).expect("its settings");
        let child = tool("prometheus")
            .current_dir(directory.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus: `make system` installs it");
        Self { child, port, _directory: directory }
    }

    /// The value of an expression of one element, as soon as there is one.
    fn ask(&self, expression: &str) -> String {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], self.port));
        let begin = Instant::now();
        let path = format!("/api/v1/query?query={expression}");
        loop {
            if std::net::TcpStream::connect(address).is_ok() {
                let answer: Value = serde_json::from_str(&get(address, &path).body).unwrap_or_default();
                if let Some(value) = answer["data"]["result"][0]["value"][1].as_str() {
                    return value.to_owned();
                }
            }
            assert!(begin.elapsed() < Duration::from_mins(1), "no answer to {expression}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_what_was_decided() {
    let stand = Stand::new(RULES, &[]);
    for _ in 0..3 {
        stand.check(request("GET", "/open", &[])).await;
    }
    let prometheus = Prometheus::scraping(&stand.metrics.to_string());
    // Spelled for a URL: {route="open",outcome="allow"} and so on.
    let selects = "portcullis_decisions_total%7Broute%3D%22open%22%2Coutcome%3D%22allow%22%7D";
    assert_eq!(prometheus.ask(selects), "3");
    assert_eq!(prometheus.ask("up"), "1");
    assert_eq!(prometheus.ask("portcullis_policy_routes"), "3");
    assert_eq!(prometheus.ask("portcullis_policy_last_reload_successful"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_is_counted_once_under_its_rule() {
    let stand = Stand::new(RULES, &[]);
    let token = format!("Bearer {}", stand.signer.token(ISSUER));
    let bearer = [("authorization", token.as_str())];
    let before = stand.scrape();
    for (target, headers) in [
        ("/open", &[][..]),
        ("/orders/1", &bearer[..]),
        ("/orders/2", &bearer[..]),
        ("/orders/3", &[][..]),
        ("/private/x", &[][..]),
        ("/nowhere", &[][..]),
        ("/a/../b", &[][..]),
        ("/books", &bearer[..]),
    ] {
        stand.check(request("GET", target, headers)).await;
    }
    let decisions = |labels: &str| stand.value(&format!("portcullis_decisions_total{labels}"));
    for (labels, wanted) in [
        (r#"{outcome="allow",reason="allowed",route="open",guard="",mode="enforce"}"#, 1.0),
        (r#"{outcome="allow",reason="allowed",route="orders",guard="auth",mode="enforce"}"#, 2.0),
        (r#"{outcome="deny",reason="missing_token",route="orders",guard="",mode="enforce"}"#, 1.0),
        (r#"{outcome="deny",reason="forbidden",route="(forbid) private",guard="",mode="enforce"}"#, 1.0),
        (r#"{outcome="deny",reason="no_route",route="(none)",guard="",mode="enforce"}"#, 2.0),
        (r#"{outcome="deny",reason="bad_path",route="(none)",guard="",mode="enforce"}"#, 1.0),
        (r#"{outcome="deny",reason="missing_scope",route="books",guard="",mode="shadow"}"#, 1.0),
    ] {
        assert_eq!(decisions(labels), Some(wanted), "{labels}");
    }
    let value = |series: &str| stand.value(series);
    assert_eq!(value(r#"portcullis_decision_duration_seconds_count{outcome="allow"}"#), Some(3.0));
    assert_eq!(value(r#"portcullis_decision_duration_seconds_count{outcome="deny"}"#), Some(5.0));
    assert_eq!(value("portcullis_request_duration_seconds_count"), Some(8.0));
    let verified = r#"portcullis_token_verifications_total{issuer="auth",algorithm="EdDSA",result="ok"}"#;
    assert_eq!(value(verified), Some(1.0), "the second one was known");
    assert_eq!(value("portcullis_token_cache_misses_total"), Some(1.0));
    assert!(value("portcullis_token_cache_hits_total") >= Some(1.0));
    assert_eq!(value("portcullis_in_flight_requests"), Some(0.0));
    assert_eq!(value("portcullis_panics_total"), Some(0.0));
    assert!(value("process_start_time_seconds") > Some(0.0));
    let series =
        |text: &str| text.lines().filter(|line| line.starts_with("portcullis_decisions_total{")).count();
    assert_eq!(series(&before), series(&stand.scrape()), "all series were there from the start");
}

#[test]
fn a_reload_shows_in_the_figures_and_takes_the_series_of_removed_routes_away() {
    let stand = Stand::new(RULES, &["--reload-interval", "100ms"]);
    let seconds = stand.value("portcullis_policy_last_reload_success_timestamp_seconds");
    stand.rewrite("routes: [");
    until(|| stand.value("portcullis_policy_last_reload_successful") == Some(0.0));
    assert_eq!(stand.value("portcullis_policy_last_reload_success_timestamp_seconds"), seconds);
    assert!(stand.value(r#"portcullis_policy_reloads_total{result="failure"}"#) >= Some(1.0));
    assert!(stand.scrape().contains(r#"route="orders""#), "the last good policy stays");
    stand.rewrite(&RULES.replace("name: orders", "name: invoices"));
    until(|| stand.value("portcullis_policy_last_reload_successful") == Some(1.0));
    let text = stand.scrape();
    assert!(!text.contains(r#"route="orders""#) && text.contains(r#"route="invoices""#));
    let revisions = text.lines().filter(|line| line.starts_with("portcullis_policy_info{")).count();
    assert_eq!(revisions, 1);
}

/// Every decision that the cases of the language come to, under any policy, has its series from the start.
#[test]
fn no_decision_is_unforeseen() {
    let names = |metrics: &Metrics| -> BTreeSet<String> {
        let text = metrics.render(None);
        let decisions = text.lines().filter(|line| line.starts_with("portcullis_decisions_total{"));
        decisions.filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name.to_owned()).collect()
    };
    let mut judged = 0;
    let mut unforeseen = Vec::new();
    for entry in std::fs::read_dir(policy::root()).expect("tests/cases") {
        let directory = entry.expect("an entry").path();
        if !directory.is_dir() || directory.ends_with("broken") {
            continue;
        }
        let (policies, tests) = policy::files(&directory);
        let policy = Arc::new(compile(&policies).expect("a policy"));
        let metrics = Metrics::new();
        let series = metrics.series(&policy);
        let foreseen = names(&metrics);
        let run = Run::new(policy, [7; 32], UnixTime::from_seconds(1_790_000_000));
        for file in tests {
            let suite = cases::read(&file, 0, &mut Diagnostics::default());
            for case in &suite.cases {
                let Ok(staged) = run.stage(&suite, case) else { continue };
                judged += 1;
                staged.judge(&mut Silent, |_, judgement, answer| {
                    series.record(judgement, answer, Duration::ZERO);
                });
            }
        }
        unforeseen.extend(
            names(&metrics).difference(&foreseen).map(|name| format!("{}: {name}", directory.display())),
        );
    }
    assert!(unforeseen.is_empty(), "{}", unforeseen.join("\n"));
    assert!(judged > 500, "only {judged} cases were judged");
}

/// Polls, with a bound that only a hanging machine reaches.
pub fn until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "it did not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}
