//! Decision ids: UUID version 7 (RFC 9562 section 5.7), sortable by time and unique.

use std::sync::atomic::{AtomicU32, Ordering};

use uuid::{Builder, Uuid};

pub(super) use uuid::fmt::Hyphenated;

use crate::time::UnixTime;

/// Makes ids: the time, a counter that begins anywhere, and bytes drawn when the process started.
#[derive(Debug)]
pub(super) struct DecisionIds {
    process: [u8; 6],
    next: AtomicU32,
}

impl DecisionIds {
    pub(super) fn new() -> Self {
        let [a, b, c, d, e, f, g, h, i, j, ..] = Uuid::new_v4().into_bytes();
        Self { process: [a, b, c, d, e, f], next: AtomicU32::new(u32::from_be_bytes([g, h, i, j])) }
    }

    pub(super) fn next(&self, now: UnixTime) -> Hyphenated {
        // Version and variant take four bits of the first byte and two of the third: the counter goes round
        // them, 26 bits of it.
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let ([_, _, _, a], [_, _, _, b]) =
            ((count >> 22 & 0x0f).to_be_bytes(), (count >> 14 & 0xff).to_be_bytes());
        let ([_, _, _, c], [_, _, _, d]) = ((count >> 8 & 0x3f).to_be_bytes(), (count & 0xff).to_be_bytes());
        let [p, q, r, s, t, u] = self.process;
        let millis = u64::try_from(now.millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &[a, b, c, d, p, q, r, s, t, u]).into_uuid().hyphenated()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_within_a_millisecond_and_sort_by_time() {
        let ids = DecisionIds::new();
        let same: HashSet<String> =
            (0..100_000).map(|_| ids.next(UnixTime::from_millis(5)).to_string()).collect();
        assert_eq!(same.len(), 100_000);
        let later = ids.next(UnixTime::from_millis(6)).to_string();
        assert!(same.iter().all(|earlier| *earlier < later));
        assert_eq!(later.as_bytes()[14], b'7', "{later}");
    }
}
