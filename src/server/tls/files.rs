//! The files of certificates and keys, as they are at one moment.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::TlsError;
use crate::settings::TlsFiles;

/// No bundle of certificates is larger; a device or a mistake may be.
const LARGEST: u64 = 4 << 20;

/// What the files held.
pub(super) struct Reading {
    pub cert: Zeroizing<Vec<u8>>,
    pub key: Zeroizing<Vec<u8>>,
    pub client_ca: Option<Zeroizing<Vec<u8>>>,
}

/// Tells one reading from another without keeping a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<u8>);

impl Reading {
    pub(super) fn of(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            cert: read("tls.cert", &files.cert)?,
            key: read("tls.key", &files.key)?,
            client_ca: files.client_ca.as_deref().map(|path| read("tls.client_ca", path)).transpose()?,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let nothing = Zeroizing::default();
        let client_ca = self.client_ca.as_ref().unwrap_or(&nothing);
        Fingerprint::of(&[&self.cert, &self.key, client_ca])
    }

    /// Of the authorities of clients alone.
    pub(super) fn authorities(&self) -> Option<Fingerprint> {
        self.client_ca.as_ref().map(|client_ca| Fingerprint::of(&[client_ca]))
    }
}

impl Fingerprint {
    fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            // The lengths keep the parts apart.
            context.update(&part.len().to_le_bytes());
            context.update(part);
        }
        Self(context.finish().as_ref().to_vec())
    }

    pub(super) fn of_failure(error: &TlsError) -> Self {
        Self::of(&[error.to_string().as_bytes()])
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let whole = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len().min(LARGEST);
        // The whole capacity at once: a buffer that grows leaves copies of a key behind.
        let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
        file.take(LARGEST + 1).read_to_end(&mut content)?;
        if u64::try_from(content.len()).is_ok_and(|length| length <= LARGEST) {
            Ok(content)
        } else {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"))
        }
    };
    whole().map_err(|error| TlsError::Unreadable { setting, path: path.to_path_buf(), error })
}
