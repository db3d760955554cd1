//! Listens and answers.

pub mod forward_auth;
pub mod wire;
