//! Probes: that they reach something, and that they ask the right thing.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::doctor::ours;
use crate::policy::diagnostic::Diagnostics;
use crate::settings::Address;

use super::container::{Container, is_reachable, port_of};

/// Pages that answer probes.
const PAGES: [&str; 2] = ["/livez", "/readyz"];

pub fn examine(container: &Container<'_>, problems: &mut Diagnostics) {
    for kind in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let probe = container.entry.get(kind);
        if !probe.is_there() {
            continue;
        }
        reaches(container, probe, problems);
        program(container, probe, problems);
        if kind == "livenessProbe" {
            liveness(probe, problems);
        }
    }
    if !container.entry.get("readinessProbe").is_there() {
        problems
            .warning(
                codes::NEVER_READY,
                container.entry.at,
                "without a readiness probe the pod gets requests before there is a policy, and while it ends",
            )
            .hint("`readinessProbe: { exec: { command: [/portcullis, healthcheck] } }`");
    }
    if container.is_native() && !container.entry.get("startupProbe").is_there() {
        problems
            .warning(
                codes::NOT_AWAITED,
                container.entry.at,
                "without a startup probe the next containers start before there is a policy",
            )
            .hint("`startupProbe: { exec: { command: [/portcullis, healthcheck] }, periodSeconds: 1, failureThreshold: 120 }`");
    }
}

/// The kubelet calls the address of the pod: not loopback, and no socket.
fn reaches(container: &Container<'_>, probe: Look<'_>, problems: &mut Diagnostics) {
    let (http, grpc, tcp) = (probe.get("httpGet"), probe.get("grpc"), probe.get("tcpSocket"));
    let Some(call) = [http, grpc, tcp].into_iter().find(|call| call.is_there()) else { return };
    let keys: &[&str] = if http.is_there() {
        &["listen.metrics", "listen.admin"]
    } else if grpc.is_there() {
        &["listen.grpc"]
    } else {
        &["listen.metrics", "listen.admin", "listen.grpc", "listen.http"]
    };
    let place = call.get("port");
    let host = call.get("host");
    if host.text().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "::1") {
        unreachable(
            host,
            "the kubelet calls this host from the node: loopback is the node's own".to_owned(),
            problems,
        );
        return;
    }
    let Some(port) = container.port(place) else {
        if let Some(name) = place.text() {
            unreachable(place, format!("the container has no port named `{name}`"), problems);
        }
        return;
    };
    let mut is_bound_elsewhere = false;
    for key in keys {
        let Some(addresses) = container.addresses(key) else { return };
        for (address, _) in addresses.iter().filter(|(address, _)| port_of(address) == Some(port)) {
            if is_reachable(address) {
                page(http, problems);
                return;
            }
            is_bound_elsewhere = true;
        }
    }
    let message = if is_bound_elsewhere {
        format!(
            "port {port} is bound to loopback, and the kubelet calls the address of the pod: this probe always fails"
        )
    } else {
        format!("nothing that could answer this probe listens at port {port}")
    };
    unreachable(place, message, problems);
}

fn unreachable(place: Look<'_>, message: String, problems: &mut Diagnostics) {
    problems
        .warning(codes::PROBE_UNREACHABLE, place.at, message)
        .hint("`exec: { command: [/portcullis, healthcheck] }`, or `listen.metrics` at 0.0.0.0:9192");
}

fn page(http: Look<'_>, problems: &mut Diagnostics) {
    let path = http.get("path");
    let known = path.text().is_some_and(|path| PAGES.contains(&path.split('?').next().unwrap_or_default()));
    if http.is_there() && (!known || http.get("scheme").is("HTTPS")) {
        problems
            .warning(
                codes::PROBE_PAGE,
                path.at,
                "there is no such page: probes are answered over plain HTTP at /livez and /readyz",
            )
            .hint("`httpGet: { path: /readyz, port: 9192 }`, and /livez for liveness");
    }
}

/// The image holds one program.
fn program(container: &Container<'_>, probe: Look<'_>, problems: &mut Diagnostics) {
    let command = probe.get("exec.command");
    let words: Vec<_> = command.items().filter_map(Look::text).collect();
    let Some(first) = words.first() else { return };
    let is_ours =
        first.rsplit('/').next() == Some("portcullis") && words.iter().any(|word| word == "healthcheck");
    if !is_ours {
        problems
            .warning(
                codes::PROBE_NEEDS_SHELL,
                command.at,
                format!(
                    "the image holds `/portcullis` and nothing else: `{first}` is not there, or asks nothing"
                ),
            )
            .hint("`exec: { command: [/portcullis, healthcheck] }`, with `--live` for liveness");
    } else if !words.iter().any(|word| word.starts_with("--address")) {
        finds_the_server(container, command, problems);
    }
}

/// `healthcheck` knows the variables of its environment, and neither flags nor files of the server.
fn finds_the_server(container: &Container<'_>, command: Look<'_>, problems: &mut Diagnostics) {
    let keys = ["listen.metrics", "listen.admin"];
    let said = keys.iter().filter_map(|key| container.of_environment(key)?.text());
    let asked = said.map(|text| text.trim().to_owned()).find(|text| !text.is_empty());
    let asked = asked.unwrap_or_else(|| ours::default("listen.metrics").to_owned());
    let [Some(metrics), Some(admin)] = keys.map(|key| container.addresses(key)) else { return };
    let is_there = |address: &Address| match Address::parse(&asked) {
        Some(Address::Tcp(asked)) => port_of(address) == Some(i64::from(asked.port())),
        other => other.as_ref() == Some(address),
    };
    if !metrics.iter().chain(&admin).any(|(address, _)| is_there(address)) {
        problems
            .warning(
                codes::PROBE_UNREACHABLE,
                command.at,
                format!("without `--address` it asks `{asked}`, and the server does not listen there"),
            )
            .hint("say where by the variable PORTCULLIS_LISTEN_METRICS, which both read, or add `--address`");
    }
}

/// A process that is alive is not mended by a restart, whatever its issuers or its policy do.
fn liveness(probe: Look<'_>, problems: &mut Diagnostics) {
    let command = probe.get("exec.command");
    let words: Vec<_> = command.items().filter_map(Look::text).collect();
    let asks_ready =
        words.iter().any(|word| word == "healthcheck") && !words.iter().any(|word| word == "--live");
    let path = probe.get("httpGet.path");
    let page = path.text().is_some_and(|path| path.starts_with("/readyz"));
    if asks_ready || page {
        problems
            .warning(
                codes::RESTARTED_FOR_OTHERS,
                if page { path.at } else { command.at },
                "liveness asks whether it is ready: an issuer's outage at the start, or a drain, restarts it",
            )
            .hint("`exec: { command: [/portcullis, healthcheck, --live] }`, or the page /livez");
    }
}
