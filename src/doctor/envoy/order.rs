//! The other filters: what answers before the authorizer was asked, and what changes a request after.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::Diagnostics;

use super::find::{Filter, Manager};

pub fn examine(manager: &Manager<'_>, problems: &mut Diagnostics) {
    let Some(place) = manager.filters.iter().position(Filter::is_authorizer) else { return };
    let (before, after) = manager.filters.split_at(place);
    for filter in before {
        if let Some(how) = answers(filter) {
            problems
                .warning(codes::ANSWERED_BEFORE, filter.entry.at, format!("{how} before anybody was asked"))
                .hint("put ext_authz before it");
        }
        takes_token(filter, problems);
    }
    for filter in after {
        if let Some(how) = changes(filter) {
            problems
                .warning(codes::CHANGED_AFTER, filter.entry.at, format!("{how} after it was judged"))
                .hint("put it before ext_authz, so that what is judged is what is done");
        }
    }
}

/// The name of the package of a filter: `cache` of `envoy.extensions.filters.http.cache.v3.CacheConfig`.
fn package<'n>(filter: &Filter<'n>) -> &'n str {
    let rest = filter.kind.strip_prefix("envoy.extensions.filters.http.").unwrap_or_default();
    rest.split('.').next().unwrap_or_default()
}

fn answers(filter: &Filter<'_>) -> Option<&'static str> {
    match package(filter) {
        "cache" | "cache_v2" => Some("the cache serves what was fetched for another caller"),
        "file_server" => Some("files are served"),
        "health_check" if !filter.config.get("pass_through_mode").is_true() => {
            Some("health checks are answered")
        }
        "lua" if scripts(filter.config).any(|script| script.contains(":respond(")) => {
            Some("a script answers requests")
        }
        _ => None,
    }
}

fn changes(filter: &Filter<'_>) -> Option<&'static str> {
    match package(filter) {
        "lua" if scripts(filter.config).any(|script| rewrites(&script)) => {
            Some("a script changes method, host or path of a request")
        }
        "ext_proc" if !filter.config.get("processing_mode.request_header_mode").is("SKIP") => {
            Some("another process may change headers and path of a request")
        }
        "wasm" | "golang" | "dynamic_modules" => {
            Some("foreign code may change headers and path of a request")
        }
        "header_mutation" if sets_pseudo_header(filter.config) => {
            Some("method, host or path of a request is changed")
        }
        "grpc_json_transcoder" if !filter.config.get("match_incoming_request_route").is_true() => {
            Some("the path becomes that of a gRPC method, and the route is chosen again,")
        }
        _ => None,
    }
}

/// The texts of Lua code, in the old and the new form.
fn scripts(config: Look<'_>) -> impl Iterator<Item = String> {
    let sources = config.get("source_codes").entries().map(|(_, source)| source.get("inline_string"));
    let all = [config.get("inline_code"), config.get("default_source_code.inline_string")]
        .into_iter()
        .chain(sources);
    all.filter_map(|code| code.text().map(std::borrow::Cow::into_owned)).collect::<Vec<_>>().into_iter()
}

fn rewrites(script: &str) -> bool {
    [":path", ":method", ":authority", "clearRouteCache"].iter().any(|word| {
        let quoted = [format!("\"{word}\""), format!("'{word}'"), format!(":{word}(")];
        quoted.iter().any(|form| script.contains(form.as_str()))
    }) && ["replace(", "add(", "clearRouteCache("].iter().any(|call| script.contains(call))
}

fn sets_pseudo_header(config: Look<'_>) -> bool {
    config.get("mutations.request_mutations").items().any(|mutation| {
        let key = mutation.get("append.header.key").text().unwrap_or_default().to_ascii_lowercase();
        key.starts_with(':') || key == "host"
    })
}

/// Envoy's own verifier removes what it has verified.
fn takes_token(filter: &Filter<'_>, problems: &mut Diagnostics) {
    if package(filter) != "jwt_authn" {
        return;
    }
    for (name, provider) in filter.config.get("providers").entries() {
        let forward = provider.get("forward");
        if !forward.is_true() {
            problems
                .warning(
                    codes::TOKEN_TAKEN,
                    if forward.is_there() { forward.at } else { provider.at },
                    format!("the provider `{name}` removes the token that it has verified: the authorizer sees none"),
                )
                .hint("`forward: true`, or leave jwt_authn out: Portcullis verifies tokens itself");
        }
    }
}
