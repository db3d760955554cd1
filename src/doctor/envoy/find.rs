//! Where listeners, clusters and routes stand: in a bootstrap, in a dump of a running Envoy, or in a file of
//! resources.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::{At, Diagnostics};

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const AUTHORIZER: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";

/// Everything that is looked at, of one Envoy.
#[derive(Debug, Default)]
pub struct Configuration<'n> {
    /// Bootstraps; there is one, unless somebody gave several files.
    pub bootstraps: Vec<Look<'n>>,
    /// The connection managers of all listeners.
    pub managers: Vec<Manager<'n>>,
    clusters: Vec<Look<'n>>,
}

/// An HTTP connection manager.
#[derive(Debug)]
pub struct Manager<'n> {
    /// Its settings; spoken of at the name of the network filter.
    pub config: Look<'n>,
    /// The listener it belongs to.
    pub listener: Look<'n>,
    /// The filters of requests, in their order.
    pub filters: Vec<Filter<'n>>,
    /// Its routes, wherever they come from; nothing where they come from elsewhere.
    pub routes: Look<'n>,
}

/// A filter of requests.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'n> {
    /// The entry of the list: name, `disabled`.
    pub entry: Look<'n>,
    /// Its settings, spoken of at its name.
    pub config: Look<'n>,
    /// The type of its settings.
    pub kind: &'n str,
}

impl<'n> Configuration<'n> {
    /// Finds everything in the documents of all files.
    pub fn find(documents: &[Look<'n>], problems: &mut Diagnostics) -> Self {
        let mut found = Self::default();
        let (mut listeners, mut routes) = (Vec::new(), Vec::new());
        let mut comes_from_elsewhere = None;
        for document in documents {
            let dump = document.get("configs");
            if dump.is_there() {
                let of =
                    |kind: &str| dump.items().filter(move |part| is_kind(*part, kind)).collect::<Vec<_>>();
                let (own, others) = (of("ListenersConfigDump"), of("ClustersConfigDump"));
                for part in of("BootstrapConfigDump") {
                    let bootstrap = part.get("bootstrap");
                    found.bootstraps.push(bootstrap);
                    if own.is_empty() {
                        listeners.extend(bootstrap.get("static_resources.listeners").items());
                    }
                    if others.is_empty() {
                        found.clusters.extend(bootstrap.get("static_resources.clusters").items());
                    }
                }
                for part in own {
                    listeners.extend(inner(part, &["static_listeners"], "listener"));
                    listeners.extend(inner(part, &["dynamic_listeners"], "active_state.listener"));
                }
                for part in others {
                    let lists = ["static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"];
                    found.clusters.extend(inner(part, &lists, "cluster"));
                }
                for part in of("RoutesConfigDump") {
                    let lists = ["static_route_configs", "dynamic_route_configs"];
                    routes.extend(inner(part, &lists, "route_config"));
                }
            } else if document.get("resources").is_there() {
                for resource in document.get("resources").items() {
                    match resource.kind().and_then(|kind| kind.rsplit('.').next()) {
                        Some("Listener") => listeners.push(resource),
                        Some("Cluster") => found.clusters.push(resource),
                        Some("RouteConfiguration") => routes.push(resource),
                        Some(_) | None => {}
                    }
                }
            } else if is_bootstrap(*document) {
                found.bootstraps.push(*document);
                listeners.extend(document.get("static_resources.listeners").items());
                found.clusters.extend(document.get("static_resources.clusters").items());
                let source = document.get("dynamic_resources.lds_config");
                comes_from_elsewhere = comes_from_elsewhere.or(source.there());
            } else {
                not_envoy(*document, problems);
            }
        }
        found.managers = listeners.iter().flat_map(|listener| managers(*listener, &routes)).collect();
        if let Some(source) = comes_from_elsewhere.filter(|_| found.managers.is_empty()) {
            elsewhere(
                source.at,
                "the listeners come from a control plane, and are not in this file",
                problems,
            );
        }
        for manager in &found.managers {
            let by_name = manager.config.get("rds").there().or(manager.config.get("scoped_routes").there());
            if let Some(source) = by_name.filter(|_| !manager.routes.is_there()) {
                elsewhere(
                    source.at,
                    "the routes come from a control plane, and are not in this file",
                    problems,
                );
            }
        }
        found
    }

    /// Whether a route leads to Envoy's own admin page.
    pub fn leads_to_admin(&self, route: Look<'_>) -> bool {
        let port = |look: Look<'_>| look.get("socket_address.port_value").number();
        let admin = self.bootstraps.iter().find_map(|bootstrap| port(bootstrap.get("admin.address")));
        let cluster = route.get("route.cluster").text().and_then(|name| self.cluster(&name));
        let Some(cluster) = cluster.filter(|_| admin.is_some()) else { return false };
        let endpoints =
            cluster.get("load_assignment").everything().into_iter().map(|look| look.get("address"));
        endpoints.filter(|address| address.is_there()).any(|address| {
            let host = address.get("socket_address.address").text();
            host.is_some_and(|host| super::call::is_local(&host)) && port(address) == admin
        })
    }

    /// The cluster of a name.
    pub fn cluster(&self, name: &str) -> Option<Look<'n>> {
        self.clusters.iter().copied().find(|cluster| cluster.get("name").is(name))
    }
}

