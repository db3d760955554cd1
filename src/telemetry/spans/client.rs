//! The HTTP client of the exporter: the TLS that keys are fetched with, no redirects, and answers that are
//! hardly looked at.

use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client as Pool};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError};
use rustls::crypto::aws_lc_rs::default_provider;

/// Most of an answer that is read: it says how many spans were refused.
const MOST_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) enum Client {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Encrypted(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Client {
    /// A client for one collector.
    ///
    /// # Errors
    /// It is to be https, and the system has no roots.
    pub(super) fn new(endpoint: &str) -> io::Result<Self> {
        if endpoint.starts_with("https:") {
            let connector = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(default_provider())?
                .https_only()
                .enable_http1()
                .build();
            return Ok(Self::Encrypted(pool().build(connector)));
        }
        Ok(Self::Plain(pool().build(HttpConnector::new())))
    }
}

fn pool() -> Builder {
    let mut builder = Pool::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new());
    builder
}

impl HttpClient for Client {
    fn send_bytes<'this, 'sent>(
        &'this self,
        request: Request<Bytes>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'this: 'sent,
        Self: 'sent,
    {
        let request = request.map(Full::new);
        let answer = match self {
            Self::Plain(pool) => pool.request(request),
            Self::Encrypted(pool) => pool.request(request),
        };
        Box::pin(async move {
            let (head, body) = answer.await?.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        })
    }
}
