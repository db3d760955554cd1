//! Keys of issuers: one task per issuer owns them all, whether they are fetched or read.

mod discovery;
mod failure;
mod fetch;
mod http;
mod issuer;
mod local;
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
