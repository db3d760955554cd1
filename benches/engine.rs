//! Whether ten thousand routes cost more than ten: `cargo bench --bench engine`. Exits with 1 if a goal is missed.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops, and prints"
)]

#[path = "../tests/support/many_routes.rs"]
mod many_routes;
#[path = "../tests/support/mint.rs"]
mod mint;
#[path = "../tests/support/ready.rs"]
mod ready;

use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use portcullis::decision::Decision;
use portcullis::engine::{self, Snapshot};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::SourceFile;
use portcullis::request::{Headers, Incoming, Source};
use portcullis::runtime::files::policies;
use portcullis::token::Attempt;
use ready::NOW;
use serde_json::json;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MANY: usize = 10_000;
const FEW: usize = 10;
const MEBIBYTE: u64 = 1 << 20;

/// Slices of each measurement. What is compared takes turns, and the least time of each counts.
const SLICES: usize = 200;
const SLICE: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    let mut missed = 0;
    let mut goal = |what: &str, found: String, most: &str, met: bool| {
        missed += u32::from(!met);
        println!("{what:<62} {found:>10}  (at most {most}: {})", if met { "met" } else { "MISSED" });
    };

    // What a first compilation allocates for good (interned tables, thread caches) is not the policy's.
    let few = load(FEW);
    let text = many_routes::policy(MANY);
    let before = resident();
    let many = ready::policy(&text);
    let added = resident().saturating_sub(before);
    // What else the machine does slows it down, nothing makes it faster by accident.
    let took = (0..3).map(|_| time(|| ready::policy(&text))).min().expect("three");
    goal(
        &format!("load {MANY} routes ({} KiB)", text.len() / 1024),
        format!("{took:.0?}"),
        "1 s",
        took.as_secs_f64() < 1.0,
    );
    goal(
        &format!("resident memory that {MANY} routes add, compiler's included"),
        format!("{:.1} MiB", mebibytes(added)),
        "64 MiB",
        added < 64 * MEBIBYTE,
    );

    let (slowest, took) = broken_policies();
    goal(
        &format!("the slowest broken policy ({slowest})"),
        format!("{took:.1?}"),
        "50 ms",
        took.as_millis() < 50,
    );
    let (took, added) = a_hundred_megabytes();
    goal("100 MB that are no policy, refused", format!("{took:.1?}"), "50 ms", took.as_millis() < 50);
    goal(
        "resident memory that they add",
        format!("{:.1} MiB", mebibytes(added)),
        "64 MiB",
        added < 64 * MEBIBYTE,
    );

    let token = token();
    let (few, many) = (ready::snapshot(few, &[signer()]), ready::snapshot(many, &[signer()]));
    // The same requests in both: what it costs to find a route among many.
    let here: Vec<usize> = (0..FEW).collect();
    let spread: Vec<usize> = (0..1000).map(|step| (step * 7919 + step % FEW) % MANY).collect();
    for (kind, bearer) in [("no token", None), ("a known token", Some(token.as_str()))] {
        let asked = Asked::new(&here, bearer);
        let (least_few, least_many) = compare(&asked, &asked, &few, &many);
        let ratio = least_many.as_secs_f64() / least_few.as_secs_f64();
        goal(
            &format!("decision among {MANY} to among {FEW}, the same requests, {kind}"),
            format!("{}/{} ns", least_many.as_nanos(), least_few.as_nanos()),
            &format!("1.50, is {ratio:.2}"),
            ratio <= 1.5,
        );
        // A thousand routes in turn, which no fast memory of the processor holds beside what other programs keep
        // there: what it costs to fetch a route, which no index can save. There is no goal for it.
        let (_, cold) = compare(&asked, &Asked::new(&spread, bearer), &few, &many);
        println!(
            "{:<62} {:>7} ns",
            format!("  the same for a thousand routes in turn, {kind}"),
            cold.as_nanos()
        );
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(work());
    started.elapsed()
}