impl<'n> Manager<'n> {
    /// The filters that ask an authorizer.
    pub fn authorizers(&self) -> impl Iterator<Item = &Filter<'n>> {
        self.filters.iter().filter(|filter| filter.is_authorizer())
    }

    /// Whether nothing of what it serves could be protected: calls of the own application to others, and
    /// listeners that answer everything themselves or lead to single pages of Envoy's own.
    pub fn needs_no_decision(&self, configuration: &Configuration<'_>) -> bool {
        if self.listener.get("traffic_direction").is("OUTBOUND") {
            return true;
        }
        let is_harmless = |route: Look<'n>| {
            let is_one_page = route.get("match.path").is_there() && configuration.leads_to_admin(route);
            answers_itself(route) || is_one_page
        };
        let mut routes = self.each_route().peekable();
        routes.peek().is_some() && routes.all(is_harmless)
    }

    /// All routes of all virtual hosts.
    pub fn each_route(&self) -> impl Iterator<Item = Look<'n>> {
        self.routes.get("virtual_hosts").items().flat_map(|host| host.get("routes").items())
    }
}

impl Filter<'_> {
    /// Whether it asks an authorizer.
    pub fn is_authorizer(&self) -> bool {
        self.kind == AUTHORIZER
    }

    /// Whether it holds an authorizer, to be asked under conditions.
    pub fn holds_authorizer(&self) -> bool {
        !self.is_authorizer() && self.entry.everything().iter().any(|look| look.kind() == Some(AUTHORIZER))
    }
}

/// Whether a route redirects or answers, so that no service sees the request.
pub fn answers_itself(route: Look<'_>) -> bool {
    route.get("redirect").is_there() || route.get("direct_response").is_there()
}

fn is_kind(part: Look<'_>, kind: &str) -> bool {
    part.kind().is_some_and(|full| full.rsplit('.').next() == Some(kind))
}

/// What stands under a key of every element of some lists.
fn inner<'n>(part: Look<'n>, lists: &[&'static str], key: &'static str) -> Vec<Look<'n>> {
    let elements = lists.iter().flat_map(|list| part.get(list).items().collect::<Vec<_>>());
    elements.filter_map(|element| element.get(key).there()).collect()
}

fn is_bootstrap(document: Look<'_>) -> bool {
    ["static_resources", "dynamic_resources", "admin", "layered_runtime"]
        .iter()
        .any(|key| document.get(key).is_there())
}

fn not_envoy(document: Look<'_>, problems: &mut Diagnostics) {
    problems
        .error(codes::NOT_ENVOY, document.at, "this is no configuration of Envoy")
        .hint("give a bootstrap (`static_resources`), a dump (`curl localhost:9901/config_dump`) or a file of `resources`");
}

fn elsewhere(at: At, message: &str, problems: &mut Diagnostics) {
    problems
        .warning(codes::ELSEWHERE, at, message)
        .hint("look at what Envoy runs with: `curl localhost:9901/config_dump | portcullis doctor envoy -`");
}

/// The connection managers of a listener.
fn managers<'n>(listener: Look<'n>, routes: &[Look<'n>]) -> Vec<Manager<'n>> {
    let chains = listener.get("filter_chains").items().chain(listener.get("default_filter_chain").there());
    let filters = chains.flat_map(|chain| chain.get("filters").items().collect::<Vec<_>>());
    let managers = filters.filter(|filter| filter.get("typed_config").kind() == Some(MANAGER));
    managers.map(|filter| manager(listener, filter, routes)).collect()
}

fn manager<'n>(listener: Look<'n>, filter: Look<'n>, known: &[Look<'n>]) -> Manager<'n> {
    let config = filter.get("typed_config").config().placed(filter.at);
    let name = config.get("rds.route_config_name").text();
    let by_name = known.iter().find(|routes| name.as_ref().is_some_and(|name| routes.get("name").is(name)));
    let routes = config.get("route_config").there().or(by_name.copied());
    Manager {
        config,
        listener,
        filters: http_filters(config.get("http_filters")),
        routes: routes.unwrap_or_else(|| Look::nothing(config.at)),
    }
}

/// A list of filters of requests.
pub fn http_filters(list: Look<'_>) -> Vec<Filter<'_>> {
    list.items()
        .map(|entry| {
            let typed = entry.get("typed_config");
            Filter { entry, config: typed.config().placed(entry.at), kind: typed.kind().unwrap_or_default() }
        })
        .collect()
}
