//! What tests of faults saw: `make faults` lists it all, and `docs/reliability.md` has the figures.

use std::fmt::Display;

/// Tells it of a row of the fault matrix.
#[expect(clippy::print_stdout, reason = "to be read by people")]
pub fn saw(row: u32, figures: impl Display) {
    println!("\nfault {row:>2}: {figures}");
}
