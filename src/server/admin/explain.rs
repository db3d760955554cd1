//! `POST /explain`: what the live policy would decide, and why.

use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::json;

use super::Pages;
use super::page::Page;
use crate::explain::ask_json;
use crate::server::judge::wall_clock;

/// Most bytes of a question: a token and some headers.
const MOST: usize = 256 * 1024;

/// Longest that a question may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn answer(pages: &Pages, request: Request<Incoming>) -> Page {
    // A foreign page in a browser can send text without asking us first, but not this.
    let is_json =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
        });
    if !is_json {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this is no JSON",
            "send `content-type: application/json`",
        );
    }
    let body = match tokio::time::timeout(PATIENCE, Limited::new(request.into_body(), MOST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            let hint = format!("a question has at most {MOST} bytes");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the question cannot be read", &hint);
        }
        Err(_) => {
            return refused(StatusCode::REQUEST_TIMEOUT, "the question did not arrive", "send it at once");
        }
    };
    let Some(published) = pages.runtime.live().load_full() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "no policy is live", "look at `/readyz?verbose`");
    };
    let mut secret = [0; 32];
    if SystemRandom::new().fill(&mut secret).is_err() {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "there are no random bytes", "try again");
    }
    match ask_json(&published.snapshot, &body, secret, wall_clock()) {
        Ok(explanation) => Page::json_text(StatusCode::OK, explanation),
        Err(bad) => refused(StatusCode::BAD_REQUEST, &bad.message, &bad.hint),
    }
}

fn refused(status: StatusCode, message: &str, hint: &str) -> Page {
    Page::json_text(status, json!({ "message": message, "hint": hint }).to_string())
}
