//! What the runtime is told.

use std::path::PathBuf;
use std::time::Duration;

use crate::request::Reading;
use crate::settings::Settings;
use crate::telemetry::Metrics;
use crate::token::cache::CacheSettings;

use super::clock::Clock;

/// The settings that concern policy and keys.
#[derive(Debug, Clone)]
pub struct Options {
    /// Policy files and directories.
    pub policies: Vec<PathBuf>,
    /// Whether file events are looked for.
    pub watch: bool,
    /// How often files are looked at in any case.
    pub interval: Duration,
    /// The cache of verified tokens.
    pub cache: CacheSettings,
    /// Longest token.
    pub token_bytes: usize,
    /// Most bytes of names and values of a judged request's headers.
    pub header_bytes: usize,
    /// Where the last good public keys are kept.
    pub key_cache: Option<PathBuf>,
    /// The time of day.
    pub clock: Clock,
    /// How fast things go.
    pub pace: Pace,
    /// What is counted.
    pub metrics: Metrics,
}

/// Bounds of what is waited for. Tests go faster than an issuer could bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at a file that must be equal.
    pub settle: Duration,
    /// How long files must not have changed where no events tell who is writing.
    pub rest: Duration,
    /// How long a file that somebody has open for writing may hold up a reload after its last change.
    pub patience: Duration,
    /// Least time between two good fetches of one source, whatever its answer says.
    pub least_interval: Duration,
    /// First wait after a failed fetch; it doubles with each failure that follows.
    pub least_back_off: Duration,
    /// Longest wait after a failed fetch, unless `Retry-After` asks for more.
    pub most_back_off: Duration,
    /// Most that `Retry-After` is obeyed.
    pub most_retry_after: Duration,
    /// Between two looks at the clock.
    pub clock_check: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(50),
            rest: Duration::from_secs(1),
            patience: Duration::from_secs(5),
            least_interval: Duration::from_secs(10),
            least_back_off: Duration::from_millis(500),
            most_back_off: Duration::from_secs(30),
            most_retry_after: Duration::from_mins(5),
            clock_check: Duration::from_secs(5),
        }
    }
}

impl Options {
    /// Defaults, but for where the policies are.
    #[must_use]
    pub fn new(policies: Vec<PathBuf>) -> Self {
        Self {
            policies,
            watch: true,
            interval: Duration::from_secs(2),
            cache: CacheSettings::default(),
            token_bytes: 16 * 1024,
            header_bytes: Reading::default().header_bytes,
            key_cache: None,
            clock: Clock::system(),
            pace: Pace::default(),
            metrics: Metrics::new(),
        }
    }
}

impl From<&Settings> for Options {
    fn from(settings: &Settings) -> Self {
        Self {
            watch: settings.watch,
            interval: settings.interval,
            cache: settings.cache,
            token_bytes: settings.limits.token_bytes,
            key_cache: settings.key_cache.clone(),
            header_bytes: settings.limits.header_bytes,
            ..Self::new(settings.policies.clone())
        }
    }
}
