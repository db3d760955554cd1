//! Routes beside wider ones: what asks less than what lies around it.

use std::collections::HashSet;

use crate::decision::RouteId;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::matcher::host::HostPattern;
use crate::policy::matcher::request::RequestMatch;
use crate::policy::route::Ask;
use crate::policy::{Policy, Route};

use super::asks::Asks;
use super::example::{Example, Outcome};

pub(super) fn report(policy: &Policy, problems: &mut Diagnostics) {
    let asks = Asks { guards: &policy.guards };
    let mut loosening: HashSet<RouteId> = HashSet::new();
    let mut reported: HashSet<(RouteId, RouteId)> = HashSet::new();
    for (id, matched) in policy.index.matches() {
        let Some(route) = policy.route(id) else { continue };
        for (other, wider) in policy.index.wider(matched) {
            let is_wider = !matched.covers_path(wider) || !matched.host.covers(&wider.host);
            let Some(general) = policy.route(other).filter(|_| other != id && is_wider) else { continue };
            if !loosens(asks, policy, route, matched, general) {
                continue;
            }
            loosening.insert(id);
            if route.loosens.is_none() && reported.insert((id, other)) {
                warn(route, matched.at, general, wider.at, problems);
            }
        }
        let search = Search { asks, policy, id, route, matched };
        search.elsewhere(&mut loosening, problems);
        search.around_conditions(&mut loosening, problems);
    }
    for (index, route) in policy.routes.iter().enumerate() {
        let loosens = u32::try_from(index).is_ok_and(|id| loosening.contains(&RouteId(id)));
        if let Some(at) = route.loosens.filter(|_| !loosens && !route.shadow) {
            problems
                .warning(codes::LOOSENS_NOTHING, at, "nothing is loosened here")
                .hint("remove `loosens`: it would hide a mistake made later");
        }
    }
}

/// Whether a route asks less than a wider one, its fences included. What is closed to everyone is the usual
/// ground on which routes stand.
fn loosens(asks: Asks<'_>, policy: &Policy, route: &Route, matched: &RequestMatch, general: &Route) -> bool {
    if matches!(general.ask, Ask::Nobody | Ask::Anyone) {
        return false;
    }
    let outcome = Example::of(matched).and_then(|example| example.outcome(policy));
    let fences = match outcome {
        Some(outcome) => match outcome.fences {
            Some(fences) => fences,
            None => return false,
        },
        None => Vec::new(),
    };
    asks.implies(general, &[], route) && !asks.implies(route, &fences, general)
}

fn warn(route: &Route, at: At, general: &Route, wider: At, problems: &mut Diagnostics) {
    let (code, message) = match route.ask {
        Ask::Anyone => (
            codes::OPEN_BELOW_PROTECTED,
            format!("`{}` is open to anyone, and lies within `{}`", route.meta.name, general.meta.name),
        ),
        Ask::Nobody | Ask::Require(_) => {
            (codes::LOOSENS, format!("`{}` asks less than `{}`", route.meta.name, general.meta.name))
        }
    };
    problems
        .warning(code, at, message)
        .see(wider, "the wider route")
        .hint("say `loosens: true` if it is meant");
}

/// Methods by which something is changed.
const UNSAFE: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// One match of a route, and where requests go that it does not take.
struct Search<'p> {
    asks: Asks<'p>,
    policy: &'p Policy,
    id: RouteId,
    route: &'p Route,
    matched: &'p RequestMatch,
}

impl<'p> Search<'p> {
    /// `GET /users/{id}` for administrators only, while `DELETE /users/7` falls to a `/**` for all users.
    fn elsewhere(&self, loosening: &mut HashSet<RouteId>, problems: &mut Diagnostics) {
        let matched = self.matched;
        let mut others: Vec<Example> = Vec::new();
        let reads =
            matched.methods.as_ref().is_some_and(|methods| methods.iter().any(|name| &**name != "DELETE"));
        for method in UNSAFE.iter().filter(|method| reads && !matched.takes_method(method)) {
            others.extend(Example::of(matched).map(|example| example.with_method(method)));
        }
        if matched.host != HostPattern::Any {
            others.extend(Example::of(matched).map(Example::for_another_host));
        }
        for example in others {
            let Some((outcome, weaker)) = self.weaker(&example) else { continue };
            if matched.covers_path(outcome.matched) && matched.host.covers(&outcome.matched.host) {
                continue;
            }
            loosening.extend([self.id, outcome.route]);
            if self.is_meant(weaker) {
                continue;
            }
            let shown = example.shown(&matched.host);
            let message = format!("`{shown}` is taken by `{}`, which asks less than this", weaker.meta.name);
            problems
                .warning(codes::WEAKER_ELSEWHERE, matched.at, message)
                .see(outcome.matched.at, "the weaker route")
                .hint("leave methods and hosts out here, close the rest with `allow: nobody`, or say `loosens: true`");
            return;
        }
    }

    /// Requests without `x-trusted` for administrators only, while whoever sends one falls to the route for all.
    fn around_conditions(&self, loosening: &mut HashSet<RouteId>, problems: &mut Diagnostics) {
        let mut is_said = false;
        for example in Example::evading(self.matched) {
            let Some((outcome, weaker)) = self.weaker(&example) else { continue };
            loosening.extend([self.id, outcome.route]);
            if is_said || self.is_meant(weaker) {
                continue;
            }
            is_said = true;
            let shown = example.shown(&self.matched.host);
            let message = format!("`{shown}` is taken by `{}`, which asks less than this", weaker.meta.name);
            problems
                .warning(codes::WEAKER_AROUND_CONDITION, self.matched.at, message)
                .see(outcome.matched.at, "the weaker route")
                .hint("fence it in (`forbid` with this match, and `unless` with what this route asks), ask the same there, or say `loosens: true`");
        }
    }

    /// Where a request ends up, if that is another route which asks less.
    fn weaker(&self, example: &Example) -> Option<(Outcome<'p>, &'p Route)> {
        let outcome = example.outcome(self.policy).filter(|outcome| outcome.route != self.id)?;
        let weaker = outcome.rule(self.policy)?;
        let fences = outcome.fences.as_ref()?;
        let asks_less =
            self.asks.implies(self.route, &[], weaker) && !self.asks.implies(weaker, fences, self.route);
        asks_less.then_some((outcome, weaker))
    }

    const fn is_meant(&self, weaker: &Route) -> bool {
        self.route.loosens.is_some() || weaker.loosens.is_some()
    }
}
