//! What requests are judged by at this moment: one atomic load, no lock.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};

use crate::engine::Snapshot;
use crate::telemetry::PolicySeries;

use crate::token::IssuerId;

use super::keys::Wanted;

/// The live snapshot. Readers never lock; one writer replaces it whole.
#[derive(Debug, Default)]
pub struct Live(ArcSwapOption<Published>);

/// A snapshot, and what belongs to it.
#[derive(Debug)]
pub struct Published {
    /// Policy and keys of one moment.
    pub snapshot: Snapshot,
    /// Counters of its rules.
    pub series: Arc<PolicySeries>,
    /// Counts what was published: policies and keys.
    pub generation: u64,
    /// Per issuer: who fetches its keys.
    pub(super) wanted: Arc<[Wanted]>,
}

impl Live {
    /// What is live; `None` before the first policy.
    #[must_use]
    pub fn load(&self) -> Guard<Option<Arc<Published>>> {
        self.0.load()
    }

    /// The same, for keeping.
    #[must_use]
    pub fn load_full(&self) -> Option<Arc<Published>> {
        self.0.load_full()
    }

    pub(super) fn publish(&self, published: Published) {
        self.0.store(Some(Arc::new(published)));
    }
}

impl Published {
    /// Asks for a fetch of an issuer's keys because of an unknown key id. It is over when the fetch that all
    /// such requests share is over, or at once if none may be made yet; the caller bounds the wait. Giving up
    /// the wait cancels nothing.
    pub fn want_keys(&self, issuer: IssuerId) -> impl Future<Output = ()> + Send + use<> {
        let wanted = self.wanted.get(usize::from(issuer.0)).cloned();
        async move {
            if let Some(wanted) = wanted {
                wanted.answered().await;
            }
        }
    }
}
