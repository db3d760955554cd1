//! Listens and answers.

pub mod forward_auth;
pub mod listen;
pub mod wire;
