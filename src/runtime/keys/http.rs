//! One GET: bounded in time and bytes, no redirects, nothing decompressed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::OnceCell;

use crate::token::settings::Access;

use super::failure::{Cause, Failure, chain, shown, shown_body};
use super::local::bounded;
use super::reach;
use super::roots::Roots;
use super::schedule;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Most bytes of an answer's head.
const MOST_HEAD: usize = 64 << 10;
/// Largest file with a bearer token.
const MOST_TOKEN: u64 = 64 << 10;

/// For one fetch: connections do not outlive it, so that none is found dead the next time.
pub(super) struct Fetcher {
    plain: Client<HttpConnector, Empty<Bytes>>,
    /// Made when it is needed: an image without roots can still fetch over plain http.
    encrypted: OnceCell<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>>,
    roots: Arc<Roots>,
    access: Access,
    /// What the policy names: the bearer token may go there, and to hosts that `ca_file` vouches for.
    home: Uri,
    most_bytes: usize,
}

/// An answer: 200, whole, within bounds.
pub(super) struct Answer {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Fetcher {
    pub fn new(roots: Arc<Roots>, access: Access, home: &Uri, most_bytes: usize) -> Self {
        Self {
            plain: Client::builder(TokioExecutor::new()).http1_max_buf_size(MOST_HEAD).build(connector()),
            encrypted: OnceCell::new(),
            roots,
            access,
            home: home.clone(),
            most_bytes,
        }
    }

    /// Fetches a URL.
    pub async fn get(&self, url: &Uri) -> Result<Answer, Failure> {
        reach::allowed(url, &self.home, &self.access)?;
        let mut request = Request::builder()
            .uri(url.clone())
            .header(ACCEPT, "application/json, application/jwk-set+json;q=0.9, */*;q=0.1")
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|_| Cause::Url(shown(url.to_string().as_bytes())))?;
        if let Some(token) = self.bearer_token(url).await? {
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let sent = if url.scheme_str() == Some("https") {
            self.encrypted.get_or_try_init(|| self.encrypted()).await?.request(request)
        } else {
            self.plain.request(request)
        };
        self.read(sent.await.map_err(|error| Cause::Connection(chain(&error)))?).await
    }

    /// Reads the roots on a thread that may wait.
    async fn encrypted(&self) -> Result<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>, Cause> {
        let (roots, ca_file) = (Arc::clone(&self.roots), self.access.ca_file.clone());
        let read = move || match ca_file {
            Some(path) => roots.of_file(Path::new(&*path)),
            None => roots.system(),
        };
        let config = tokio::task::spawn_blocking(read).await;
        let config = config.map_err(|_| Cause::Roots("they were not read".to_owned()))??;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config.as_ref().clone())
            .https_only()
            .enable_http1()
            .wrap_connector(connector());
        Ok(Client::builder(TokioExecutor::new()).http1_max_buf_size(MOST_HEAD).build(connector))
    }

    async fn read(&self, answer: Response<Incoming>) -> Result<Answer, Failure> {
        let (head, body) = answer.into_parts();
        if head.status.is_redirection() && head.status != StatusCode::NOT_MODIFIED {
            let to = head.headers.get(LOCATION).map(|to| shown(to.as_bytes()));
            return Err(Cause::Redirect(to).into());
        }
        let declared = body.size_hint().lower();
        let is_too_large = usize::try_from(declared).map_or(true, |declared| declared > self.most_bytes);
        let body = if is_too_large { Err(Cause::TooLarge(self.most_bytes)) } else { self.whole(body).await };
        if head.status != StatusCode::OK {
            let body = body.ok().and_then(|body| shown_body(&body));
            let retry_after = schedule::retry_after(&head.headers, SystemTime::now());
            return Err(Failure { cause: Cause::Status { status: head.status, body }, retry_after });
        }
        if let Some(encoding) = head.headers.get(CONTENT_ENCODING).filter(|value| *value != "identity") {
            return Err(Cause::Encoded(shown(encoding.as_bytes())).into());
        }
        // Key sets are served as JSON, text or bytes. HTML is a login or an error page, whatever it holds.
        let media_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if media_type.to_ascii_lowercase().starts_with(b"text/html") {
            return Err(Cause::ContentType(shown(media_type)).into());
        }
        Ok(Answer { headers: head.headers, body: body? })
    }

    async fn whole(&self, body: Incoming) -> Result<Bytes, Cause> {
        let collected = Limited::new(body, self.most_bytes).collect().await;
        collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
            if error.is::<LengthLimitError>() {
                Cause::TooLarge(self.most_bytes)
            } else {
                Cause::Broken(chain(error.as_ref()))
            }
        })
    }

    /// The token for a URL, read anew each time: Kubernetes replaces it every hour. It goes to the host that
    /// the policy names, and to others only if `ca_file` says whom to trust.
    async fn bearer_token(&self, url: &Uri) -> Result<Option<HeaderValue>, Cause> {
        let Some(path) = &self.access.bearer_token_file else { return Ok(None) };
        let is_home = url.authority() == self.home.authority();
        let is_vouched_for = url.scheme_str() == Some("https") && self.access.ca_file.is_some();
        if !is_home && !is_vouched_for {
            return Ok(None);
        }
        let path = path.clone();
        let wrong = |problem: &str| Cause::BearerToken(problem.to_owned());
        let read = move || bounded(Path::new(&*path), MOST_TOKEN);
        let bytes = tokio::task::spawn_blocking(read).await.map_err(|_| wrong("it was not read"))?;
        let bytes = bytes.map_err(|error| wrong(&error.to_string()))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no text"))?.trim();
        let mut value = HeaderValue::from_str(&format!("Bearer {text}"))
            .map_err(|_| wrong("it holds control characters"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector
}
