//! Which page a request is for.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};

use super::{Audience, Pages, explain, host, probe, status};
use crate::telemetry::BUILD;

/// The format of <https://prometheus.io/docs/instrumenting/exposition_formats/>.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

const FOR_EVERYONE: [&str; 3] = ["/metrics", "/livez", "/readyz"];
const FOR_OPERATORS: [&str; 5] = ["/version", "/policy", "/keys", "/decisions", "/explain"];

/// The only page that is asked with a body. It changes nothing either.
const EXPLAIN: &str = "/explain";

/// An answer in the making.
pub(super) struct Page {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub text: String,
}

impl Page {
    pub fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, text: text.into() }
    }

    pub fn json_text(status: StatusCode, text: String) -> Self {
        Self { status, content_type: JSON, text }
    }

    pub fn json(value: &serde_json::Value) -> Self {
        Self { status: StatusCode::OK, content_type: JSON, text: format!("{value:#}\n") }
    }
}

pub(super) async fn answer(pages: &Pages, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let is_reading = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let page = if is_misdirected(pages, &request) {
        Page::text(
            StatusCode::MISDIRECTED_REQUEST,
            "this page is not for that host: ask by address, or by a name of the machine or the cluster\n",
        )
    } else if request.uri().path() == EXPLAIN && pages.audience == Audience::Operators {
        if *request.method() != Method::POST {
            return not_so("POST", "ask with POST and a question in JSON\n");
        }
        explain::answer(pages, request).await
    } else if is_reading {
        get(pages, request.uri().path(), request.uri().query().unwrap_or_default())
    } else {
        return not_so("GET, HEAD", "nothing here can be changed: use GET\n");
    };
    page.into_response()
}

fn not_so(allowed: &'static str, text: &str) -> Response<Full<Bytes>> {
    let mut response = Page::text(StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn get(pages: &Pages, path: &str, query: &str) -> Page {
    let is_operator = pages.audience == Audience::Operators;
    match path {
        "/metrics" => metrics(pages),
        "/livez" => Page::text(StatusCode::OK, "alive\n"),
        "/readyz" => probe::ready(pages, query),
        "/version" if is_operator => Page::json(&serde_json::json!({
            "version": BUILD.version, "revision": BUILD.revision, "rustc": BUILD.rustc,
        })),
        "/policy" if is_operator => Page::json(&status::policy(&pages.runtime)),
        "/keys" if is_operator => Page::json(&status::keys(&pages.runtime)),
        "/decisions" if is_operator => decisions(pages),
        _ => no_page(is_operator),
    }
}

fn metrics(pages: &Pages) -> Page {
    let live = pages.runtime.live().load();
    let cache = live.as_ref().map(|published| published.snapshot.trust.cache().stats());
    Page { status: StatusCode::OK, content_type: PROMETHEUS, text: pages.metrics.render(cache) }
}

/// The lines are JSON already; the newest comes first.
fn decisions(pages: &Pages) -> Page {
    let lines = pages.decisions.last();
    let lines: Vec<&str> = lines.iter().rev().map(|line| line.trim_end()).collect();
    Page { status: StatusCode::OK, content_type: JSON, text: format!("[{}]\n", lines.join(",\n")) }
}

fn no_page(is_operator: bool) -> Page {
    let mut pages = FOR_EVERYONE.to_vec();
    if is_operator {
        pages.extend(FOR_OPERATORS);
    }
    Page::text(StatusCode::NOT_FOUND, format!("there is no such page; there are {}\n", pages.join(", ")))
}

/// Metrics and probes tell no secrets and are read under whatever name a cluster gives them.
fn is_misdirected(pages: &Pages, request: &Request<Incoming>) -> bool {
    if pages.audience == Audience::Everyone {
        return false;
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => !host.to_str().is_ok_and(host::is_private),
        // HTTP/1.0 has none, and no browser speaks it.
        (None, _) => false,
        (Some(_), Some(_)) => true,
    }
}

impl Page {
    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        response
    }
}
