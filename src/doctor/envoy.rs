//! What in a configuration of Envoy makes an authorizer useless.

mod call;
mod documents;
mod filter;
mod find;
mod identity;
mod matching;
mod order;
mod paths;
mod routes;
mod whole;

use crate::policy::diagnostic::Diagnostics;

use super::look::Look;
use find::Configuration;

/// Reports what is wrong, and says what was looked at.
pub fn examine(documents: &[Look<'_>], problems: &mut Diagnostics) -> String {
    let configuration = Configuration::find(documents, problems);
    whole::examine(&configuration, problems);
    let mut filters = 0;
    for manager in &configuration.managers {
        if manager.needs_no_decision(&configuration) {
            continue;
        }
        paths::examine(manager, problems);
        identity::examine(manager, problems);
        routes::examine(manager, &configuration, problems);
        order::examine(manager, problems);
        for authorizer in manager.authorizers() {
            filters += 1;
            // What is not there is said to be elsewhere.
            if authorizer.config.is_there() {
                filter::examine(authorizer, &configuration, problems);
                call::examine(authorizer.config, &configuration, problems);
            }
        }
    }
    let managers = configuration.managers.len();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!(
        "{managers} connection manager{}, {filters} ext_authz filter{}",
        plural(managers),
        plural(filters)
    )
}
