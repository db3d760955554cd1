//! Routes: which of them the authorizer is not asked about.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::{At, Diagnostics};

use super::find::{Configuration, Filter, Manager, answers_itself, http_filters, routes_of};
use super::{call, filter};

const PER_ROUTE: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";
/// Settings of any filter, with a switch of their own.
const ANY_FILTER: &str = "envoy.config.route.v3.FilterConfig";

/// What settings of a route make of the filter.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Nothing was said.
    AsUsual,
    /// It is off, as said here.
    Off(At),
    /// It is on.
    On,
}

pub fn examine(manager: &Manager<'_>, configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    let mut exempt = None;
    for filter in manager.authorizers() {
        let off = filter.entry.get("disabled");
        let is_off = off.is_true();
        let unlisted = walk(manager, filter, &mut exempt, problems);
        if let Some(route) = unlisted.filter(|_| is_off) {
            exempt = exempt.or(Some(off.at));
            problems
                .warning(
                    codes::OFF_BY_DEFAULT,
                    off.at,
                    "the filter is off, and this route does not turn it on: nobody judges it",
                )
                .hint("leave `disabled` out, and let the policy say what is open")
                .see(route, "the first such route");
        }
    }
    if manager.authorizers().next().is_some() {
        wrong_names(manager, problems);
        other_calls(manager, configuration, problems);
        upgrades(manager, problems);
    }
    if let Some(at) = exempt.filter(|_| !strips_identity(manager)) {
        problems
            .warning(
                codes::IDENTITY_FROM_CLIENT,
                at,
                "on this exempt route identity headers reach the application as the client wrote them",
            )
            .hint("remove them for every route with `early_header_mutation_extensions`, as deploy/envoy/envoy.yaml does");
    }
}

/// Looks at every route; gives the first that says nothing of the filter.
fn walk(
    manager: &Manager<'_>,
    filter: &Filter<'_>,
    exempt: &mut Option<At>,
    problems: &mut Diagnostics,
) -> Option<At> {
    let name = filter.entry.get("name").text().unwrap_or_default();
    let all = state(manager.routes, &name);
    let mut unlisted = None;
    for host in manager.routes.get("virtual_hosts").items() {
        let of_host = or(state(host, &name), all);
        for route in routes_of(host).into_iter().filter(|route| !answers_itself(*route)) {
            let own = state(route, &name);
            let weighted = route.get("route.weighted_clusters.clusters");
            let of_clusters = weighted.items().map(|cluster| state(cluster, &name));
            let off = of_clusters.into_iter().find(|state| matches!(state, State::Off(_)));
            match off.unwrap_or_else(|| or(own, of_host)) {
                State::Off(at) => {
                    if !removes_identity(host) && !removes_identity(route) {
                        exempt.get_or_insert(at);
                    }
                    exemption(route, at, problems);
                }
                State::AsUsual => {
                    unlisted.get_or_insert(route.get("match").at);
                }
                State::On => {}
            }
        }
    }
    unlisted
}

fn exemption(route: Look<'_>, at: At, problems: &mut Diagnostics) {
    let matched = route.get("match");
    if matched.get("path").is_there() {
        return;
    }
    let prefix = ["prefix", "path_separated_prefix"].iter().find_map(|key| matched.get(key).text());
    let what = prefix.map_or_else(
        || "the filter is off for more than one path".to_owned(),
        |prefix| format!("the filter is off for everything below `{prefix}`"),
    );
    problems
        .warning(codes::EXEMPT_PREFIX, at, format!("{what}: what a service reads differently slips through"))
        .hint("leave the filter on, and open the path in the policy (`allow: anyone`); or match one `path:`")
        .see(matched.at, "the route");
}

fn or(own: State, outer: State) -> State {
    match own {
        State::AsUsual => outer,
        State::Off(_) | State::On => own,
    }
}

/// What a route, virtual host or route configuration says of the filter.
fn state(holder: Look<'_>, filter: &str) -> State {
    let settings = holder.get("typed_per_filter_config").key(filter);
    if !settings.is_there() {
        return State::AsUsual;
    }
    let switches = [settings.get("disabled"), of_filter(settings).get("disabled")];
    switches.into_iter().find(|switch| switch.is_true()).map_or(State::On, |switch| State::Off(switch.at))
}

/// The filter's own settings of a route, with or without the switch around them.
fn of_filter(settings: Look<'_>) -> Look<'_> {
    let inner = if settings.kind() == Some(ANY_FILTER) { settings.get("config") } else { settings };
    inner.config()
}

/// A route may ask somebody else, or send more.
fn other_calls(manager: &Manager<'_>, configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    for holder in manager.holders() {
        for (_, settings) in holder.get("typed_per_filter_config").entries() {
            let check = of_filter(settings).get("check_settings");
            filter::body(check, problems);
            call::examine(check, configuration, problems);
        }
    }
}

/// Envoy does not complain of settings for a filter that is not there: they do nothing.
fn wrong_names(manager: &Manager<'_>, problems: &mut Diagnostics) {
    let given = manager.holders().flat_map(|holder| holder.get("typed_per_filter_config").entries());
    for (name, settings) in given {
        let is_known = manager.authorizers().any(|filter| filter.entry.get("name").is(name));
        if settings.kind() == Some(PER_ROUTE) && !is_known {
            problems
                .warning(
                    codes::WRONG_FILTER_NAME,
                    settings.at,
                    format!("no ext_authz filter has the name `{name}`: these settings do nothing"),
                )
                .hint("write the filter's own `name`");
        }
    }
}

/// An upgrade may have filters of its own.
fn upgrades(manager: &Manager<'_>, problems: &mut Diagnostics) {
    for upgrade in manager.config.get("upgrade_configs").items() {
        let filters = upgrade.get("filters");
        let own = http_filters(filters, &[]);
        if !own.is_empty() && !own.iter().any(Filter::is_authorizer) {
            let kind = upgrade.get("upgrade_type").text().unwrap_or_default().into_owned();
            problems
                .warning(
                    codes::UPGRADE_BESIDE,
                    filters.at,
                    format!("an upgrade to `{kind}` goes through filters of its own, and nobody judges it"),
                )
                .hint("leave `filters` out, so that the usual ones are used, or add ext_authz to them");
        }
    }
}

/// Whether headers that could be an identity are removed before anything else, or on every way to a service.
fn strips_identity(manager: &Manager<'_>) -> bool {
    let early = manager.config.get("early_header_mutation_extensions");
    let mutations = early.items().flat_map(|extension| {
        let mutations = extension.get("typed_config").config().get("mutations");
        mutations.items().collect::<Vec<_>>()
    });
    let mut early = mutations.map(|mutation| {
        let named = mutation.get("remove").text().is_some_and(|name| is_identity(&name));
        named || mutation.get("remove_on_match").is_there()
    });
    early.any(|is_removed| is_removed) || removes_identity(manager.routes)
}

fn removes_identity(holder: Look<'_>) -> bool {
    let mut removed = holder.get("request_headers_to_remove").items();
    removed.any(|name| name.text().is_some_and(|name| is_identity(&name)))
}

/// Whether a header could say who is asking; those that others set could not.
fn is_identity(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let others = ["x-envoy-", "x-forwarded-", "x-original-", "x-rewrite-", "x-http-", "x-method-"];
    !others.iter().any(|other| name.starts_with(other))
}
