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
mod diagnostics;
mod examples;
mod forward_auth;
mod grpc;
mod keys;
mod log;
mod metrics;
mod model;
mod policy;
mod reload;
mod schema;
mod settings;
mod snapshots;
mod stand;
mod tls;
mod token;
mod wire;
