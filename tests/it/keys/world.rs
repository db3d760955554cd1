//! A policy on disk, a runtime, and requests that are judged as the server judges them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis::decision::Decision;
use portcullis::engine;
use portcullis::request::{Headers, Incoming, Source};
use portcullis::runtime::{Clock, IssuerStatus, Options, Pace, Runtime};
use portcullis::time::UnixTime;
use portcullis::token::{Attempt, NeedsKeys};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::figures;

/// No test waits that long for something that happens.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory, a runtime that serves it, and its clock.
pub struct World {
    pub directory: TempDir,
    pub runtime: Runtime,
    pub clock: Arc<Hand>,
    asked: AtomicU64,
}

/// Turns the clock.
#[derive(Default)]
pub struct Hand(AtomicI64);

impl Hand {
    /// Sets the clock forward, or back.
    pub fn turn(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        let millis = i64::try_from(since.as_millis()).expect("a clock before the end of time");
        UnixTime::from_millis(millis + self.0.load(Ordering::SeqCst))
    }
}

/// Much faster than an issuer could bear.
pub fn fast() -> Pace {
    Pace {
        settle: Duration::from_millis(5),
        rest: Duration::from_millis(50),
        patience: Duration::from_secs(5),
        least_interval: Duration::from_millis(30),
        least_back_off: Duration::from_millis(10),
        most_back_off: Duration::from_millis(50),
        most_retry_after: Duration::from_mins(5),
        clock_check: Duration::from_millis(20),
    }
}

/// Options for a directory.
pub fn options(directory: &Path, clock: &Arc<Hand>) -> Options {
    let hand = Arc::clone(clock);
    Options {
        interval: Duration::from_millis(50),
        clock: Clock::from_fn(move || hand.now()),
        pace: fast(),
        ..Options::new(vec![directory.to_owned()])
    }
}

impl World {
    /// Serves a policy.
    pub fn serve(policy: &str) -> Self {
        Self::serve_with(policy, |_| {})
    }

    /// Serves a policy with other options.
    pub fn serve_with(policy: &str, change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("policy.yaml"), policy).expect("a policy file");
        Self::serve_directory(directory, change)
    }

    pub fn serve_directory(directory: TempDir, change: impl FnOnce(&mut Options)) -> Self {
        let clock = Arc::<Hand>::default();
        let mut options = options(directory.path(), &clock);
        change(&mut options);
        let runtime = Runtime::start(options, &Handle::current()).expect("a valid policy");
        Self { directory, runtime, clock, asked: AtomicU64::new(0) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What becomes of a request for `/` and the name of an issuer: the word for metrics.
    pub async fn ask(&self, path: &str, token: Option<&str>) -> &'static str {
        self.asked.fetch_add(1, Ordering::Relaxed);
        ask(&self.runtime, self.clock.now(), path, token).await
    }

    /// Tells how much was asked of a world in which a fault was, once everything was answered as it had to be.
    pub fn saw(&self, row: u32, more: impl std::fmt::Display) {
        figures::saw(
            row,
            format_args!("{} answers, all as written; {more}", self.asked.load(Ordering::Relaxed)),
        );
    }

    /// Asks what is written in a table: what is asked, the path, the token, and what is to become of it. Counts
    /// wrong allows and wrong denials; there must be none of either.
    pub async fn table(&self, when: &str, rows: &[(&str, &str, Option<&str>, &str)]) {
        let (mut wrong_allows, mut wrong) = (0, Vec::new());
        for (request, path, token, wanted) in rows {
            let found = self.ask(path, *token).await;
            if found != *wanted {
                wrong_allows += usize::from(found == "allowed");
                wrong.push(format!("{request}: {found}, not {wanted}"));
            }
        }
        assert!(wrong.is_empty(), "{when}: {wrong_allows} wrong allows; {wrong:#?}");
    }

    /// The same, until it is as expected.
    pub async fn until(&self, path: &str, token: &str, expected: &str) {
        let asked = async || self.ask(path, Some(token)).await;
        until(
            async || asked().await == expected,
            || format!("{expected}; status: {:#?}", self.runtime.status()),
        )
        .await;
    }

    /// Waits until something holds of an issuer.
    pub async fn until_issuer(&self, issuer: &str, holds: impl Fn(&IssuerStatus) -> bool) {
        until(async || holds(&self.issuer(issuer)), || format!("{:#?}", self.runtime.status())).await;
    }

    pub async fn until_ready(&self) {
        until(async || self.runtime.readiness().ready, || format!("{:#?}", self.runtime.status())).await;
    }

    /// What is told of an issuer.
    pub fn issuer(&self, name: &str) -> IssuerStatus {
        let status = self.runtime.status();
        status.issuers.iter().find(|issuer| &*issuer.name == name).expect("an issuer of the policy").clone()
    }

    /// What went wrong last with an issuer's only source.
    pub fn error(&self, issuer: &str) -> String {
        self.issuer(issuer).sources[0].last_error.as_deref().unwrap_or_default().to_owned()
    }
}

