//! The order of start and end: Portcullis is there before Envoy asks, and as long as Envoy may ask.

use std::time::Duration;

use crate::doctor::codes;
use crate::policy::diagnostic::Diagnostics;

use super::container::Container;
use super::pod::Pod;

/// What Kubernetes grants without `terminationGracePeriodSeconds`.
const DEFAULT_GRACE: i64 = 30;

pub fn examine(pod: &Pod<'_>, container: &Container<'_>, problems: &mut Diagnostics) {
    if container.is_init && !container.is_native() {
        problems
            .warning(
                codes::NEVER_ENDS,
                container.entry.at,
                "an init container has to end before the pod goes on, and a server does not",
            )
            .hint("`restartPolicy: Always` makes it a sidecar");
    }
    if let Some((index, envoy)) = pod.envoy() {
        let own = pod.containers.iter().position(|other| std::ptr::eq(other, container));
        if own.is_some_and(|own| own > index) {
            problems
                .warning(
                    codes::AFTER_ENVOY,
                    container.entry.at,
                    "this container starts after Envoy, and as a sidecar ends before it: requests meet nobody who decides",
                )
                .hint("put it before Envoy in the list")
                .see(envoy.entry.at, "Envoy");
        }
        if !container.is_init && !envoy.is_init {
            ends_together(container, problems);
        }
    }
    grace(pod, container, problems);
}

/// Plain containers are all told to end at once.
fn ends_together(container: &Container<'_>, problems: &mut Diagnostics) {
    let delay = container.duration("shutdown.delay");
    let waits = container.entry.get("lifecycle.preStop").is_there();
    if delay == Some(Duration::ZERO) && !waits {
        problems
            .warning(
                codes::ENDS_WITH_ENVOY,
                container.entry.at,
                "plain containers are told to end all at once: Envoy's last requests meet nobody who decides",
            )
            .hint(
                "PORTCULLIS_SHUTDOWN_DELAY of more than Envoy's own drain, such as 15s; or native sidecars",
            );
    }
}

fn grace(pod: &Pod<'_>, container: &Container<'_>, problems: &mut Diagnostics) {
    let grace = pod.spec.get("terminationGracePeriodSeconds");
    let granted = grace.number().unwrap_or(DEFAULT_GRACE);
    let (Some(delay), Some(drain)) =
        (container.duration("shutdown.delay"), container.duration("shutdown.drain"))
    else {
        return;
    };
    let sleep = container.entry.get("lifecycle.preStop.sleep.seconds").number().unwrap_or(0);
    let needed = i64::try_from((delay + drain).as_secs()).unwrap_or(i64::MAX).saturating_add(sleep);
    if granted < needed {
        problems
            .warning(
                codes::GRACE_TOO_SHORT,
                if grace.is_there() { grace.at } else { container.entry.at },
                format!("its end takes up to {needed} s, and after {granted} s it is killed"),
            )
            .hint("raise `terminationGracePeriodSeconds`, or lower `shutdown.delay` and `shutdown.drain`");
    }
}
