//! Keys of issuers, fetched from servers that misbehave. The oracle counts wrong allows.

pub mod mock;
pub mod serving;
pub mod signer;
pub mod world;

mod answers;
mod discovery;
mod disk;
mod local;
mod outage;
mod rotation;
mod tls;
mod told;
