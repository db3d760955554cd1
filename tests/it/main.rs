//! One test binary.

mod answers;
mod wire;
