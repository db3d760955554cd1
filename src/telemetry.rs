//! What is told of the work: metrics, the decision log, and the log of the process. Nothing here decides, and
//! nothing here makes a decision wait.

mod build;
mod decisions;
mod form;
mod lines;
mod metrics;
mod panics;
mod spans;
mod trace;

pub use build::BUILD;
pub use decisions::{DecisionLog, Entry, Wanted};
pub use form::Form;
pub use lines::Lines;
pub use metrics::{Metrics, PolicySeries, Reload};
pub use panics::tell_panics;
pub use spans::{Spans, SpansError, TraceParent};
pub use trace::trace;
