//! What can be wrong with certificates, and with a handshake.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Certificates or keys cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{setting}`: `{}` cannot be read: {error}", .path.display())]
    Unreadable {
        /// `tls.cert`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{setting}`: `{}` holds no {wanted}{detail}", .path.display())]
    Unusable {
        /// `tls.cert`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// `: ` and what is wrong, if anybody knows.
        detail: String,
    },
    /// Certificate and key are not of one pair, or not of a kind that is known.
    #[error("`tls.cert` and `tls.key` do not go together: {0}")]
    Pair(rustls::Error),
    /// Clients cannot be verified with these certificates.
    #[error("`tls.client_ca` cannot verify anybody: {0}")]
    ClientCa(rustls::server::VerifierBuilderError),
}

impl TlsError {
    /// What helps.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check the path, its mount and its mode",
            Self::Unusable { .. } => {
                "it is a PEM file: `-----BEGIN CERTIFICATE-----` or `-----BEGIN PRIVATE KEY-----`"
            }
            Self::Pair(_) => {
                "exchange both files at once; the chain begins with the server's own certificate"
            }
            Self::ClientCa(_) => {
                "it holds the certificates of the authorities that sign clients' certificates"
            }
        }
    }
}

/// A client did not get in.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// It is no client of ours, or it does not speak TLS.
    #[error("the handshake failed: {0}")]
    Failed(io::Error),
    /// It took too long.
    #[error("the handshake took too long")]
    TooSlow,
}
