//! What `portcullis_build_info` and `version` say of the build.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PORTCULLIS_REVISION");
    let revision = env::var("PORTCULLIS_REVISION").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo:rustc-env=PORTCULLIS_REVISION={revision}");
    println!("cargo:rustc-env=PORTCULLIS_RUSTC={}", rustc().unwrap_or_else(|| "unknown".to_owned()));
}

/// The version alone: `1.95.0`.
fn rustc() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}