/// Judges a GET as the server does: once more after the fetch that an unknown key id causes. The server waits
/// 100 ms for that; here a machine that is busy with other things may take longer.
pub async fn ask(runtime: &Runtime, now: UnixTime, path: &str, token: Option<&str>) -> &'static str {
    match judge(runtime, now, path, token, Attempt::First) {
        Ok(label) => label,
        Err((NeedsKeys(issuer), published)) => {
            tokio::time::timeout(PATIENCE, published.want_keys(issuer)).await.expect("an answer");
            judge(runtime, now, path, token, Attempt::Final).expect("a decision on the final attempt")
        }
    }
}

fn judge(
    runtime: &Runtime,
    now: UnixTime,
    path: &str,
    token: Option<&str>,
    attempt: Attempt,
) -> Result<&'static str, (NeedsKeys, Arc<portcullis::runtime::Published>)> {
    let published = runtime.live().load_full().expect("a live policy");
    let value = token.map(|token| format!("Bearer {token}"));
    let headers = value.as_ref().map(|value| ("authorization", value.as_bytes()));
    let incoming = Incoming {
        method: "GET",
        host: "crm.example.com",
        target: path,
        headers: Headers::new(headers),
        source: Source::default(),
    };
    let request = engine::read(&published.snapshot, &incoming).expect("a well-formed request");
    let label = match engine::authorize(&published.snapshot, &request, now, attempt) {
        Ok(judgement) => match judgement.decision {
            Decision::Allow(_) => "allowed",
            Decision::Deny(denial) => denial.reason.label(),
        },
        Err(needs) => return Err((needs, Arc::clone(&published))),
    };
    Ok(label)
}

/// Asks again and again, with a bound that only something broken reaches.
pub async fn until(holds: impl AsyncFn() -> bool, otherwise: impl Fn() -> String) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "it never came to be: {}", otherwise());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const ROUTES: &str = "routes:\n  - { match: /open, allow: anyone }\n";

/// A policy with one route per issuer, `/NAME`, and an open one, `/open`. What is given of an issuer is the
/// rest of its map.
pub fn policy(issuers: &[(&str, String)]) -> String {
    let issuer = |(name, rest): &(&str, String)| {
        format!("  {name}: {{ issuer: \"https://{name}.example\", audiences: [crm], {rest} }}\n")
    };
    let route = |(name, _): &(&str, String)| {
        format!("  - {{ match: /{name}, guard: {name}, allow: authenticated }}\n")
    };
    let issuers: Vec<String> =
        issuers.iter().map(issuer).chain([ROUTES.to_owned()]).chain(issuers.iter().map(route)).collect();
    format!("version: 1\nissuers:\n{}", issuers.concat())
}

/// `iss` of an issuer of [`policy`].
pub fn iss(name: &str) -> String {
    format!("https://{name}.example")
}

/// An issuer whose keys are fetched.
pub fn fetched(url: &str) -> String {
    format!("keys: {{ jwks_url: \"{url}\" }}, refresh: {{ timeout: 500ms, cooldown: 50ms }}")
}

/// An issuer whose keys stand in the policy, to be unharmed.
pub fn inline(jwks: &str) -> String {
    format!("keys: {{ jwks: '{jwks}' }}")
}
