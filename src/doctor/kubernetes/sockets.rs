//! Where it listens: a socket that Envoy and nobody else reaches, and listeners that only the right ones do.

use std::path::Path;

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::{At, Diagnostics};
use crate::settings::Address;

use super::container::{Container, is_reachable};
use super::pod::Pod;

/// The longest path that the kernel takes.
const LONGEST_PATH: usize = 107;

pub fn examine(pod: &Pod<'_>, container: &Container<'_>, problems: &mut Diagnostics) {
    for (address, at) in container.addresses("listen.grpc").unwrap_or_default() {
        match &address {
            Address::Unix(path) => socket(pod, container, path, at, problems),
            Address::Abstract(_) => {
                // Containers of a pod share a network, and so the names of abstract sockets.
            }
            Address::Tcp(_) => in_the_clear(container, &address, at, problems),
            Address::Systemd(_) => {
                problems
                    .warning(
                        codes::SOCKET_NOT_SHARED,
                        at,
                        "nothing passes sockets to a container of a pod: it will not start",
                    )
                    .hint("`unix:/path` in an `emptyDir` that is mounted in both containers");
            }
        }
    }
    for (address, at) in container.addresses("listen.admin").unwrap_or_default() {
        if is_reachable(&address) {
            problems
                .warning(
                    codes::ADMIN_LISTENER_OPEN,
                    at,
                    format!("the admin listener at `{address}` shows rules, callers and keys to the whole cluster"),
                )
                .hint("leave `listen.admin` on loopback, and use `kubectl port-forward`; metrics and probes are at `listen.metrics`");
        }
    }
}

fn in_the_clear(container: &Container<'_>, address: &Address, at: At, problems: &mut Diagnostics) {
    let has_tls = container.setting("tls.cert").is_none_or(|given| !given.text.is_empty());
    if is_reachable(address) && !has_tls {
        problems
            .warning(
                codes::LISTENER_IN_THE_CLEAR,
                at,
                format!("`{address}` takes questions, and with them tokens, unencrypted and from everybody"),
            )
            .hint("a unix socket beside Envoy; or `tls.cert`, `tls.key` and `tls.client_ca`");
    }
}

fn socket(pod: &Pod<'_>, container: &Container<'_>, path: &Path, at: At, problems: &mut Diagnostics) {
    if path.as_os_str().len() > LONGEST_PATH {
        problems
            .warning(codes::SOCKET_PATH, at, format!("the path of a socket has at most {LONGEST_PATH} bytes"))
            .hint("mount the directory at a shorter path");
    }
    let Some((_, envoy)) = pod.envoy() else { return };
    let own = mount(container, path);
    let volume = own.and_then(|own| own.get("name").text());
    let theirs = volume
        .as_ref()
        .and_then(|name| envoy.entry.get("volumeMounts").items().find(|mount| mount.get("name").is(name)));
    let is_shared = volume
        .as_ref()
        .and_then(|name| pod.volume(name))
        .is_some_and(|volume| volume.get("emptyDir").is_there() || volume.get("hostPath").is_there());
    let is_writable = own.is_some_and(|own| !own.get("readOnly").is_true());
    if theirs.is_none() || !is_shared || !is_writable {
        let message = match (own.is_some(), is_shared && is_writable) {
            (false, _) => {
                format!("nothing is mounted where `{}` is made: Envoy does not see it", path.display())
            }
            (true, false) => {
                format!("no socket can be made in the volume where `{}` should be", path.display())
            }
            (true, true) => format!("the volume with `{}` is not mounted in Envoy", path.display()),
        };
        problems
            .warning(codes::SOCKET_NOT_SHARED, at, message)
            .hint("an `emptyDir` for the socket alone, mounted in both containers, for Envoy `readOnly`")
            .see(envoy.entry.at, "Envoy");
        return;
    }
    if !may_open(pod, container, envoy) {
        problems
            .warning(
                codes::SOCKET_CLOSED,
                at,
                "the socket is for its own user and group, and Envoy has others",
            )
            .hint("the same `runAsGroup` for both, or an `fsGroup` of the pod, or `listen.socket_mode: 0666`")
            .see(envoy.entry.at, "Envoy");
    }
}

/// The mount that a path lies in.
fn mount<'n>(container: &Container<'n>, path: &Path) -> Option<Look<'n>> {
    let mounts = container.entry.get("volumeMounts").items();
    mounts.filter(|mount| mount.get("mountPath").text().is_some_and(|at| path.starts_with(&*at))).last()
}

/// Whether Envoy's user may open the socket, as far as the manifest says.
fn may_open(pod: &Pod<'_>, container: &Container<'_>, envoy: &Container<'_>) -> bool {
    let mode =
        container.setting("listen.socket_mode").and_then(|given| i64::from_str_radix(&given.text, 8).ok());
    if mode.is_none_or(|mode| mode & 0o006 == 0o006) || pod.spec.get("securityContext.fsGroup").is_there() {
        return true;
    }
    let of = |container: &Container<'_>, key: &str| {
        let own = container.entry.get("securityContext").get(key);
        own.number().or_else(|| pod.spec.get("securityContext").get(key).number())
    };
    let same = |key: &str| of(container, key).is_some() && of(container, key) == of(envoy, key);
    same("runAsUser") || same("runAsGroup")
}
