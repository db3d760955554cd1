//! JSON Schemas of policies and their tests, so that an editor completes and explains while one types.
//!
//! They describe the shapes that the reader takes; what a policy means is judged by the compiler alone. A test
//! asks the reader for the keys and words it knows in every place, and compares: the two cannot drift apart.

mod build;
mod policies;
mod requirements;
mod tests_of_policies;

use serde_json::Value;

/// The schema of a policy file.
#[must_use]
pub fn policies() -> Value {
    policies::schema()
}

/// The schema of a test file.
#[must_use]
pub fn tests() -> Value {
    tests_of_policies::schema()
}

/// A schema as it is committed and printed.
#[must_use]
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}
