//! Issuers with their keys of one moment.

use std::sync::Arc;

use super::settings::IssuerSettings;

/// All issuers of a policy with their keys of one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust {
    issuers: Arc<[Arc<IssuerSettings>]>,
}
