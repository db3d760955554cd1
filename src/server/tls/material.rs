//! From PEM text to what rustls serves with.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::TlsError;
use super::files::Reading;
use crate::settings::TlsFiles;

/// Makes the configuration of a listener.
pub(super) fn server_config(
    reading: &Reading,
    files: &TlsFiles,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates("tls.cert", &files.cert, &reading.cert)?;
    let key = PrivateKeyDer::from_pem_slice(&reading.key)
        .map_err(|error| unusable("tls.key", &files.key, "private key", &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?;
    let builder = match (&files.client_ca, &reading.client_ca) {
        (Some(path), Some(pem)) => builder.with_client_cert_verifier(verifier(path, pem, provider)?),
        (Some(_) | None, _) => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Pair)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // A resumed session would not show its certificate again, which may have expired meanwhile. Connections
    // are few and long, so resumption would save nothing.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn verifier(
    path: &Path,
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls.client_ca", path, pem)? {
        roots
            .add(certificate)
            .map_err(|error| unusable("tls.client_ca", path, "certificate of an authority", &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(TlsError::ClientCa)
}

/// All certificates of a file; one that cannot be read makes the file unusable.
fn certificates(
    setting: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(setting, path, "certificate", &error))?;
    if found.is_empty() {
        return Err(TlsError::Unusable {
            setting,
            path: path.to_path_buf(),
            wanted: "certificate",
            detail: String::new(),
        });
    }
    Ok(found)
}

fn unusable(
    setting: &'static str,
    path: &Path,
    wanted: &'static str,
    error: &impl std::fmt::Display,
) -> TlsError {
    TlsError::Unusable { setting, path: path.to_path_buf(), wanted, detail: format!(": {error}") }
}
