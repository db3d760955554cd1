//! Keys of issuers: one task per issuer owns them all, whether they are fetched or read.

mod wanted;

pub(super) use wanted::Wanted;
