//! What client and upstream are told.

use serde::{Deserialize, Serialize};

use crate::response::{Answer, Field};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerNote {
    /// The request goes on.
    Upstream {
        /// Headers set, each replacing what the client sent under its name.
        set: Vec<(String, String)>,
        /// Headers removed.
        remove: Vec<String>,
        /// Query parameters removed.
        remove_query: Vec<String>,
        /// Headers whose value could not be sent.
        dropped: Vec<String>,
    },
    /// The client is turned away.
    Client {
        /// The status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
}

impl AnswerNote {
    pub(super) fn of(answer: &Answer<'_>) -> Self {
        match answer {
            Answer::Allow { set, remove, remove_query, dropped, .. } => Self::Upstream {
                set: owned(set),
                remove: remove.iter().map(ToString::to_string).collect(),
                remove_query: remove_query.iter().map(ToString::to_string).collect(),
                dropped: dropped.iter().map(ToString::to_string).collect(),
            },
            Answer::Deny { status, headers, body, .. } => {
                Self::Client { status: *status, headers: owned(headers), body: body.to_string() }
            }
        }
    }

    /// The HTTP status towards the client, as far as we decide it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Upstream { .. } => 200,
            Self::Client { status, .. } => *status,
        }
    }
}

fn owned(fields: &[Field<'_>]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}
