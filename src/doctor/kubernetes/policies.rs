//! The policy: that it changes when its `ConfigMap` does, and that its silence denies.

use crate::doctor::codes;
use crate::policy::diagnostic::Diagnostics;

use super::container::Container;
use super::pod::Pod;

pub fn examine(pod: &Pod<'_>, container: &Container<'_>, problems: &mut Diagnostics) {
    for mount in container.entry.get("volumeMounts").items() {
        let sub_path = ["subPath", "subPathExpr"].iter().find_map(|key| mount.get(key).there());
        let volume = mount.get("name").text().and_then(|name| pod.volume(&name));
        let is_updated = |key: &str| volume.is_none_or(|volume| volume.get(key).is_there());
        let is_of_cluster =
            ["configMap", "secret", "projected", "downwardAPI"].iter().any(|key| is_updated(key));
        if let Some(sub_path) = sub_path.filter(|_| is_of_cluster) {
            problems
                .warning(
                    codes::NEVER_UPDATED,
                    sub_path.at,
                    "a `subPath` mount stays as it was at the start: a changed policy or key never arrives",
                )
                .hint("mount the whole volume as a directory, without `subPath`");
        }
    }
    let answers = container.setting("answers.error_response");
    if let Some(given) = answers.filter(|given| given.text == "true") {
        problems
            .warning(
                codes::MAY_FAIL_OPEN,
                given.at,
                "what could not be decided is left to Envoy's failure mode, which may let it through",
            )
            .hint("leave `answers.error_response` out");
    }
}
