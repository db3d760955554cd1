//! What belongs to listeners: certificates, and forward authentication over HTTP.

use std::path::PathBuf;

use super::Address;
use super::reader::Reader;

/// Files of certificates and keys (`tls.*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and those between it and an authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of clients' certificates; if given, clients must have one.
    pub client_ca: Option<PathBuf>,
}

/// `listen.http`, `http.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where proxies ask.
    pub addresses: Vec<Address>,
    /// Where they name the request that they ask about.
    pub target: Target,
}

/// Where the original request is named (`http.target`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`: Traefik and Caddy.
    XForwarded,
    /// `X-Original-Method` and `X-Original-URL`: nginx.
    XOriginal,
    /// The request itself, its path after a prefix: Envoy's HTTP service.
    Request {
        /// `http.path_prefix`; may be empty.
        path_prefix: Box<str>,
    },
}

impl Reader<'_> {
    pub(super) fn tls(&mut self) -> Option<TlsFiles> {
        let cert = self.path("tls.cert");
        let key = self.path("tls.key");
        let client_ca = self.path("tls.client_ca");
        match (cert, key) {
            (Some(cert), Some(key)) => return Some(TlsFiles { cert, key, client_ca }),
            (Some(_), None) => self.missing("tls.key", "`tls.cert` needs the key of its certificate"),
            (None, Some(_)) => self.missing("tls.cert", "`tls.key` needs the certificate of its key"),
            (None, None) if client_ca.is_some() => {
                self.missing("tls.cert", "`tls.client_ca` needs a certificate of the server's own");
            }
            (None, None) => {}
        }
        None
    }

    pub(super) fn http(&mut self) -> Option<Http> {
        let addresses = self.addresses("listen.http");
        let target = self.target();
        if addresses.is_empty() {
            return None;
        }
        if target.is_none() && self.text("http.target").is_empty() {
            self.missing(
                "http.target",
                "say how the proxies of `listen.http` name the request they ask about: `x-forwarded`, `x-original` or `request`",
            );
        }
        target.map(|target| Http { addresses, target })
    }

    fn target(&mut self) -> Option<Target> {
        let path_prefix: Box<str> = self.text("http.path_prefix").into();
        let is_prefix = path_prefix.is_empty() || path_prefix.starts_with('/') && !path_prefix.ends_with('/');
        if !is_prefix || path_prefix.contains(['?', '#']) {
            self.wrong("http.path_prefix", "a path such as `/authz`, without a slash at its end");
        }
        let target = match self.text("http.target") {
            "" => None,
            "x-forwarded" => Some(Target::XForwarded),
            "x-original" => Some(Target::XOriginal),
            "request" => return Some(Target::Request { path_prefix }),
            _ => {
                self.wrong("http.target", "`x-forwarded`, `x-original` or `request`");
                return None;
            }
        };
        if !path_prefix.is_empty() {
            self.wrong("http.path_prefix", "for `http.target: request` only");
        }
        target
    }
}
