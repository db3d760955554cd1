//! What the container may do. It needs nothing: no root, no file of its own, no privilege.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::Diagnostics;

use super::container::Container;
use super::pod::Pod;

pub fn examine(pod: &Pod<'_>, container: &Container<'_>, problems: &mut Diagnostics) {
    let own = container.entry.get("securityContext");
    let of_pod = pod.spec.get("securityContext");
    let either = |key: &str| own.get(key).there().or(of_pod.get(key).there());
    let root = either("runAsNonRoot");
    let user = either("runAsUser");
    let is_zero = |user: &Look<'_>| user.is("0");
    let is_another = root.is_some_and(Look::is_true) || user.is_some_and(|user| !is_zero(&user));
    let zero = user.filter(is_zero);
    if zero.is_some() || !is_another {
        problems
            .warning(
                codes::MAY_BE_ROOT,
                zero.or(root).unwrap_or(own).at,
                "nothing keeps this container from being root",
            )
            .hint("`securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 }`");
    }
    let read_only = own.get("readOnlyRootFilesystem");
    if !read_only.is_true() {
        problems
            .warning(
                codes::WRITABLE,
                read_only.at,
                "its root file system can be written, and it writes nothing there",
            )
            .hint("`securityContext: { readOnlyRootFilesystem: true }`");
    }
    let escalation = own.get("allowPrivilegeEscalation");
    let drops_all = own.get("capabilities.drop").items().any(|one| one.is("ALL"));
    let adds = own.get("capabilities.add").items().next().is_some();
    let is_privileged = own.get("privileged").is_true();
    if !escalation.is("false") || !drops_all || adds || is_privileged {
        let place = if escalation.is("false") { own.get("capabilities") } else { escalation };
        problems
            .warning(codes::PRIVILEGES, place.at, "it keeps, or may gain, privileges that it does not need")
            .hint("`securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }`");
    }
    let profile = own.get("seccompProfile.type").there().or(of_pod.get("seccompProfile.type").there());
    let is_filtered = profile.is_some_and(|profile| profile.is("RuntimeDefault") || profile.is("Localhost"));
    if !is_filtered {
        problems
            .warning(codes::SECCOMP, profile.unwrap_or(own).at, "every system call is open to it")
            .hint("`securityContext: { seccompProfile: { type: RuntimeDefault } }`");
    }
}
