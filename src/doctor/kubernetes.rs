//! What in the manifests of a pod makes the Portcullis in it useless.

mod container;
mod order;
mod pod;
mod policies;
mod probes;
mod resources;
mod security;
mod sockets;

use crate::policy::diagnostic::Diagnostics;

use super::codes;
use super::look::Look;

/// Reports what is wrong, and says what was looked at.
pub fn examine(documents: &[Look<'_>], problems: &mut Diagnostics) -> String {
    let mut seen = 0;
    for spec in pod::specs(documents) {
        let pod = pod::Pod::of(spec);
        for container in pod.portcullis() {
            seen += 1;
            policies::examine(&pod, container, problems);
            probes::examine(container, problems);
            resources::examine(&pod, container, problems);
            order::examine(&pod, container, problems);
            security::examine(&pod, container, problems);
            sockets::examine(&pod, container, problems);
        }
    }
    if let Some(first) = documents.first().filter(|_| seen == 0) {
        problems
            .error(codes::NO_SIDECAR, first.at, "no container here is Portcullis")
            .hint("give the manifests of pods; Portcullis is known by its image, its command or PORTCULLIS_ variables");
    }
    format!("{seen} container{} of Portcullis", if seen == 1 { "" } else { "s" })
}
