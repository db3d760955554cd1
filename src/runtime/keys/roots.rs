//! Whom TLS connections to issuers trust: the system's roots, or those of a file, read anew for each fetch.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_rustls::ConfigBuilderExt;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::failure::Cause;
use super::local::sha256;

/// Largest file with roots.
const MOST_BYTES: u64 = 4 << 20;

/// Configurations that were made, so that sessions can be resumed and roots are not parsed each time.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Roots {
    system: Mutex<Option<Arc<ClientConfig>>>,
    of_file: Mutex<Option<([u8; 32], Arc<ClientConfig>)>>,
}

impl Roots {
    /// The system's, read when they are needed first. Where there are none, it is tried again each time.
    pub fn system(&self) -> Result<Arc<ClientConfig>, Cause> {
        let mut known = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.as_ref() {
            return Ok(Arc::clone(config));
        }
        let config = builder()?.with_native_roots().map_err(|error| Cause::Roots(error.to_string()))?;
        let config = Arc::new(config.with_no_client_auth());
        *known = Some(Arc::clone(&config));
        Ok(config)
    }

    /// Those of a file in PEM.
    pub fn of_file(&self, path: &Path) -> Result<Arc<ClientConfig>, Cause> {
        let wrong = |problem: String| Cause::Roots(format!("`{}`: {problem}", path.display()));
        let bytes = super::local::bounded(path, MOST_BYTES).map_err(|error| wrong(error.to_string()))?;
        let digest = sha256(&bytes);
        let mut known = self.of_file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = known.as_ref().filter(|(same, _)| *same == digest) {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("it holds no certificate in PEM".to_owned()));
        }
        let config = Arc::new(builder()?.with_root_certificates(roots).with_no_client_auth());
        *known = Some((digest, Arc::clone(&config)));
        Ok(config)
    }
}

/// TLS 1.2 and 1.3, by the provider that was chosen here and not by whoever was first in the process.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Cause> {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Cause::Roots(error.to_string()))
}
