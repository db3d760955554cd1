//! Keys of issuers: one task per issuer owns them all, whether they are fetched or read.

mod discovery;
mod failure;
mod fetch;
mod http;
mod issuer;
mod local;
mod reach;
mod roots;
mod schedule;
mod source;
mod store;
mod wanted;

pub(super) use failure::shown;
pub(super) use issuer::{Context, Issuer, Signals};
pub(super) use local::{LocalError, Reading, is_older, read, sha256};
pub(super) use roots::Roots;
pub(super) use source::{Bad, Report};
pub(super) use store::{Store, Stored};
pub(super) use wanted::Wanted;

/// How long a file that is just being written is waited for.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(5);

/// The keys of an issuer that are here: what its policy holds, its files and its variables, per source that is
/// not fetched. Where one cannot be read, why; never what was read.
#[must_use]
pub fn local_keys(
    settings: &crate::token::settings::IssuerSettings,
) -> Vec<Result<std::sync::Arc<crate::token::keys::KeySet>, String>> {
    let told = |read: Result<Reading, LocalError>| read.map(|one| one.set).map_err(|error| error.to_string());
    settings.sources.iter().filter_map(|source| local::read(settings, source, SETTLE).map(told)).collect()
}
