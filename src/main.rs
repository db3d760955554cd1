//! The program: everything is in the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes a few dozen small allocations on the thread that answers it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    portcullis::cli::main()
}
