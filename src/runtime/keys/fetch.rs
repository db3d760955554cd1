//! One fetch of one source: from its URL to keys.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;

use crate::token::keys::KeySet;
use crate::token::settings::{Access, IssuerSettings, KeySource};

use super::discovery;
use super::failure::{Cause, Failure, shown, shown_body};
use super::http::Fetcher;
use super::roots::Roots;
use super::schedule;

/// Keys, fresh from their issuer.
#[derive(Debug)]
pub(super) struct Fetched {
    pub set: Arc<KeySet>,
    pub body: Bytes,
    /// How long the answer says that it is fresh.
    pub fresh: Option<Duration>,
    /// Where metadata said that the keys are.
    pub jwks_uri: Option<Uri>,
}

/// A source that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    place: Place,
    access: Access,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Keys(Box<str>),
    /// Metadata that name the place of the keys; `None`: where the issuer's own stand.
    Metadata(Option<Box<str>>),
}

impl Remote {
    /// `None` for a source that is read.
    pub fn of(source: &KeySource) -> Option<Self> {
        let (place, access) = match source {
            KeySource::JwksUrl { url, access } => (Place::Keys(url.clone()), access),
            KeySource::Discovery { url, access } => (Place::Metadata(url.clone()), access),
            KeySource::JwksFile(_)
            | KeySource::Jwks(_)
            | KeySource::PemFile(_)
            | KeySource::Pem(_)
            | KeySource::SecretFile { .. }
            | KeySource::SecretEnv { .. } => return None,
        };
        Some(Self { place, access: access.clone() })
    }

    /// Fetches; everything together is bounded by `refresh.timeout`. `known` is where metadata said last time
    /// that the keys are, if asking again can wait.
    pub async fn fetch(
        self,
        roots: Arc<Roots>,
        settings: Arc<IssuerSettings>,
        known: Option<Uri>,
    ) -> Result<Fetched, Failure> {
        let timeout = settings.refresh.timeout;
        let whole = tokio::time::timeout(timeout, self.unbounded(roots, &settings, known));
        whole.await.unwrap_or_else(|_| Err(Cause::Timeout(timeout).into()))
    }

    async fn unbounded(
        self,
        roots: Arc<Roots>,
        settings: &IssuerSettings,
        known: Option<Uri>,
    ) -> Result<Fetched, Failure> {
        let places = match &self.place {
            Place::Keys(url) => {
                let url = parse(url)?;
                let fetcher = Fetcher::new(roots, self.access, &url, settings.refresh.max_bytes);
                return keys(&fetcher, &url).await;
            }
            Place::Metadata(Some(url)) => vec![parse(url)?],
            Place::Metadata(None) => {
                let issuer = settings.iss.first().map(AsRef::as_ref).unwrap_or_default();
                discovery::places(&parse(issuer)?)
            }
        };
        let home = places.first().ok_or_else(|| Cause::Url(String::new()))?;
        let fetcher = Fetcher::new(roots, self.access, home, settings.refresh.max_bytes);
        let jwks_uri = match known {
            Some(known) => known,
            None => parse(&discovery::jwks_uri(&fetcher, &places, &settings.iss).await?)?,
        };
        let keys = keys(&fetcher, &jwks_uri).await?;
        Ok(Fetched { jwks_uri: Some(jwks_uri), ..keys })
    }
}

async fn keys(fetcher: &Fetcher, url: &Uri) -> Result<Fetched, Failure> {
    let answer = fetcher.get(url).await?;
    let set = KeySet::from_jwks(&answer.body)
        .map_err(|problem| Cause::Keys { problem, body: shown_body(&answer.body) })?;
    Ok(Fetched {
        set: Arc::new(set),
        fresh: schedule::fresh(&answer.headers),
        body: answer.body,
        jwks_uri: None,
    })
}

fn parse(url: &str) -> Result<Uri, Cause> {
    url.parse().map_err(|_| Cause::Url(shown(url.as_bytes())))
}
