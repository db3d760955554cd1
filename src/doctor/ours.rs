//! What Portcullis does where nothing else is set: the defaults of its settings.

use std::time::Duration;

use crate::policy::units;
use crate::settings::ALL;

/// As it is written.
pub fn default(key: &str) -> &'static str {
    ALL.iter().find(|setting| setting.key == key).map_or("", |setting| setting.default)
}

/// A setting that is a time.
pub fn duration(key: &str) -> Duration {
    units::duration(default(key)).unwrap_or_default()
}

/// A setting that is a size.
pub fn bytes(key: &str) -> usize {
    units::bytes(default(key)).unwrap_or_default()
}
