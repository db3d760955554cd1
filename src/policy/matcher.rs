//! What a rule compares a request with: values, networks, hosts, paths.

pub mod capture;
pub mod host;
pub mod index;
pub mod named;
pub mod network;
mod overlap;
pub mod path;
pub mod pattern;
mod relation;
pub mod request;
pub mod value;
