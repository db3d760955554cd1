//! What was built, of what, by what.

/// The build, for metrics and `/version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The version of the package.
    pub version: &'static str,
    /// The commit, where the build was told of it; else `unknown`.
    pub revision: &'static str,
    /// The version of the compiler.
    pub rustc: &'static str,
}

/// This build.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: env!("PORTCULLIS_REVISION"),
    rustc: env!("PORTCULLIS_RUSTC"),
};
