//! What becomes of the requests of a shadow route, which itself changes nothing.

use crate::policy::Policy;
use crate::policy::diagnostic::{Diagnostics, codes};

use super::asks::Asks;
use super::example::Example;

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    let asks = Asks { guards: &policy.guards };
    for (id, matched) in policy.shadow_index.matches() {
        let Some(shadow) = policy.route(id) else { continue };
        let Some(example) = Example::of(matched) else { continue };
        let Some(outcome) = example.outcome(policy) else {
            problems
                .warning(
                    codes::SHADOW_WITHOUT_FALLBACK,
                    matched.at,
                    "no route enforces anything here: such requests are denied",
                )
                .hint("write the route that decides today beside the shadow");
            continue;
        };
        let (Some(route), Some(fences)) = (outcome.rule(policy), &outcome.fences) else { continue };
        if asks.implies(shadow, &[], route) && !asks.implies(route, fences, shadow) {
            problems
                .warning(
                    codes::SHADOW_WITHOUT_FALLBACK,
                    matched.at,
                    format!("until it is enforced, `{}` decides, which asks less", route.meta.name),
                )
                .see(outcome.matched.at, "the route that decides")
                .hint("enforce it (`mode: enforce`) once its records are as expected");
        }
    }
}
