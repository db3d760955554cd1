//! The real program: SIGHUP reloads and never ends it.

use std::fs;

use rustix::process::Signal;

use crate::keys::serving::Serving;

#[test]
fn a_hangup_reloads_whatever_is_there_and_never_ends_the_program() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("policy.yaml");
    fs::write(&file, super::opening("/one")).expect("a file");
    let mut serving = // Only a signal makes it look again.
        Serving::start(directory.path(), &["--reload-watch", "false", "--reload-interval", "1h"]);
    let first = serving.until("policy published");
    serving.until("listening for Envoy");
    for round in 0..5 {
        serving.send(Signal::HUP);
        assert_eq!(
            serving.until("policy published")["revision"],
            first["revision"],
            "unchanged, in round {round}"
        );
        fs::write(&file, super::opening(&format!("/two-{round}"))).expect("a file");
        serving.send(Signal::HUP);
        let changed = serving.until("policy published")["revision"].clone();
        assert_ne!(changed, first["revision"]);
        fs::write(&file, "version: 1\nrutes: []\n").expect("a file");
        serving.send(Signal::HUP);
        assert_eq!(serving.until("policy refused, the last good one stays")["live"], changed);
        let told = serving.until("policy is invalid");
        assert_eq!(told["place"], format!("{}:2:1", file.display()));
        fs::remove_file(&file).expect("no file");
        serving.send(Signal::HUP);
        assert_eq!(serving.until("policy files cannot be read, the last good policy stays")["live"], changed);
        fs::write(&file, super::opening("/one")).expect("a file");
    }
    for _ in 0..100 {
        serving.send(Signal::HUP);
    }
    serving.until("policy published");
    crate::figures::saw(31, "115 hangups, 5 broken and 5 missing policies among them; it goes on");
    serving.send(Signal::TERM);
    serving.until("shutting down");
    assert!(serving.child.wait().expect("an end").success());
}
