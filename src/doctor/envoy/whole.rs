//! What concerns the whole Envoy: its version, its admin page, and whether anything is judged at all.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::Diagnostics;

use super::find::{Configuration, Manager};

/// The first patch of a minor version in which path parameters no longer hide a path from the authorizer.
const MENDED: [(i64, i64); 4] = [(36, 10), (37, 6), (38, 4), (39, 1)];

pub fn examine(configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    for bootstrap in &configuration.bootstraps {
        version(bootstrap.get("node.user_agent_build_version.version"), problems);
        admin(bootstrap.get("admin.address"), problems);
    }
    for manager in &configuration.managers {
        for route in manager.each_route().filter(|route| !route.get("match.path").is_there()) {
            if configuration.leads_to_admin(route) {
                admin_behind_route(route, problems);
            }
        }
        if !manager.needs_no_decision(configuration) {
            nobody_asked(manager, problems);
        }
    }
}

fn nobody_asked(manager: &Manager<'_>, problems: &mut Diagnostics) {
    if manager.authorizers().next().is_some() {
        return;
    }
    if let Some(filter) = manager.filters.iter().find(|filter| filter.holds_authorizer()) {
        problems
            .warning(
                codes::SOME_REQUESTS,
                filter.entry.at,
                "whether the authorizer is asked depends on a match inside of another filter",
            )
            .hint("make ext_authz a filter of its own, and let the policy say what is open");
        return;
    }
    let at = manager.config.get("http_filters").at;
    problems
        .warning(codes::NOBODY_ASKED, at, "no `ext_authz` filter: these requests are judged by nobody")
        .hint("add the filter `envoy.filters.http.ext_authz` before the router; deploy/envoy/envoy.yaml has one");
}

fn version(version: Look<'_>, problems: &mut Diagnostics) {
    let number = |key: &str| version.get(key).number().unwrap_or(0);
    if !version.is_there() || number("major_number") != 1 {
        return;
    }
    let (minor, patch) = (number("minor_number"), number("patch"));
    let mended = MENDED.iter().find(|(known, _)| *known == minor).map(|(_, first)| *first);
    let is_old = mended.map_or(minor < 36, |first| patch < first);
    if is_old {
        problems
            .warning(
                codes::OLD_ENVOY,
                version.at,
                format!(
                    "this Envoy, 1.{minor}.{patch}, hides paths from its authorizer (CVE-2026-73551, CVE-2026-73511)"
                ),
            )
            .hint("run 1.40, 1.39.1, 1.38.4, 1.37.6, 1.36.10 or later");
    }
}

fn admin_behind_route(route: Look<'_>, problems: &mut Diagnostics) {
    problems
        .warning(
            codes::ADMIN_OPEN,
            route.get("route.cluster").at,
            "this route leads to the admin page: whoever reaches the listener can stop Envoy, and change what it does at run time",
        )
        .hint("match single pages by `path:`, such as `/ready` and `/stats/prometheus`");
}

fn admin(address: Look<'_>, problems: &mut Diagnostics) {
    let socket = address.get("socket_address.address");
    if let Some(host) = socket.text().filter(|host| !super::call::is_local(host)) {
        problems
            .warning(
                codes::ADMIN_OPEN,
                socket.at,
                format!("the admin page listens on `{host}`: whoever reaches it can stop Envoy, and change what it does at run time"),
            )
            .hint("bind it to 127.0.0.1 or to a unix socket");
    }
}
