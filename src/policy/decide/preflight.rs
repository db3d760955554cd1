//! CORS preflights, where the policy lets them through (Fetch standard, section 3.2.2).

use std::str;

use crate::decision::{Allowed, Decision, Grant};
use crate::policy::guard::GuardName;
use crate::policy::matcher::request::RequestMatch;
use crate::policy::observe::Observer;
use crate::policy::requirement::Known;
use crate::policy::route::{Ask, TokenCondition};
use crate::policy::{Captures, Forbid, Judgement};
use crate::request::Request;

use super::Walk;

impl<'a, O: Observer> Walk<'a, '_, O> {
    /// A true preflight, if some route that is not closed matches the path with the requested method, and no
    /// fence refuses it whoever will come, under either method. What the policy says of `OPTIONS` itself goes
    /// before.
    pub(super) fn preflight(&mut self) -> Option<Judgement<'a>> {
        if !self.policy.preflights_pass
            || self.request.method != "OPTIONS"
            || !self.request.headers.has("origin")
        {
            return None;
        }
        let method = self.requested_method()?;
        if self.options_have_their_own_route() {
            return None;
        }
        let asked = Request { method, ..self.request.clone() };
        let meant = self.policy.index.matches_for(&asked)?;
        let (id, _) = *meant.last()?;
        for (id, _) in meant {
            let route = self.policy.route(id)?;
            if matches!(route.ask, Ask::Nobody) || self.refuse_unadmitted(id, route).is_some() {
                return None;
            }
        }
        for forbid in self.policy.forbids.iter().filter(|forbid| !forbid.shadow) {
            let mut ways = self.fenced(forbid, self.request);
            ways.extend(self.fenced(forbid, &asked));
            for captures in &ways {
                let facts = self.facts(captures, Known::Absent);
                // Browsers send no credentials: a fence that the right caller could lift lets the question through.
                let unless = forbid.unless.as_ref();
                if !unless.is_some_and(|unless| unless.could_hold(&facts, self.observer)) {
                    return None;
                }
            }
        }
        Some(Judgement::of(Decision::Allow(Grant::new(Allowed::Preflight, id)), Some(id)))
    }

    /// Whether a route for the request as it is, or one that may be meant by it, was written for `OPTIONS` alone, or
    /// closes it by name.
    fn options_have_their_own_route(&self) -> bool {
        let index = &self.policy.index;
        index.meant_by(self.request).any(|(id, matched)| {
            let is_closed = || self.policy.route(id).is_some_and(|route| matches!(route.ask, Ask::Nobody));
            let is_own = |one: &RequestMatch| {
                one.methods.as_ref().is_some_and(|methods| methods.len() == 1 && one.names("OPTIONS"))
            };
            matched.names("OPTIONS")
                && (is_closed()
                    || index.matches().filter(|(route, _)| *route == id).all(|(_, one)| is_own(one)))
        })
    }

    /// What the preflight asks for; nothing where that could be read in two ways.
    fn requested_method(&self) -> Option<&'a str> {
        let mut values = self.request.headers.all("access-control-request-method");
        let method = str::from_utf8(values.next()?).ok()?;
        let is_one_method = method.starts_with(|first: char| first.is_ascii_uppercase())
            && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        (values.next().is_none() && is_one_method).then_some(method)
    }

    /// The ways in which a rule applies to what a preflight announces. Browsers send neither credentials nor
    /// headers of their own with it: that these are not there says nothing.
    fn fenced<'f>(&self, forbid: &'f Forbid, request: &Request<'_>) -> Vec<Captures<'f>> {
        let everyone = || self.policy.guards.issuers_of(&[GuardName::Any]);
        let applies = |condition: TokenCondition| match condition {
            TokenCondition::Whatever => true,
            // What might verify is taken for valid: a preflight is not worth a signature.
            TokenCondition::Present | TokenCondition::Valid => {
                self.trust.token_may_be_present(self.request, &everyone())
            }
            TokenCondition::Absent => false,
        };
        let matching = forbid.condition.announced(request).into_iter();
        matching.filter(|(condition, _)| applies(*condition)).map(|(_, captures)| captures).collect()
    }
}
