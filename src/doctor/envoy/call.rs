//! The call to Portcullis: how long, how often, and over what.

use std::net::IpAddr;

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::doctor::ours;
use crate::policy::diagnostic::Diagnostics;

use super::find::Configuration;

/// What Envoy waits without a `timeout`.
const DEFAULT_TIMEOUT: f64 = 0.2;
/// What Envoy waits before the first retry without a `base_interval`.
const DEFAULT_BASE_INTERVAL: f64 = 1.0;
/// The default `max_interval`, in base intervals.
const DEFAULT_MAX_INTERVALS: f64 = 10.0;
/// Longer than this nobody waits for a decision.
const LONGEST: f64 = 5.0;

pub fn examine(filter: Look<'_>, configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    let grpc = filter.get("grpc_service");
    let http = filter.get("http_service.server_uri");
    let service = if grpc.is_there() { grpc } else { http };
    if !service.is_there() {
        return;
    }
    let waits = timeout(service, problems);
    retry(service.get("retry_policy"), waits, problems);
    let name = if grpc.is_there() { grpc.get("envoy_grpc.cluster_name") } else { http.get("cluster") };
    if let Some(cluster) = name.text().and_then(|name| configuration.cluster(&name)) {
        if grpc.is_there() {
            http2(cluster, problems);
        }
        in_the_clear(cluster, configuration, problems);
    }
}

fn timeout(service: Look<'_>, problems: &mut Diagnostics) -> f64 {
    let given = service.get("timeout");
    let seconds = given.seconds().unwrap_or(DEFAULT_TIMEOUT);
    if seconds == 0.0 || seconds > LONGEST {
        let how = if seconds == 0.0 { "without end".to_owned() } else { format!("up to {seconds} s") };
        problems
            .warning(
                codes::GIVES_UP_LATE,
                given.at,
                format!("a request waits {how} for an authorizer that hangs, and holds its connection"),
            )
            .hint("`timeout: 0.25s`");
        return f64::INFINITY;
    }
    let deadline = ours::duration("limits.deadline").as_secs_f64();
    if seconds <= deadline {
        let given_as = given.text().map_or_else(|| "the default of 0.2s".into(), |text| format!("`{text}`"));
        problems
            .warning(
                codes::GIVES_UP_EARLY,
                given.at,
                format!(
                    "a question may take {given_as}, and Portcullis {} ms by itself: its own 503, with the reason, comes too late",
                    deadline * 1000.0
                ),
            )
            .hint("`timeout: 0.25s`, or a shorter `limits.deadline`");
    }
    seconds
}

fn retry(policy: Look<'_>, waits: f64, problems: &mut Diagnostics) {
    if !policy.is_there() {
        return;
    }
    let back_off = policy.get("retry_back_off");
    let base = back_off.get("base_interval");
    let base_seconds = base.seconds().unwrap_or(DEFAULT_BASE_INTERVAL);
    let most = back_off.get("max_interval");
    let one_try = most.seconds().unwrap_or(base_seconds * DEFAULT_MAX_INTERVALS);
    if one_try < waits {
        let place = if most.is_there() { most } else { back_off };
        problems
            .warning(
                codes::TRY_CUT_SHORT,
                place.at,
                format!(
                    "one try may take {:.0} ms only: `max_interval` is its timeout too",
                    one_try * 1000.0
                ),
            )
            .hint("set `retry_back_off.max_interval` to the timeout of the whole call");
    }
    if base_seconds >= waits {
        let place = if base.is_there() { base } else { policy };
        problems
            .warning(
                codes::RETRY_TOO_LATE,
                place.at,
                format!("a retry waits {base_seconds} s first, and the whole call may last {waits} s"),
            )
            .hint("`retry_back_off: { base_interval: 0.005s, max_interval: 0.25s }`");
    }
}

fn http2(cluster: Look<'_>, problems: &mut Diagnostics) {
    let options = cluster
        .get("typed_extension_protocol_options")
        .key("envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
    let is_http2 = cluster.get("http2_protocol_options").is_there()
        || options.get("explicit_http_config.http2_protocol_options").is_there()
        || (options.get("auto_config").is_there() && cluster.get("transport_socket").is_there());
    if !is_http2 {
        problems
            .error(
                codes::NOT_HTTP2,
                cluster.at,
                "gRPC needs HTTP/2, and this cluster speaks HTTP/1.1: every question fails",
            )
            .hint("`explicit_http_config: { http2_protocol_options: {} }` in its HttpProtocolOptions");
    }
}

/// Tokens go over this connection, and who can answer on it decides.
fn in_the_clear(cluster: Look<'_>, configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    if cluster.get("transport_socket").is_there() || cluster.get("transport_socket_matches").is_there() {
        return;
    }
    for endpoint in configuration.endpoints(cluster) {
        let address = endpoint.get("address.socket_address.address");
        if let Some(host) = address.text().filter(|host| !is_local(host)) {
            problems
                .warning(
                    codes::IN_THE_CLEAR,
                    address.at,
                    format!("tokens go to `{host}` unencrypted, and whoever answers there decides"),
                )
                .hint("a `transport_socket` with mutual TLS, and `tls.cert`, `tls.key`, `tls.client_ca` for Portcullis");
            return;
        }
    }
}

/// Whether an address stays on this machine.
pub fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
