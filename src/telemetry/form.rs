//! How lines are written.

use crate::settings::LogFormat;

/// For whom lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON, for machines.
    Json,
    /// Text, for people.
    Text,
}

impl Form {
    /// What a setting means where lines go to a terminal, or do not.
    #[must_use]
    pub const fn of(setting: LogFormat, is_terminal: bool) -> Self {
        match setting {
            LogFormat::Text => Self::Text,
            LogFormat::Auto if is_terminal => Self::Text,
            LogFormat::Json | LogFormat::Auto => Self::Json,
        }
    }
}
