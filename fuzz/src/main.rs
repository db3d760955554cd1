//! libFuzzer's entry. One program for all targets: `PORTCULLIS_FUZZ` names the one that is meant, so that the
//! program is built once.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/handler.rs"]
mod handler;
mod targets;

/// The reference engine of the tests.
#[path = "../../tests/it/model"]
#[allow(clippy::all, clippy::pedantic, dead_code, missing_docs, reason = "as in the tests, where it belongs")]
mod model {
    pub mod compare;
    pub mod generate;
    pub mod random;
    pub mod reference;
    pub mod target;
    pub mod token;
    mod value;
}

fuzz_target!(|bytes: &[u8]| {
    static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let wanted = std::env::var("PORTCULLIS_FUZZ").unwrap_or_default();
        let known = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
        let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
        known.map(|(_, target)| *target).unwrap_or_else(|| panic!("PORTCULLIS_FUZZ is one of {names:?}"))
    });
    target(bytes);
});
