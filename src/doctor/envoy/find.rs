//! Connection managers, their filters and routes, wherever they come from.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::{At, Diagnostics};

use super::documents::Documents;

const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const AUTHORIZER: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const ROUTE: &str = "envoy.config.route.v3.Route";
const ROUTES: &str = "envoy.config.route.v3.RouteList";

/// Everything that is looked at, of one Envoy.
#[derive(Debug)]
pub struct Configuration<'n> {
    /// Bootstraps; there is one, unless somebody gave several files.
    pub bootstraps: Vec<Look<'n>>,
    /// The connection managers of all listeners.
    pub managers: Vec<Manager<'n>>,
    clusters: Vec<Look<'n>>,
    endpoints: Vec<Look<'n>>,
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
    /// Its settings, spoken of at its name; nothing where they come from elsewhere.
    pub config: Look<'n>,
    /// The type of its settings.
    pub kind: &'n str,
}

impl<'n> Configuration<'n> {
    /// Finds everything in the documents of all files.
    pub fn find(documents: &[Look<'n>], problems: &mut Diagnostics) -> Self {
        let documents = Documents::read(documents, problems);
        let managers: Vec<_> =
            documents.listeners.iter().flat_map(|listener| managers(*listener, &documents)).collect();
        if let Some(at) = documents.without_listeners.filter(|_| managers.is_empty()) {
            elsewhere(at, "the listeners are not in this file", problems);
        }
        for manager in &managers {
            manager.lacks(problems);
        }
        let Documents { bootstraps, clusters, endpoints, .. } = documents;
        Self { bootstraps, managers, clusters, endpoints }
    }

    /// Whether a route leads to Envoy's own admin page.
    pub fn leads_to_admin(&self, route: Look<'_>) -> bool {
        let port = |look: Look<'_>| look.get("socket_address.port_value").number();
        let admin = self.bootstraps.iter().find_map(|bootstrap| port(bootstrap.get("admin.address")));
        let cluster = route.get("route.cluster").text().and_then(|name| self.cluster(&name));
        let Some(cluster) = cluster.filter(|_| admin.is_some()) else { return false };
        self.endpoints(cluster).into_iter().any(|endpoint| {
            let address = endpoint.get("address");
            let host = address.get("socket_address.address").text();
            host.is_some_and(|host| super::call::is_local(&host)) && port(address) == admin
        })
    }

    /// The cluster of a name.
    pub fn cluster(&self, name: &str) -> Option<Look<'n>> {
        self.clusters.iter().copied().find(|cluster| cluster.get("name").is(name))
    }

    /// The endpoints of a cluster, its own or those that were found under its name.
    pub fn endpoints(&self, cluster: Look<'n>) -> Vec<Look<'n>> {
        let service = cluster.get("eds_cluster_config.service_name").there().unwrap_or(cluster.get("name"));
        let named = |look: &&Look<'n>| service.text().is_some_and(|name| look.get("cluster_name").is(&name));
        let others = self.endpoints.iter().filter(named).copied();
        let assignments = cluster.get("load_assignment").there().into_iter().chain(others);
        let localities = assignments.flat_map(|one| one.get("endpoints").items().collect::<Vec<_>>());
        let all = localities.flat_map(|locality| locality.get("lb_endpoints").items().collect::<Vec<_>>());
        all.map(|endpoint| endpoint.get("endpoint")).collect()
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
        self.routes.get("virtual_hosts").items().flat_map(routes_of)
    }

    /// Everything that may hold settings of filters: the routes as a whole, virtual hosts, routes.
    pub fn holders(&self) -> impl Iterator<Item = Look<'n>> {
        let hosts = self.routes.get("virtual_hosts").items();
        [self.routes].into_iter().chain(hosts).chain(self.each_route())
    }

    /// Says what of it is not in the files.
    fn lacks(&self, problems: &mut Diagnostics) {
        let by_name = self.config.get("rds").there().or(self.config.get("scoped_routes").there());
        if let Some(source) = by_name.filter(|_| !self.routes.is_there()) {
            elsewhere(source.at, "the routes come from a control plane, and are not in this file", problems);
        }
        for filter in self.authorizers().filter(|filter| !filter.config.is_there()) {
            elsewhere(
                filter.entry.at,
                "the settings of this filter come from a control plane, and are not in this file",
                problems,
            );
        }
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

/// The routes of a virtual host, in a list or in a tree of matchers.
pub fn routes_of(host: Look<'_>) -> Vec<Look<'_>> {
    let mut routes: Vec<_> = host.get("routes").items().collect();
    for look in host.get("matcher").there().map(Look::everything).unwrap_or_default() {
        match look.kind() {
            Some(ROUTE) => routes.push(look),
            Some(ROUTES) => routes.extend(look.get("routes").items()),
            Some(_) | None => {}
        }
    }
    routes
}

/// Whether a route redirects or answers, so that no service sees the request.
pub fn answers_itself(route: Look<'_>) -> bool {
    route.get("redirect").is_there() || route.get("direct_response").is_there()
}

fn elsewhere(at: At, message: &str, problems: &mut Diagnostics) {
    problems
        .warning(codes::ELSEWHERE, at, message)
        .hint("look at what Envoy runs with: `curl localhost:9901/config_dump | portcullis doctor envoy -`");
}

/// The connection managers of a listener.
fn managers<'n>(listener: Look<'n>, documents: &Documents<'n>) -> Vec<Manager<'n>> {
    let chains = listener.get("filter_chains").items().chain(listener.get("default_filter_chain").there());
    let filters = chains.flat_map(|chain| chain.get("filters").items().collect::<Vec<_>>());
    let managers = filters.filter(|filter| filter.get("typed_config").kind() == Some(MANAGER));
    managers.map(|filter| manager(listener, filter, documents)).collect()
}

fn manager<'n>(listener: Look<'n>, filter: Look<'n>, documents: &Documents<'n>) -> Manager<'n> {
    let config = filter.get("typed_config").config().placed(filter.at);
    let name = config.get("rds.route_config_name").text();
    let is_named = |routes: &&Look<'n>| name.as_ref().is_some_and(|name| routes.get("name").is(name));
    let by_name = documents.routes.iter().find(is_named);
    let routes = config.get("route_config").there().or(by_name.copied());
    Manager {
        config,
        listener,
        filters: http_filters(config.get("http_filters"), &documents.extensions),
        routes: routes.unwrap_or_else(|| Look::nothing(config.at)),
    }
}

/// A list of filters of requests. Some have their settings elsewhere, under their names.
pub fn http_filters<'n>(list: Look<'n>, extensions: &[Look<'n>]) -> Vec<Filter<'n>> {
    list.items()
        .map(|entry| {
            let name = entry.get("name").text();
            let is_named =
                |extension: &&Look<'n>| name.as_ref().is_some_and(|name| extension.get("name").is(name));
            let found = entry.get("config_discovery").there().and_then(|discovery| {
                let named = extensions.iter().find(is_named).map(|extension| extension.get("typed_config"));
                named.or(discovery.get("default_config").there())
            });
            let typed = found.unwrap_or_else(|| entry.get("typed_config"));
            let kind = typed.kind().or_else(|| announced(entry)).unwrap_or_default();
            Filter { entry, config: typed.config().placed(entry.at), kind }
        })
        .collect()
}

/// The type of settings that come from elsewhere.
fn announced(entry: Look<'_>) -> Option<&str> {
    entry.get("config_discovery.type_urls").items().find_map(Look::last_of_url)
}
