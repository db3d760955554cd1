//! The filter itself: whether it asks, what it asks, and what it makes of the answer.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::doctor::ours;
use crate::policy::diagnostic::Diagnostics;

use super::find::{Configuration, Filter};
use super::matching::matches;

/// What of a question is not the body: headers, which Envoy limits to 60 KiB, and the addresses.
const BESIDE_BODY: i64 = 128 << 10;

pub fn examine(filter: &Filter<'_>, configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    failure(filter.config, problems);
    when(filter.config, configuration, problems);
    question(filter.config, problems);
    answer(filter.config, problems);
}

/// What becomes of a request that could not be judged.
fn failure(config: Look<'_>, problems: &mut Diagnostics) {
    let open = config.get("failure_mode_allow");
    if open.is_true() {
        problems
            .warning(
                codes::FAILS_OPEN,
                open.at,
                "when the authorizer cannot be asked, every request is let through",
            )
            .hint("`failure_mode_allow: false`");
    }
    let status = config.get("status_on_error");
    let code = status.get("code");
    let is_failure = code.text().is_some_and(|code| SERVER_ERRORS.contains(&&*code) || is_5xx(&code));
    if !is_failure {
        let message = if status.is_there() {
            "a failure to ask is answered as if it were a denial"
        } else {
            "without `status_on_error` a failure to ask is answered with 403, as a denial is"
        };
        let at = if code.is_there() { code.at } else { status.at };
        problems
            .warning(codes::LOOKS_LIKE_DENIAL, at, message)
            .hint("`status_on_error: { code: ServiceUnavailable }`");
    }
}

/// Names of Envoy's `StatusCode` from 500.
const SERVER_ERRORS: [&str; 11] = [
    "InternalServerError",
    "NotImplemented",
    "BadGateway",
    "ServiceUnavailable",
    "GatewayTimeout",
    "HTTPVersionNotSupported",
    "VariantAlsoNegotiates",
    "InsufficientStorage",
    "LoopDetected",
    "NotExtended",
    "NetworkAuthenticationRequired",
];

fn is_5xx(code: &str) -> bool {
    code.len() == 3 && code.starts_with('5')
}

/// Which requests it asks about.
fn when(config: Look<'_>, configuration: &Configuration<'_>, problems: &mut Diagnostics) {
    let shadow = config.get("shadow_mode");
    if shadow.is_true() {
        problems
            .warning(codes::ONLY_WATCHES, shadow.at, "the filter asks, and lets everything through")
            .hint("leave `shadow_mode` out; to try a rule out, `mode: shadow` in the policy");
    }
    let metadata = config.get("filter_enabled_metadata");
    if metadata.is_there() {
        problems
            .warning(
                codes::SOME_REQUESTS,
                metadata.at,
                "only requests with this metadata are judged; what another filter does not mark goes by",
            )
            .hint("leave it out; with Istio: one rule for everything, `rules: [{}]`, in the AuthorizationPolicy");
    }
    let enabled = config.get("filter_enabled");
    if !enabled.is_there() {
        return;
    }
    let share = enabled.get("default_value");
    let numerator = share.get("numerator").number().unwrap_or(0);
    let denominator = match share.get("denominator").text().as_deref() {
        Some("TEN_THOUSAND" | "1") => 10_000,
        Some("MILLION" | "2") => 1_000_000,
        Some(_) | None => 100,
    };
    if numerator < denominator {
        problems
            .warning(
                codes::SOME_REQUESTS,
                share.at,
                format!("{numerator} of {denominator} requests are judged, the others are let through"),
            )
            .hint("`filter_enabled: { default_value: { numerator: 100, denominator: HUNDRED } }`, or leave it out");
    }
    let switch = config.get("deny_at_disable");
    let is_shut = switch.get("default_value").is_true();
    for layer in
        configuration.bootstraps.iter().flat_map(|bootstrap| bootstrap.get("layered_runtime.layers").items())
    {
        let changes = ["admin_layer", "rtds_layer", "disk_layer"].iter().any(|key| layer.get(key).is_there());
        if changes && !is_shut {
            problems
                .warning(
                    codes::SWITCHED_OFF,
                    enabled.at,
                    "a change of the runtime, such as a POST to the admin page, switches authorization off",
                )
                .hint("`deny_at_disable: { runtime_key: ext_authz.deny_at_disable, default_value: true }`")
                .see(layer.at, "this layer may change at run time");
            return;
        }
    }
}

/// What it sends.
fn question(config: Look<'_>, problems: &mut Diagnostics) {
    let withheld =
        config.get("disallowed_headers.patterns").items().find(|one| matches(*one, "authorization"));
    let allowed = config.get("allowed_headers");
    let listed = allowed.get("patterns").items().any(|one| matches(one, "authorization"));
    let unlisted = allowed.there().filter(|_| !listed && config.get("grpc_service").is_there());
    if let Some(place) = withheld.or(unlisted) {
        problems
            .warning(
                codes::CREDENTIAL_WITHHELD,
                place.at,
                "`authorization` is not passed on: every caller looks as if they had no token",
            )
            .hint("leave `allowed_headers` out, or list authorization there and nowhere in `disallowed_headers`");
    }
    body(config, problems);
}

/// A question with a body that is too large is refused by Portcullis before it is read.
pub fn body(config: Look<'_>, problems: &mut Diagnostics) {
    let most = config.get("with_request_body.max_request_bytes");
    let ours = i64::try_from(ours::bytes("limits.message_bytes")).unwrap_or(i64::MAX);
    let Some(theirs) = most.number() else { return };
    if theirs.saturating_add(BESIDE_BODY) > ours {
        problems
            .warning(
                codes::BODY_TOO_LARGE,
                most.at,
                format!("a body of {theirs} bytes and its headers are more than Portcullis takes ({ours} bytes), and fail"),
            )
            .hint("leave `with_request_body` out, as no rule looks at bodies; or raise `limits.message_bytes`");
    }
}

/// What an answer may do.
fn answer(config: Look<'_>, problems: &mut Diagnostics) {
    for key in ["clear_route_cache", "clear_route_cache_headers"] {
        let clears = config.get(key);
        if clears.is_true() || clears.items().next().is_some() {
            problems
                .warning(
                    codes::ROUTE_CHANGES,
                    clears.at,
                    "the route is chosen again after the decision: another one may be taken than was judged",
                )
                .hint(format!("leave `{key}` out"));
        }
    }
    let validates = config.get("validate_mutations");
    if !validates.is_true() {
        problems
            .warning(
                codes::MUTATIONS_UNCHECKED,
                validates.at,
                "what the authorizer answers is not checked: a line break in a value would become a header",
            )
            .hint("`validate_mutations: true`");
    }
    let rules = config.get("decoder_header_mutation_rules");
    if rules.get("disallow_all").is_true() && !rules.get("allow_expression").is_there() {
        problems
            .warning(
                codes::IDENTITY_BLOCKED,
                rules.get("disallow_all").at,
                "no header of an answer is let through: neither is an identity set, nor a forged one removed",
            )
            .hint("name your identity headers in `allow_expression`, as deploy/envoy/envoy.yaml does");
    }
    let http = config.get("http_service");
    if http.is_there() && !http.get("authorization_response.allowed_upstream_headers").is_there() {
        problems
            .warning(
                codes::IDENTITY_BLOCKED,
                http.at,
                "no header of an answer reaches the application: it does not hear who is asking",
            )
            .hint("list your identity headers in `authorization_response.allowed_upstream_headers`, or ask over gRPC");
    }
}
