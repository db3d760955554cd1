//! One test binary.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

mod abuse;
mod admin;
mod answers;
mod architecture;
mod cli;
mod cli_test;
mod diagnostics;
mod doctor;
mod documents;
mod examples;
mod figures;
mod forward_auth;
mod fuzz;
mod grpc;
#[path = "../support/handler.rs"]
mod handler;
mod hints;
mod invariants;
mod keys;
mod log;
mod many_routes;
mod matching;
mod metrics;
mod model;
mod policy;
mod properties;
mod reliability;
mod reload;
mod schema;
mod secrets;
mod settings;
mod snapshots;
mod stand;
mod supply_chain;
mod tables;
mod tls;
mod token;
mod wire;
