//! Who is asking: what the application hears of that comes from Portcullis and Envoy, and not from the client.

use crate::doctor::codes;
use crate::policy::diagnostic::Diagnostics;

use super::find::Manager;

pub fn examine(manager: &Manager<'_>, problems: &mut Diagnostics) {
    underscores(manager, problems);
    let remote = manager.config.get("use_remote_address");
    if !remote.is_there() {
        problems
            .warning(
                codes::CLIENT_UNKNOWN,
                remote.at,
                "`use_remote_address` is not set: x-forwarded-for, x-forwarded-proto and x-envoy-* are what a client says",
            )
            .hint("`true` where clients connect; `false`, written out, behind a gateway that alone can connect");
    }
    for look in manager.listener.everything() {
        let verification = look.get("trust_chain_verification");
        if verification.is("ACCEPT_UNTRUSTED") {
            problems
                .warning(
                    codes::CERTIFICATE_UNCHECKED,
                    verification.at,
                    "certificates of clients are taken unchecked, and their names are told to the authorizer as identities",
                )
                .hint("leave `trust_chain_verification` out, and name a `trusted_ca`");
        }
    }
}

fn underscores(manager: &Manager<'_>, problems: &mut Diagnostics) {
    let action = manager.config.get("common_http_protocol_options.headers_with_underscores_action");
    let is_settled = ["REJECT_REQUEST", "DROP_HEADER", "1", "2"].iter().any(|word| action.is(word));
    if !is_settled {
        problems
            .warning(
                codes::UNDERSCORES,
                action.at,
                "header names with underscores are let through: PHP, CGI and WSGI take `x_user_id` for `x-user-id`",
            )
            .hint("`common_http_protocol_options: { headers_with_underscores_action: REJECT_REQUEST }` in the connection manager");
    }
}
