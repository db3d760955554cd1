//! Listens and answers.

pub mod wire;
