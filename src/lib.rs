//! Portcullis: external authorization for Envoy.
//!
//! This file is the map. Modules stand in reading order, which is also the order of dependency:
//! each may use only those above it. The core is pure: no async, no I/O, no clock, no globals.
//! The edge waits and fails.

// vocabulary
pub mod decision;

pub mod request;

pub mod time;

// core
pub mod token;

pub mod policy;

pub mod engine;

pub mod response;

pub mod cases;

pub mod explain;

// edge
pub mod settings;

pub mod doctor;

pub mod telemetry;

pub mod runtime;

pub mod server;

pub mod cli;
