//! What documents hold: a bootstrap, a dump of a running Envoy (whole, or some resources of it), or a file of
//! resources.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::{At, Diagnostics};

/// Everything that was found, by what it is.
#[derive(Debug, Default)]
pub struct Documents<'n> {
    /// Bootstraps; there is one, unless somebody gave several files.
    pub bootstraps: Vec<Look<'n>>,
    /// Listeners.
    pub listeners: Vec<Look<'n>>,
    /// Clusters.
    pub clusters: Vec<Look<'n>>,
    /// Routes that listeners name.
    pub routes: Vec<Look<'n>>,
    /// Endpoints that clusters name.
    pub endpoints: Vec<Look<'n>>,
    /// Settings of filters that lists of filters name.
    pub extensions: Vec<Look<'n>>,
    /// Where a document says that its listeners are not in it.
    pub without_listeners: Option<At>,
}

/// A part of a dump: how it is called as a whole, and its elements: the list, how one alone is called, and the key.
type Part = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const LISTENERS: Part = (
    "ListenersConfigDump",
    &[
        ("static_listeners", "StaticListener", "listener"),
        ("dynamic_listeners", "DynamicListener", "active_state.listener"),
    ],
);
const CLUSTERS: Part = (
    "ClustersConfigDump",
    &[
        ("static_clusters", "StaticCluster", "cluster"),
        ("dynamic_active_clusters", "DynamicCluster", "cluster"),
        ("dynamic_warming_clusters", "DynamicCluster", "cluster"),
    ],
);
const ROUTES: Part = (
    "RoutesConfigDump",
    &[
        ("static_route_configs", "StaticRouteConfig", "route_config"),
        ("dynamic_route_configs", "DynamicRouteConfig", "route_config"),
    ],
);
const ENDPOINTS: Part = (
    "EndpointsConfigDump",
    &[
        ("static_endpoint_configs", "StaticEndpointConfig", "endpoint_config"),
        ("dynamic_endpoint_configs", "DynamicEndpointConfig", "endpoint_config"),
    ],
);
const EXTENSIONS: Part = ("EcdsConfigDump", &[("ecds_filters", "EcdsFilterConfig", "ecds_filter")]);

impl<'n> Documents<'n> {
    /// Sorts what is in the documents of all files.
    pub fn read(documents: &[Look<'n>], problems: &mut Diagnostics) -> Self {
        let mut found = Self::default();
        for document in documents {
            if document.get("configs").is_there() {
                found.dump(*document);
            } else if document.get("resources").is_there() {
                found.resources(*document);
            } else if is_bootstrap(*document) {
                found.bootstrap(*document);
            } else {
                not_envoy(*document, problems);
            }
        }
        found
    }

    fn dump(&mut self, document: Look<'n>) {
        let parts = document.get("configs");
        let (listeners, clusters) = (elements(parts, &LISTENERS), elements(parts, &CLUSTERS));
        let mut is_told = listeners.is_some();
        for part in parts.items().filter(|part| is_kind(*part, "BootstrapConfigDump")) {
            let bootstrap = part.get("bootstrap");
            self.bootstraps.push(bootstrap);
            // What is static stands in both, and may be in this one alone.
            if listeners.is_none() {
                self.static_listeners(bootstrap);
                is_told = true;
            }
            if clusters.is_none() {
                self.clusters.extend(bootstrap.get("static_resources.clusters").items());
            }
        }
        if !is_told {
            self.without_listeners = self.without_listeners.or(Some(parts.at));
        }
        self.listeners.extend(listeners.unwrap_or_default());
        self.clusters.extend(clusters.unwrap_or_default());
        self.routes.extend(elements(parts, &ROUTES).unwrap_or_default());
        self.endpoints.extend(elements(parts, &ENDPOINTS).unwrap_or_default());
        self.extensions.extend(elements(parts, &EXTENSIONS).unwrap_or_default());
    }

    fn resources(&mut self, document: Look<'n>) {
        for resource in document.get("resources").items() {
            match resource.kind().and_then(|kind| kind.rsplit('.').next()) {
                Some("Listener") => self.listeners.push(resource),
                Some("Cluster") => self.clusters.push(resource),
                Some("RouteConfiguration") => self.routes.push(resource),
                Some("ClusterLoadAssignment") => self.endpoints.push(resource),
                Some("TypedExtensionConfig") => self.extensions.push(resource),
                Some(_) | None => {}
            }
        }
    }

    fn bootstrap(&mut self, document: Look<'n>) {
        self.bootstraps.push(document);
        self.static_listeners(document);
        self.clusters.extend(document.get("static_resources.clusters").items());
    }

    fn static_listeners(&mut self, bootstrap: Look<'n>) {
        self.listeners.extend(bootstrap.get("static_resources.listeners").items());
        let source = bootstrap.get("dynamic_resources.lds_config").there().map(|source| source.at);
        self.without_listeners = self.without_listeners.or(source);
    }
}

/// The elements of a part of a dump; `None` where nothing of it is there.
fn elements<'n>(parts: Look<'n>, (whole, forms): &Part) -> Option<Vec<Look<'n>>> {
    let mut found = None;
    for part in parts.items() {
        for (list, alone, key) in *forms {
            let elements: Vec<_> = if is_kind(part, whole) {
                part.get(list).items().collect()
            } else if is_kind(part, alone) {
                vec![part]
            } else {
                continue;
            };
            let elements = elements.into_iter().filter_map(|element| element.get(key).there());
            found.get_or_insert_with(Vec::new).extend(elements);
        }
    }
    // What is alone is called the same in two lists.
    if let Some(found) = &mut found {
        found.dedup_by_key(|element| element.at);
    }
    found
}

fn is_kind(part: Look<'_>, kind: &str) -> bool {
    part.kind().is_some_and(|full| full.rsplit('.').next() == Some(kind))
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
