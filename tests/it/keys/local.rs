//! Keys in files: read again when they change, kept when they go.

use std::fs;
use std::sync::Arc;

use portcullis::runtime::Runtime;
use tokio::runtime::Handle;

use super::signer::{Signer, jwks};
use super::world::{World, iss, options, policy, until};

/// An issuer with one file, in the policy's own words, and how a signer's keys are written to it.
type Kind = (&'static str, fn(&Signer) -> String);

const KINDS: [Kind; 2] = [("jwks_file", |signer| jwks(&[signer])), ("pem_file", Signer::pem)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_is_read_again_and_a_file_that_goes_keeps_its_keys() {
    for (kind, written) in KINDS {
        let (old, new) = (Signer::new("k1"), Signer::new("k1"));
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("keys");
        fs::write(&file, written(&old)).expect("a file");
        let world = World::serve(&policy(&[("shaky", format!("keys: {{ {kind}: {} }}", file.display()))]));
        assert!(world.runtime.readiness().ready, "{kind}: what is at hand needs no waiting");
        let (by_old, by_new) = (old.token(&iss("shaky")), new.token(&iss("shaky")));
        assert_eq!(world.ask("/shaky", Some(&by_old)).await, "allowed", "{kind}");
        assert_eq!(world.ask("/shaky", Some(&by_new)).await, "bad_signature", "{kind}");

        for broken in ["", "{\"keys\":[", "-----BEGIN PUBLIC KEY-----\n", "<html>"] {
            fs::write(&file, broken).expect("a file");
            world.until_issuer("shaky", |issuer| issuer.sources[0].last_error.is_some()).await;
            assert_eq!(world.ask("/shaky", Some(&by_old)).await, "allowed", "{kind}: {broken}");
            fs::write(&file, written(&old)).expect("a file");
            world.until_issuer("shaky", |issuer| issuer.sources[0].last_error.is_none()).await;
        }
        fs::remove_file(&file).expect("no file");
        world.until_issuer("shaky", |issuer| issuer.sources[0].last_error.is_some()).await;
        assert!(world.error("shaky").starts_with("the file cannot be read"), "{}", world.error("shaky"));
        assert_eq!(world.ask("/shaky", Some(&by_old)).await, "allowed", "{kind}");

        fs::write(&file, written(&new)).expect("a file");
        world.until("/shaky", &by_new, "allowed").await;
        assert_eq!(world.ask("/shaky", Some(&by_old)).await, "bad_signature", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_there_yet_is_waited_for() {
    let good = Signer::new("k1");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys.json");
    let world = World::serve(&policy(&[("shaky", format!("keys: {{ jwks_file: {} }}", file.display()))]));
    assert!(!world.runtime.readiness().ready);
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "keys_unavailable");
    assert!(world.error("shaky").starts_with("the file cannot be read"), "{}", world.error("shaky"));
    fs::write(&file, jwks(&[&good])).expect("a file");
    world.until_ready().await;
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed");
}

async fn until_told(world: &World, error: &str) {
    let is_told = |told: &str| told.contains(error);
    world.until_issuer("shaky", |issuer| issuer.sources[0].last_error.as_deref().is_some_and(is_told)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_too_large_replaces_nothing() {
    let good = Signer::new("k1");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys.json");
    fs::write(&file, jwks(&[&good])).expect("a file");
    let world = World::serve(&policy(&[("shaky", format!("keys: {{ jwks_file: {} }}", file.display()))]));
    let mut large = jwks(&[&Signer::new("k1")]);
    large.push_str(&" ".repeat(1 << 20));
    fs::write(&file, large).expect("a file");
    // While it is written it may be seen empty, which is told as well.
    until_told(&world, "over 1048576 bytes").await;
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_never_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    fs::write(&file, "canary-canary-canary-canary-canary-canary").expect("a file");
    let rest = format!("algorithms: [HS256], keys: {{ secret_file: {} }}", file.display());
    let world = World::serve(&policy(&[("shaky", rest)]));
    assert!(world.runtime.readiness().ready);
    let told = || format!("{:?} {:?}", world.runtime.status(), world.runtime.live().load());
    assert!(!told().contains("canary"));
    fs::write(&file, "canary").expect("a file");
    until_told(&world, "too weak").await;
    assert!(!told().contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mounted_secret_that_is_swapped_is_read_once_it_is_whole() {
    let (old, new) = (Signer::new("k1"), Signer::new("k1"));
    let mount = tempfile::tempdir().expect("a directory");
    let volume = crate::reload::Volume::new(mount.path());
    volume.swap(&[("keys.json", &jwks(&[&old]))]);
    let path = mount.path().join("keys.json");
    let world = World::serve(&policy(&[("shaky", format!("keys: {{ jwks_file: {} }}", path.display()))]));
    assert_eq!(world.ask("/shaky", Some(&old.token(&iss("shaky")))).await, "allowed");
    volume.swap(&[("keys.json", &jwks(&[&new]))]);
    world.until("/shaky", &new.token(&iss("shaky")), "allowed").await;
    until(
        async || world.ask("/shaky", Some(&old.token(&iss("shaky")))).await == "bad_signature",
        || "swapped".to_owned(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_stands_beside_the_policy_that_names_it() {
    let good = Signer::new("k1");
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("below")).expect("a directory");
    fs::write(directory.path().join("below/keys.json"), jwks(&[&good])).expect("a file");
    let policy = policy(&[("shaky", "keys: { jwks_file: keys.json }".to_owned())]);
    fs::write(directory.path().join("below/policy.yaml"), policy).expect("a policy");
    let world = World::serve_directory(directory, |_| {});
    assert_eq!(world.ask("/shaky", Some(&good.token(&iss("shaky")))).await, "allowed");
}

/// Fault: two files that hold one key under two names. Nobody could tell whose a token without `iss` is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_hold_one_key_for_two_issuers_without_iss_are_not_taken() {
    let (first, second) = (Signer::new("k1"), Signer::new("k1"));
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, signer: &Signer| {
        fs::write(directory.path().join(name), signer.pem()).expect("a file");
    };
    let policy = |second: &str| {
        let issuer = |name: &str, rest: &str| {
            format!("  {name}: {{ issuer: none, audiences: [crm], keys: {{ pem_file: {rest} }} }}\n")
        };
        let routes = "routes: [{ match: /a, guard: a, allow: authenticated }, { match: /b, guard: b, allow: authenticated }]\n";
        format!("version: 1\nissuers:\n{}{}{routes}", issuer("a", "a.pem"), issuer("b", second))
    };
    write("a.pem", &first);
    write("b.pem", &second);
    write("c.pem", &first);
    // Places of their own do not tell them apart.
    for second in ["c.pem", "c.pem }, token: { cookie: b"] {
        fs::write(directory.path().join("policy.yaml"), policy(second)).expect("a file");
        let options = options(directory.path(), &Arc::default());
        let refused = Runtime::start(options, &Handle::current()).expect_err("one key for two").to_string();
        let told = "P0520 issuers `a` and `b` take tokens without `iss` of one key";
        assert!(refused.contains(told), "{second}: {refused}");
    }

    fs::write(directory.path().join("policy.yaml"), policy("b.pem")).expect("a file");
    let world = World::serve_directory(directory, |_| {});
    let (by_first, by_second) = (first.nameless(), second.nameless());
    let as_it_should_be = async || {
        assert_eq!(world.ask("/a", Some(&by_first)).await, "allowed");
        assert_eq!(world.ask("/b", Some(&by_second)).await, "allowed");
        assert_eq!(world.ask("/b", Some(&by_first)).await, "guard_mismatch");
        assert_eq!(world.ask("/a", Some(&by_second)).await, "guard_mismatch");
    };
    as_it_should_be().await;
    fs::write(world.path("policy.yaml"), policy("c.pem")).expect("a file");
    assert!(world.runtime.reload().await.is_err(), "the last good policy stays");
    as_it_should_be().await;

    // A file that changes later is not a policy that can be refused: its tokens are.
    fs::write(world.path("policy.yaml"), policy("b.pem")).expect("a file");
    world.runtime.reload().await.expect("a good policy");
    fs::write(world.path("b.pem"), first.pem()).expect("a file");
    world.until("/a", &by_first, "unknown_issuer").await;
    assert_eq!(world.ask("/b", Some(&by_first)).await, "unknown_issuer");
}
