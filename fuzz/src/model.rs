//! The reference engine of the tests.

#![allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    reason = "as in the tests, where it belongs"
)]

#[path = "../../tests/it/model/compare.rs"]
pub mod compare;
#[path = "../../tests/it/model/generate.rs"]
pub mod generate;
#[path = "../../tests/it/model/random.rs"]
pub mod random;
#[path = "../../tests/it/model/reference.rs"]
pub mod reference;
#[path = "../../tests/it/model/target.rs"]
pub mod target;
#[path = "../../tests/it/model/token.rs"]
pub mod token;
#[path = "../../tests/it/model/value.rs"]
mod value;
