//! A counter with labels whose series come and go with policies. (Those of the prometheus crate hold ten
//! times the memory a series, and copy all of it at every scrape.)

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One counter.
#[derive(Debug, Clone, Default)]
pub(super) struct Count(Arc<AtomicU64>);

impl Count {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }
}

/// The values of all labels, in the order of their names.
pub(super) type Values<const N: usize> = [Arc<str>; N];

/// All series of one name.
#[derive(Debug)]
pub(super) struct Family<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    series: Mutex<BTreeMap<Values<N>, Count>>,
}

impl<const N: usize> Family<N> {
    pub fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, labels, series: Mutex::default() }
    }

    /// The counter with these values; made if it is not there. Takes a lock: not for the deciding path.
    pub fn count(&self, values: [&str; N]) -> Count {
        self.series().entry(values.map(Arc::from)).or_default().clone()
    }

    /// Exactly these series, in this order: those that were there go on, the others begin, and what is not
    /// among them is gone.
    pub fn become_these(&self, wanted: impl IntoIterator<Item = Values<N>>) -> Vec<Count> {
        let mut series = self.series();
        let mut next = BTreeMap::new();
        let mut counts = Vec::new();
        for values in wanted {
            let known = series.get(&values).cloned().unwrap_or_default();
            counts.push(next.entry(values).or_insert(known).clone());
        }
        *series = next;
        counts
    }

    /// Only series whose values are wanted stay.
    pub fn retain(&self, wanted: impl Fn(&Values<N>) -> bool) {
        self.series().retain(|values, _| wanted(values));
    }

    /// Appends the text that Prometheus reads.
    pub fn render(&self, text: &mut String) {
        // Copied, so that nobody who counts waits for the text.
        let series: Vec<(Values<N>, Count)> =
            self.series().iter().map(|(values, count)| (values.clone(), count.clone())).collect();
        let Self { name, help, .. } = self;
        let _infallible = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n");
        for (values, count) in &series {
            text.push_str(name);
            for (position, (label, value)) in self.labels.iter().zip(values).enumerate() {
                text.push(if position == 0 { '{' } else { ',' });
                text.push_str(label);
                text.push_str("=\"");
                push_escaped(text, value);
                text.push('"');
            }
            let _infallible = writeln!(text, "}} {}", count.0.load(Ordering::Relaxed));
        }
    }

    fn series(&self) -> MutexGuard<'_, BTreeMap<Values<N>, Count>> {
        // Whoever panicked left a map that holds, at worst, too few series.
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push_escaped(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}