/// The broken policy of the tests that takes longest, at its best of three.
fn broken_policies() -> (String, Duration) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/broken");
    let judged = fs::read_dir(directory).expect("broken policies").map(|entry| {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a policy");
        let judge =
            || compile(&[SourceFile { name: "policy.yaml".into(), text: text.as_str().into() }]).is_ok();
        let took = (0..3).map(|_| time(judge)).min().expect("three");
        (path.file_name().expect("a name").to_string_lossy().into_owned(), took)
    });
    judged.max_by_key(|(_, took)| *took).expect("policies")
}

/// A file of 100 MB in a policy's place: its size is looked at before it is read.
fn a_hundred_megabytes() -> (Duration, u64) {
    let path = std::env::temp_dir().join(format!("portcullis-bench-{}.yaml", std::process::id()));
    let mut file = fs::File::create(&path).expect("a file");
    for _ in 0..12_500 {
        file.write_all(&[b'['; 8_000]).expect("space for it");
    }
    let before = resident();
    let took = time(|| policies(std::slice::from_ref(&path)).expect_err("it is refused"));
    let added = resident().saturating_sub(before);
    fs::remove_file(&path).expect("it was there");
    (took, added)
}

fn load(routes: usize) -> portcullis::policy::Policy {
    ready::policy(&many_routes::policy(routes))
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes * 1024
}

fn mebibytes(bytes: u64) -> f64 {
    let kibibytes = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
    f64::from(kibibytes) / 1024.0
}

fn signer() -> mint::Signer {
    mint::Signer::new("ES256", "p256-a")
}

fn token() -> String {
    signer().token(&json!({
        "iss": "https://auth.example.com", "aud": "crm", "sub": "7", "exp": 1_800_000_600,
        "scope": "read-crm write-crm", "roles": ["admin"],
    }))
}

/// Requests, made before anything is measured.
struct Asked {
    requests: Vec<(&'static str, String, String)>,
    fields: Vec<(&'static str, Vec<u8>)>,
}

impl Asked {
    fn new(numbers: &[usize], bearer: Option<&str>) -> Self {
        let mut fields = vec![("user-agent", b"bench".to_vec()), ("accept", b"*/*".to_vec())];
        fields.extend(bearer.map(|token| ("authorization", format!("Bearer {token}").into_bytes())));
        Self { requests: numbers.iter().map(|number| many_routes::request(*number)).collect(), fields }
    }

    fn decide(&self, snapshot: &Snapshot, index: usize) -> bool {
        let (method, host, path) = &self.requests[index % self.requests.len()];
        let incoming = Incoming {
            method,
            host,
            target: path,
            headers: Headers::new(self.fields.iter().map(|(name, value)| (*name, value.as_slice()))),
            source: Source::default(),
        };
        let request = engine::read(snapshot, &incoming).expect("well formed");
        let judgement = engine::authorize(snapshot, &request, NOW, Attempt::Final).expect("final");
        assert!(judgement.route.is_some(), "{method} {host}{path} has no route");
        matches!(judgement.decision, Decision::Allow(_))
    }

    /// The time of one decision, over a slice.
    fn slice(&self, snapshot: &Snapshot) -> Duration {
        let started = Instant::now();
        let mut calls = 0;
        while started.elapsed() < SLICE {
            for _ in 0..50 {
                black_box(self.decide(snapshot, calls));
                calls += 1;
            }
        }
        started.elapsed() / u32::try_from(calls).expect("a slice is short")
    }
}

fn compare(few_asked: &Asked, many_asked: &Asked, few: &Snapshot, many: &Snapshot) -> (Duration, Duration) {
    let (mut least_few, mut least_many) = (Duration::MAX, Duration::MAX);
    for _ in 0..SLICES {
        least_few = least_few.min(few_asked.slice(few));
        least_many = least_many.min(many_asked.slice(many));
    }
    (least_few, least_many)
}
