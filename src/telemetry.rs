//! What is told of the work: metrics, the decision log, and the log of the process. Nothing here decides, and
//! nothing here makes a decision wait.

mod build;
mod decisions;
mod form;
mod lines;
mod metrics;
mod trace;

pub use build::BUILD;
pub use decisions::{DecisionLog, Entry};
pub use form::Form;
pub use lines::Lines;
pub use metrics::{Metrics, PolicySeries, Reload};
pub use trace::trace;
