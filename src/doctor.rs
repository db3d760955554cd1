//! What in the configuration around Portcullis makes an authorizer useless: it is not asked, asked too late,
//! about something else than what is done, or its answer does not count.

pub mod codes;
mod envoy;
mod kubernetes;
mod look;
mod ours;

use crate::policy::diagnostic::{At, Diagnostics, SourceFile};
use crate::policy::yaml;
use look::Look;

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// What may be wrong, in the order of files and lines.
    pub problems: Diagnostics,
    /// What was looked at, in a few words: `1 listener, 1 filter`.
    pub seen: String,
}

/// Looks at bootstraps of Envoy, at its own dumps (`/config_dump`), and at files of listeners, clusters and
/// routes. All files are of one Envoy.
#[must_use]
pub fn envoy(files: &[SourceFile]) -> Examination {
    examine(files, codes::NOT_ENVOY, envoy::examine)
}

/// Looks at manifests of Kubernetes with pods in which Portcullis runs.
#[must_use]
pub fn kubernetes(files: &[SourceFile]) -> Examination {
    examine(files, codes::NO_SIDECAR, kubernetes::examine)
}

fn examine(
    files: &[SourceFile],
    empty: &'static str,
    by: fn(&[Look<'_>], &mut Diagnostics) -> String,
) -> Examination {
    let mut problems = Diagnostics::default();
    let mut documents = Vec::new();
    for (index, file) in files.iter().enumerate() {
        documents.extend(yaml::documents(file, u32::try_from(index).unwrap_or(u32::MAX), &mut problems));
    }
    let looks: Vec<Look<'_>> = documents.iter().map(Look::of).collect();
    // What could not be read may hold what the rest seems to lack.
    if documents.is_empty() && !problems.has_errors() {
        // An empty file is no clean configuration.
        let top = At { file: 0, line: 1, column: 1, start: 0, end: 0 };
        problems.error(empty, top, "there is nothing in it").hint("give the file that is used");
    }
    let seen = if problems.has_errors() { String::new() } else { by(&looks, &mut problems) };
    problems.sort();
    Examination { problems, seen }
}
