//! Pods in manifests, and the containers in them.

use crate::doctor::look::Look;

use super::container::Container;

/// A pod.
#[derive(Debug)]
pub struct Pod<'n> {
    /// Its `spec`.
    pub spec: Look<'n>,
    /// All containers in the order of their start: those of `initContainers` first.
    pub containers: Vec<Container<'n>>,
}

impl<'n> Pod<'n> {
    /// Reads a specification.
    pub fn of(spec: Look<'n>) -> Self {
        let init = spec.get("initContainers").items().map(|entry| Container::of(entry, true));
        let containers = init.chain(spec.get("containers").items().map(|entry| Container::of(entry, false)));
        Self { spec, containers: containers.collect() }
    }

    /// The containers that are Portcullis.
    pub fn portcullis(&self) -> impl Iterator<Item = &Container<'n>> {
        self.containers.iter().filter(|container| container.is_portcullis())
    }

    /// The first container that is Envoy, and its place among all.
    pub fn envoy(&self) -> Option<(usize, &Container<'n>)> {
        self.containers.iter().enumerate().find(|(_, container)| container.is_envoy())
    }

    /// The volume of a name.
    pub fn volume(&self, name: &str) -> Option<Look<'n>> {
        self.spec.get("volumes").items().find(|volume| volume.get("name").is(name))
    }
}

/// The specifications of all pods, wherever they stand: in workloads, lists of them, and custom resources.
pub fn specs<'n>(documents: &[Look<'n>]) -> Vec<Look<'n>> {
    let all = documents.iter().flat_map(|document| document.everything());
    let is_spec = |look: &Look<'n>| {
        ["containers", "initContainers"].iter().any(|key| look.get(key).items().next().is_some())
    };
    all.filter(is_spec).collect()
}
