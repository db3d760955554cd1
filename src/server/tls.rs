//! TLS and mutual TLS of the gRPC and HTTP listeners. Certificates are read again when their files change; what
//! cannot be used is reported and counted, and what was in use stays.

mod channel;
mod error;
mod files;
mod material;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{error, info};

use super::listen::Stream;
use crate::settings::TlsFiles;
use crate::telemetry::{Metrics, Reload};

pub use channel::Channel;
pub use error::{HandshakeError, TlsError};

use files::{Fingerprint, Reading};

/// Longest that a client may take for its handshake: one that says nothing must not hold a connection.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What is spoken inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2 only.
    Grpc,
    /// HTTP/1.1 and HTTP/2.
    Http,
}

/// Certificates in use.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<Generation>,
    /// What was read last, usable or not: the same fault is reported once.
    seen: Mutex<Fingerprint>,
    /// Whose clients are heard.
    authorities: watch::Sender<Option<Fingerprint>>,
}

/// What was made of one reading of the files.
#[derive(Debug)]
struct Generation {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

impl Generation {
    fn of(reading: &Reading, files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            grpc: material::server_config(reading, files, &[b"h2"])?,
            http: material::server_config(reading, files, &[b"h2", b"http/1.1"])?,
        })
    }
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// A file that cannot be read, holds nothing usable, or does not fit the others.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let reading = Reading::of(files)?;
        let generation = Generation::of(&reading, files)?;
        Ok(Self {
            files: files.clone(),
            current: ArcSwap::from_pointee(generation),
            seen: Mutex::new(reading.fingerprint()),
            authorities: watch::Sender::new(reading.authorities()),
        })
    }

    /// Reads the files again. `None`: nothing has changed since the last time. Blocks.
    ///
    /// A pair that is exchanged file by file does not match for a moment; the next look finds it whole.
    ///
    /// # Errors
    /// As [`Tls::load`]. What was in use stays in use.
    pub fn reload(&self) -> Option<Result<(), TlsError>> {
        let reading = Reading::of(&self.files);
        let fingerprint = match &reading {
            Ok(reading) => reading.fingerprint(),
            Err(error) => Fingerprint::of_failure(error),
        };
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == fingerprint {
                return None;
            }
            *seen = fingerprint;
        }
        Some(reading.and_then(|reading| {
            self.current.store(Arc::new(Generation::of(&reading, &self.files)?));
            let authorities = reading.authorities();
            self.authorities.send_if_modified(|known| {
                let has_changed = *known != authorities;
                *known = authorities;
                has_changed
            });
            Ok(())
        }))
    }

    /// Over when clients have to show their certificates anew, because others vouch for them than when this
    /// was called.
    pub fn authorities_changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut authorities = self.authorities.subscribe();
        async move {
            // They do not change any more when nobody is left who could change them.
            if authorities.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Looks at the files for ever, as often as told.
    pub async fn watch(self: Arc<Self>, every: Duration, metrics: Metrics) {
        let mut looks = interval(every.max(Duration::from_millis(10)));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let tls = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(None) => {}
                Ok(Some(Ok(()))) => {
                    metrics.tls_reload(Reload::Taken);
                    info!(cert = %self.files.cert.display(), "new certificates are in use");
                }
                Ok(Some(Err(error))) => {
                    metrics.tls_reload(Reload::Refused);
                    error!(%error, hint = error.hint(), "new certificates cannot be used, the old ones stay");
                }
                Err(panicked) => error!(%panicked, "certificates could not be looked at"),
            }
        }
    }

    async fn accept(
        &self,
        stream: Stream,
        protocols: Protocols,
        within: Duration,
    ) -> Result<Channel, HandshakeError> {
        let generation = self.current.load_full();
        let config = match protocols {
            Protocols::Grpc => &generation.grpc,
            Protocols::Http => &generation.http,
        };
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        match timeout(within, handshake).await {
            Ok(Ok(stream)) => Ok(Channel::Encrypted(Box::new(stream))),
            Ok(Err(error)) => Err(HandshakeError::Failed(error)),
            Err(_elapsed) => Err(HandshakeError::TooSlow),
        }
    }
}

/// Makes a connection ready to be spoken on. A unix socket is never encrypted: its file's mode says who may
/// use it, and nobody else is on the way.
///
/// # Errors
/// The handshake fails or takes too long.
pub async fn open(
    tls: Option<&Tls>,
    stream: Stream,
    protocols: Protocols,
) -> Result<Channel, HandshakeError> {
    match (tls, stream) {
        (Some(tls), stream @ Stream::Tcp(_)) => tls.accept(stream, protocols, HANDSHAKE).await,
        (Some(_) | None, stream) => Ok(Channel::Plain(stream)),
    }
}

#[cfg(test)]
mod tests;
