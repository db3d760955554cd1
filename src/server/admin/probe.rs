//! `/readyz`, and with `?verbose` what is awaited.

use std::fmt::Write as _;

use http::StatusCode;

use super::page::Page;
use super::{Audience, Pages};

pub(super) fn ready(pages: &Pages, query: &str) -> Page {
    let readiness = pages.runtime.readiness();
    let (status, word) = if readiness.ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let is_verbose = query.split('&').any(|part| part.split('=').next() == Some("verbose"));
    if !is_verbose {
        return Page::text(status, format!("{word}\n"));
    }
    let mut text = String::new();
    let known = pages.runtime.status();
    if let Some(policy) = &known.policy {
        line(&mut text, "[+]", format_args!("policy {} is live since {}", policy.revision, policy.since));
    }
    let failed = known.last_reload.as_ref().and_then(|reload| Some((reload.at, reload.failure.as_ref()?)));
    match failed {
        // What stands in a policy is not for everyone.
        Some((at, _)) if pages.audience == Audience::Everyone => {
            line(&mut text, "[!]", format_args!("the policy of {at} was refused"));
        }
        Some((at, failure)) => {
            line(&mut text, "[!]", format_args!("the policy of {at} was refused: {failure}"));
        }
        None => {}
    }
    for awaited in &readiness.awaited {
        line(&mut text, "[-]", format_args!("{awaited}"));
    }
    if readiness.draining {
        line(&mut text, "[-]", format_args!("shutting down"));
    }
    text.push_str(word);
    text.push('\n');
    Page::text(status, text)
}

/// Texts of errors may have several lines; a page has one for each thing.
fn line(text: &mut String, mark: &str, what: std::fmt::Arguments<'_>) {
    let what = what.to_string().replace(['\n', '\r'], " ");
    let _infallible = writeln!(text, "{mark} {what}");
}
