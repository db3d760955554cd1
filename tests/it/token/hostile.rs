//! Tokens by people who know how verifiers are written: each line was tried as an attack, and says what becomes
//! of it. `allowed` stands where there is only one way to read it.

mod content;
mod header;
mod key;
mod place;
mod signature;

use serde_json::json;

use super::{check, claims};

const HEADER: &str = r#"{"alg":"RS256","kid":"rsa-a"}"#;

fn good() -> String {
    claims(&json!({})).to_string()
}

/// Counts wrong allows over a whole table before it says which.
#[track_caller]
fn table(rows: &[(&str, String, &str)], ask: impl Fn(&str) -> &'static str) {
    let answers: Vec<&'static str> = rows.iter().map(|(_, token, _)| ask(token)).collect();
    let asked = rows.iter().zip(&answers);
    let wrong_allows =
        asked.filter(|((_, _, wanted), got)| **got == "allowed" && *wanted != "allowed").count();
    assert_eq!(wrong_allows, 0, "{rows:?} {answers:?}");
    for ((what, _, wanted), got) in rows.iter().zip(answers) {
        check(what, got, wanted);
    }
}
