//! Asking a running server, which has the live policy and the keys.

use serde_json::Value;

use crate::cli::http::Peer;
use crate::cli::progress::Progress;
use crate::cli::terminal::Terminal;
use crate::cli::trouble::Trouble;
use crate::explain::{Explanation, Question};

/// Asks `POST /explain`.
///
/// # Errors
/// A server that does not answer, or does not take the question.
pub fn ask(server: &str, question: &Question, terminal: &Terminal) -> anyhow::Result<Explanation> {
    let hint = "name the `listen.admin` of the server: http://127.0.0.1:9193 or unix:/path";
    let unusable = |what: String| Trouble::new(what, hint);
    let peer =
        Peer::parse(server).ok_or_else(|| unusable(format!("`{server}` is no address of a server")))?;
    let question = serde_json::to_string(question)?;
    let progress = Progress::waiting(terminal, format!("waiting for {server}"));
    let page = peer.ask("POST", "/explain", Some(&question));
    drop(progress);
    let page = page.map_err(|error| unusable(format!("`{server}` does not answer: {error}")))?;
    if page.status == 200 {
        let explanation = serde_json::from_str(&page.body);
        return explanation.map_err(|error| {
            let what = format!("`{server}` explains in another way than this program reads: {error}");
            Trouble::new(what, "use the `portcullis` of the server's own version").into()
        });
    }
    let said: Value = serde_json::from_str(&page.body).unwrap_or_default();
    let said = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    Err(match said("message") {
        Some(message) => Trouble::new(message, said("hint").unwrap_or_default()).into(),
        None => unusable(format!("`{server}` answers {} to POST /explain", page.status)).into(),
    })
}
