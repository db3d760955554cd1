//! Policies that change while they are served.

mod acknowledged;
mod hangup;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis::runtime::Runtime;
use tokio::runtime::Handle;

use crate::keys::mock::{Answer, Mock};
use crate::keys::signer::{Signer, jwks};
use crate::keys::world::{World, fetched, inline, iss, options, policy, until};

/// A volume as a kubelet mounts it: names lead through `..data`, which is swapped by a rename.
pub struct Volume {
    mount: PathBuf,
    swaps: AtomicU64,
}

impl Volume {
    pub fn new(mount: &Path) -> Self {
        Self { mount: mount.to_owned(), swaps: AtomicU64::new(0) }
    }

    /// Puts new files in the place of the old ones, all at once.
    pub fn swap(&self, files: &[(&str, &str)]) {
        let number = self.swaps.fetch_add(1, Ordering::SeqCst);
        let name = format!("..2026_11_25_{number}");
        let directory = self.mount.join(&name);
        fs::create_dir(&directory).expect("a directory");
        for (file, text) in files {
            let path = directory.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        let before = fs::read_link(self.mount.join("..data")).ok();
        let temporary = self.mount.join("..data_tmp");
        symlink(&name, &temporary).expect("a link");
        fs::rename(&temporary, self.mount.join("..data")).expect("a swap");
        for (file, _) in files {
            let top = file.split('/').next().expect("a name");
            let _ = symlink(Path::new("..data").join(top), self.mount.join(top));
        }
        if let Some(before) = before {
            fs::remove_dir_all(self.mount.join(before)).expect("the old one is removed");
        }
    }
}

/// A policy that opens one path; two lines of it are not enough to be one.
fn opening(path: &str) -> String {
    format!(
        "version: 1\nroutes:\n  - {{ match: /same, allow: anyone }}\n  - {{ match: {path}, allow: anyone }}\n"
    )
}

/// What is told when a policy was not taken.
fn failure(world: &World) -> Option<String> {
    world.runtime.status().last_reload.as_ref()?.failure.as_ref().map(ToString::to_string)
}

/// How often something was published.
fn generation(world: &World) -> u64 {
    world.runtime.live().load().as_ref().expect("a live policy").generation
}

fn revision(world: &World) -> Box<str> {
    world.runtime.live().load().as_ref().expect("a live policy").snapshot.policy.revision.clone()
}

/// The file is written where nobody looks, and appears whole.
fn replace(path: &Path, text: &str) {
    let temporary = path.with_extension("new");
    fs::write(&temporary, text).expect("a file");
    fs::rename(&temporary, path).expect("a rename");
}

async fn is_live(world: &World, path: &str, closed: &str) {
    until(
        async || world.ask(path, None).await == "allowed",
        || format!("{path} opens: {:?}", failure(world)),
    )
    .await;
    assert_eq!(world.ask(closed, None).await, "no_route");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_changes_is_loaded_once() {
    let world = World::serve(&opening("/one"));
    assert!(world.runtime.readiness().ready);
    assert_eq!(world.ask("/one", None).await, "allowed");
    assert_eq!(generation(&world), 1);
    replace(&world.path("policy.yaml"), &opening("/two"));
    is_live(&world, "/two", "/one").await;
    assert_eq!(generation(&world), 2, "one reload for one change");
    // A new file, and one that is no policy.
    fs::write(world.path("more.yml"), "version: 1\nroutes:\n  - { match: /three, allow: anyone }\n")
        .expect("a file");
    is_live(&world, "/three", "/one").await;
    assert_eq!(generation(&world), 3);
    for (name, text) in
        [(".hidden.yaml", "no policy"), ("notes.txt", "no policy"), ("a_test.yaml", "no policy")]
    {
        fs::write(world.path(name), text).expect("a file");
    }
    fs::create_dir(world.path("below")).expect("a directory");
    fs::write(world.path("below/four.yaml"), "version: 1\nroutes:\n  - { match: /four, allow: anyone }\n")
        .expect("a file");
    is_live(&world, "/four", "/one").await;
    assert_eq!(generation(&world), 4);
    assert_eq!(failure(&world), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_events_files_are_looked_at_all_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("policy.yaml"), opening("/one")).expect("a file");
    let world = World::serve_directory(directory, |options| options.watch = false);
    replace(&world.path("policy.yaml"), &opening("/two"));
    is_live(&world, "/two", "/one").await;
    assert_eq!(generation(&world), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_events_come_before_the_next_look() {
    // The next look is in an hour: only an event can bring it forward.
    let world = World::serve_with(&opening("/one"), |options| options.interval = Duration::from_hours(1));
    replace(&world.path("policy.yaml"), &opening("/two"));
    is_live(&world, "/two", "/one").await;
    fs::create_dir(world.path("below")).expect("a directory");
    until(async || world.runtime.reload().await.is_ok(), || "the new directory is known".to_owned()).await;
    fs::write(world.path("below/three.yaml"), "version: 1\nroutes:\n  - { match: /three, allow: anyone }\n")
        .expect("a file");
    is_live(&world, "/three", "/one").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_policy_leaves_the_last_good_one_live_and_says_where_it_is_wrong() {
    let world = World::serve(&opening("/one"));
    let before = revision(&world);
    let file = world.path("policy.yaml");
    let at = |place: &str| format!("{}:{place}", file.display());
    let broken: Vec<(String, String)> = vec![
        (String::new(), at("1:1: ")),
        ("version: 2\nroutes: []\n".to_owned(), at("1:10: ")),
        ("version: 1\nrutes:\n  - { match: /, allow: anyone }\n".to_owned(), at("2:1: ")),
        ("version: 1\nroutes:\n  - { match: /x, allow: everyone }\n".to_owned(), at("3:")),
        ("version: 1\nroutes:\n  - { match: /x, allow: anyone\n".to_owned(), at("3:")),
        (format!("{}routes: []\n", opening("/two")), at("5:1: ")),
        ("\u{0}".to_owned(), at("1:1: ")),
    ];
    let kinds = broken.len();
    for (text, place) in broken {
        replace(&file, &text);
        let told = async || failure(&world).is_some_and(|told| told.starts_with(&place));
        until(told, || format!("{text:?}: {place}, but {:?}", failure(&world))).await;
        assert_eq!(revision(&world), before, "{text:?}");
        assert_eq!(world.ask("/one", None).await, "allowed", "{text:?}");
        assert_eq!(world.ask("/two", None).await, "no_route", "{text:?}");
        assert!(world.runtime.readiness().ready, "{text:?}");
        assert_eq!(generation(&world), 1, "{text:?}");
    }
    replace(&file, &opening("/two"));
    is_live(&world, "/two", "/one").await;
    assert_eq!(failure(&world), None);
    for row in [17, 41] {
        world.saw(
            row,
            format_args!("{kinds} broken policies, one of another version, none live for a moment"),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_go_or_cannot_be_read_leave_the_last_good_policy_live() {
    let world = World::serve(&opening("/one"));
    let file = world.path("policy.yaml");
    let remove = || fs::remove_file(&file).expect("the file goes");
    let fails = async |with: &str| {
        let told = async || failure(&world).is_some_and(|told| told.contains(with));
        until(told, || format!("{with}, but {:?}", failure(&world))).await;
        assert_eq!(world.ask("/one", None).await, "allowed", "{with}");
        assert!(world.runtime.readiness().ready, "{with}");
        assert_eq!(generation(&world), 1, "{with}");
    };
    remove();
    fails("holds no policy").await;
    symlink("nowhere.yaml", &file).expect("a link");
    fails("policy.yaml` cannot be read").await;
    remove();
    rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).expect("a pipe");
    fails("policy.yaml` is neither file nor directory").await;
    remove();
    fs::write(&file, [b'#', 0xff, b'\n']).expect("a file");
    fails("policy.yaml` is not UTF-8, in line 1").await;
    fs::write(&file, format!("#{}\n{}", "x".repeat(8 << 20), opening("/two"))).expect("a file");
    fails("policy.yaml` is over 8 MiB").await;
    remove();
    fs::create_dir(&file).expect("a directory in its place");
    fails("holds no policy").await;
    fs::remove_dir(&file).expect("the directory goes");
    fs::remove_dir(world.directory.path()).expect("all of it goes");
    fails("cannot be read").await;
    fs::create_dir(world.directory.path()).expect("it comes again");
    fs::write(&file, opening("/two")).expect("a file");
    is_live(&world, "/two", "/one").await;
    // And again: the directory that came is watched as the one that went.
    replace(&file, &opening("/three"));
    is_live(&world, "/three", "/two").await;
    world.saw(16, "7 ways to be unreadable, no answer changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_start_without_a_good_policy() {
    let directory = tempfile::tempdir().expect("a directory");
    let start = || {
        let options = options(directory.path(), &Arc::default());
        Runtime::start(options, &Handle::current())
            .err()
            .map(|failure| failure.to_string())
            .unwrap_or_default()
    };
    assert!(start().contains("holds no policy"), "{}", start());
    fs::write(directory.path().join("policy.yaml"), "version: 1\nrutes: []\n").expect("a file");
    assert!(start().contains("policy.yaml:2:1: "), "{}", start());
    fs::write(directory.path().join("policy.yaml"), opening("/one")).expect("a file");
    assert_eq!(start(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_policy_is_never_live_though_it_would_be_one() {
    // Without its last line the file is a good policy that opens everything.
    let open = "version: 1\nroutes:\n  - { match: /**, allow: anyone }\n";
    let fence = "forbid:\n  - { name: closed, match: /secret }\n";
    for watch in [true, false] {
        let world = World::serve_with(&format!("{open}{fence}"), |options| {
            options.watch = watch;
            options.pace.rest = Duration::from_secs(2);
        });
        let file = world.path("policy.yaml");
        let mut wrong_allows = 0;
        for round in 0..200 {
            let mut writing = fs::File::create(&file).expect("a file");
            writing.write_all(open.as_bytes()).expect("half of it");
            // Often longer than it takes to look twice: what is seen then is stable, and wrong.
            for _ in 0..round % 9 {
                wrong_allows += usize::from(world.ask("/secret", None).await == "allowed");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            writing.write_all(format!("{fence}# {round}\n").as_bytes()).expect("the rest");
            drop(writing);
            wrong_allows += usize::from(world.ask("/secret", None).await == "allowed");
        }
        assert_eq!(wrong_allows, 0, "with file events: {watch}");
        let files = portcullis::runtime::files::policies(&[file]).expect("files");
        let last = portcullis::policy::compile(&files).expect("a policy").revision;
        until(async || revision(&world) == last, || "the last one".to_owned()).await;
        assert_eq!(world.ask("/secret", None).await, "forbidden");
        world.saw(
            15,
            format_args!("200 files written in halves, file events: {watch}; {wrong_allows} wrong allows"),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_map_that_is_swapped_is_read_whole_and_loaded_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let volume = Volume::new(directory.path());
    // Each half belongs to one other half: a mixture opens /secret.
    let halves = |number: u32| {
        let gate =
            format!("version: 1\nrequirements: {{ gate-{number}: {{ headers: {{ x-gate: open }} }} }}\n");
        let route = format!(
            "version: 1\nroutes:\n  - {{ match: /in-{number}, allow: anyone }}\n  - {{ match: /secret, require: gate-{number} }}\n"
        );
        (gate, route)
    };
    let (gate, route) = halves(0);
    volume.swap(&[("gate.yaml", &gate), ("below/route.yaml", &route)]);
    let world = World::serve_directory(directory, |_| {});
    let files = world.runtime.live().load_full().expect("a live policy").snapshot.policy.files.clone();
    let names: Vec<_> = files
        .iter()
        .map(|name| name.trim_start_matches(&*world.directory.path().display().to_string()))
        .collect();
    assert_eq!(names, ["/below/route.yaml", "/gate.yaml"], "each once, and not by the links' names");
    for number in 1..=20 {
        let (gate, route) = halves(number);
        volume.swap(&[("gate.yaml", &gate), ("below/route.yaml", &route)]);
        is_live(&world, &format!("/in-{number}"), &format!("/in-{}", number - 1)).await;
        assert_eq!(generation(&world), u64::from(number) + 1, "one reload for one change");
        assert_eq!(world.ask("/secret", None).await, "header_mismatch");
        assert_eq!(failure(&world), None, "no mixture was even tried");
    }
    world.saw(18, format_args!("20 swaps, {} reloads", generation(&world) - 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issuers_that_stay_the_same_keep_their_keys_and_their_remembered_tokens() {
    let (kept, changed) = (Signer::new("k1"), Signer::new("k1"));
    let (mock, other) = (
        Mock::start(Answer::fresh(jwks(&[&kept]))).await,
        Mock::start(Answer::fresh(jwks(&[&changed]))).await,
    );
    let with = |audience: &str, open: &str| {
        let policy = policy(&[("kept", fetched(&mock.url("/"))), ("changed", fetched(&other.url("/")))]);
        let changed = policy.replace(
            "\"https://changed.example\", audiences: [crm",
            &format!("\"https://changed.example\", audiences: [crm{audience}"),
        );
        format!("{changed}  - {{ match: {open}, allow: anyone }}\n")
    };
    let world = World::serve(&with("", "/one"));
    world.until_ready().await;
    let (token, other_token) = (kept.token(&iss("kept")), changed.token(&iss("changed")));
    for _ in 0..2 {
        assert_eq!(world.ask("/kept", Some(&token)).await, "allowed");
        assert_eq!(world.ask("/changed", Some(&other_token)).await, "allowed");
    }
    let hits = || {
        let published = world.runtime.live().load_full().expect("a live policy");
        published.snapshot.trust.cache().stats().hits
    };
    let before = hits();
    // Both issuers are down: what is lost now cannot be had again.
    mock.answer(Answer::HangsUp);
    other.answer(Answer::HangsUp);
    let asked = mock.hits();
    replace(&world.path("policy.yaml"), &with(", other", "/two"));
    is_live(&world, "/two", "/one").await;
    assert_eq!(world.ask("/kept", Some(&token)).await, "allowed");
    assert_eq!(hits(), before + 1, "the token was still remembered");
    assert_eq!(mock.hits(), asked, "nobody was asked again");
    // The changed issuer keeps the keys of the place that did not change, but its tokens are judged anew.
    assert_eq!(world.ask("/changed", Some(&other_token)).await, "allowed");
    assert_eq!(hits(), before + 1);
    assert!(world.runtime.readiness().ready);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_a_reload_adds_and_that_is_down_takes_nobodys_answers_away() {
    let steady = Signer::new("k1");
    let alone = policy(&[("steady", inline(&jwks(&[&steady])))]);
    let world = World::serve(&alone);
    assert!(world.runtime.readiness().ready);
    let both = policy(&[("steady", inline(&jwks(&[&steady]))), ("shaky", fetched("http://127.0.0.1:1/"))]);
    replace(&world.path("policy.yaml"), &both);
    until(
        async || world.runtime.readiness().awaited == ["keys of issuer `shaky`"],
        || "it is awaited".to_owned(),
    )
    .await;
    assert!(world.runtime.readiness().ready);
    assert_eq!(world.ask("/steady", Some(&steady.token(&iss("steady")))).await, "allowed");
    assert_eq!(world.ask("/shaky", Some(&steady.token(&iss("shaky")))).await, "keys_unavailable");
    // One that goes is forgotten.
    replace(&world.path("policy.yaml"), &alone);
    until(async || world.runtime.readiness().awaited.is_empty(), || "it is gone".to_owned()).await;
    assert_eq!(world.ask("/shaky", Some(&steady.token(&iss("shaky")))).await, "no_route");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_is_told_and_is_for_good() {
    let world = World::serve(&opening("/one"));
    let mut told = world.runtime.subscribe();
    assert!(told.borrow_and_update().ready);
    world.runtime.drain();
    told.changed().await.expect("it is told");
    assert!(told.borrow_and_update().draining);
    world.runtime.reload().await.expect("a valid policy");
    assert!(!world.runtime.readiness().ready);
    assert_eq!(world.ask("/one", None).await, "allowed", "what still comes is answered");
}
