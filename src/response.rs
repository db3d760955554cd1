//! What client and upstream are told of a decision: transport-neutral, total, and made in one place.
//!
//! Nothing that a token, a header or a path holds gets into an [`Answer`] unless it can do no harm there.

mod challenge;
mod credential;
mod denial;
mod metadata;
mod phrase;
mod upstream;

use std::borrow::Cow;

use crate::decision::{Block, Decision, Denial};
use crate::policy::{Judgement, Policy};
use crate::request::{Headers, Incoming};

pub use metadata::Metadata;
pub(crate) use phrase::sentence;

/// Name and value of a header.
pub type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What is to be said, in whatever transport. It borrows from the policy, the judgement and the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The request goes on to the upstream.
    Allow {
        /// Headers that replace whatever the request has under these names.
        set: Vec<Field<'a>>,
        /// Headers that the upstream must not see, names that can be written in HTTP. INVARIANT: never a name
        /// that is also set, because proxies remove after they set.
        remove: Vec<Cow<'a, str>>,
        /// Query parameters that the upstream must not see, spelled as they were sent.
        remove_query: Vec<Cow<'a, str>>,
        /// Headers whose value could not be sent, for the metric.
        dropped: Vec<&'a str>,
        /// For the proxy's access log.
        metadata: Metadata<'a>,
    },
    /// The client is turned away.
    Deny {
        /// Which kind of denial it is, whatever the status says.
        block: Block,
        /// 300 to 599.
        status: u16,
        /// Headers of the answer, each name once.
        headers: Vec<Field<'a>>,
        /// The body; also for HEAD, where the proxy keeps it back.
        body: Cow<'a, str>,
        /// For the proxy's access log.
        metadata: Metadata<'a>,
    },
}

impl<'a> Answer<'a> {
    /// For the proxy's access log.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata<'a> {
        match self {
            Self::Allow { metadata, .. } | Self::Deny { metadata, .. } => metadata,
        }
    }
}

/// Answers a judged request.
#[must_use]
pub fn answer<'a>(
    policy: &'a Policy,
    incoming: &'a Incoming<'_>,
    judgement: &'a Judgement<'_>,
    decision_id: &'a str,
) -> Answer<'a> {
    let metadata = Metadata::of(policy, judgement, decision_id);
    match &judgement.decision {
        Decision::Allow(grant) => upstream::allow(policy, incoming, judgement, grant, metadata),
        Decision::Deny(denial) => {
            let caller = judgement.caller.as_deref();
            denial::deny(Some(policy), &incoming.headers, denial, caller, metadata)
        }
    }
}

/// Answers a request that was never judged: no policy is live, too much work, no HTTP part, a defect.
#[must_use]
pub fn refuse<'a>(
    policy: Option<&'a Policy>,
    headers: &Headers<'_>,
    denial: &Denial,
    decision_id: &'a str,
) -> Answer<'a> {
    let metadata = Metadata::of_denial(policy, denial, decision_id);
    denial::deny(policy, headers, denial, None, metadata)
}

#[cfg(test)]
mod tests;
