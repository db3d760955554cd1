//! One reading of paths and hosts: what Envoy routes is what was judged.

use crate::doctor::codes;
use crate::policy::diagnostic::Diagnostics;

use super::find::Manager;

pub fn examine(manager: &Manager<'_>, problems: &mut Diagnostics) {
    let config = manager.config;
    let normalize = config.get("normalize_path");
    if !normalize.is_true() {
        problems
            .warning(
                codes::NOT_NORMALIZED,
                normalize.at,
                "paths are not normalized: `/open/../admin` is routed as `/open/…`",
            )
            .hint("`normalize_path: true` in the connection manager");
    }
    let merge = config.get("merge_slashes");
    if !merge.is_true() {
        problems
            .warning(
                codes::SLASHES_NOT_MERGED,
                merge.at,
                "slashes are not merged: `//admin` is another route than `/admin`, and one path for the service",
            )
            .hint("`merge_slashes: true` in the connection manager");
    }
    escaped_slashes(manager, problems);
    host_spellings(manager, problems);
}

fn escaped_slashes(manager: &Manager<'_>, problems: &mut Diagnostics) {
    let action = manager.config.get("path_with_escaped_slashes_action");
    let is_settled = ["REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD", "2", "3", "4"]
        .iter()
        .any(|word| action.is(word));
    if !is_settled {
        problems
            .warning(
                codes::ESCAPED_SLASHES,
                action.at,
                "`%2F` and `%5C` in a path are let through: a slash for some services, and none for Envoy",
            )
            .hint("`path_with_escaped_slashes_action: REJECT_REQUEST` in the connection manager");
    }
}

/// `api.example.com:443` is one host for the policy, which leaves the port out, and another for virtual hosts.
fn host_spellings(manager: &Manager<'_>, problems: &mut Diagnostics) {
    let hosts = manager.routes.get("virtual_hosts");
    if hosts.items().count() < 2 {
        return;
    }
    let config = manager.config;
    let without_port = config.get("strip_any_host_port").is_true()
        || config.get("strip_matching_host_port").is_true()
        || manager.routes.get("ignore_port_in_host_matching").is_true();
    let without_dot = config.get("strip_trailing_host_dot").is_true();
    let (missing, example) = match (without_port, without_dot) {
        (true, true) => return,
        (true, false) => ("`strip_trailing_host_dot: true`", "`api.example.com.`"),
        (false, true) => ("`strip_any_host_port: true`", "`api.example.com:443`"),
        (false, false) => {
            ("`strip_any_host_port: true` and `strip_trailing_host_dot: true`", "`api.example.com:443`")
        }
    };
    problems
        .warning(
            codes::HOST_SPELLINGS,
            config.at,
            format!("{example} is judged as `api.example.com`, and goes to the virtual host of `*`"),
        )
        .hint(format!("{missing} in the connection manager"))
        .see(hosts.at, "several virtual hosts");
}
