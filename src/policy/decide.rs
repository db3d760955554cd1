//! The one walk that decides: fences, then the most specific route, and the caller only where a
//! matching rule asks for one.

mod caller;
mod preflight;
mod shadow;

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::decision::{Allowed, Decision, Denial, Denied, ForbidId, Grant, RouteId, Rule};
use crate::request::{Path, Request};
use crate::time::UnixTime;
use crate::token::trust::Trust;
use crate::token::{Attempt, IssuerId, NeedsKeys};

use super::guard::GuardName;
use super::matcher::index::RouteIndex;
use super::observe::{Counting, Observer, Silent};
use super::requirement::{Facts, Failure, Known, Requirement};
use super::route::{Ask, TokenUse};
use super::tri::Tri;
use super::{Captures, Forbid, Judgement, Policy, Route};
use caller::{Credential, Heard};

/// Everything one walk is about.
struct Walk<'a, 'o, O: Observer> {
    policy: &'a Policy,
    trust: &'a Trust,
    request: &'a Request<'a>,
    address: Option<IpAddr>,
    now: UnixTime,
    observer: &'o mut O,
}

/// A forbid rule that matches, with the captures of every way in which it does.
struct Fence<'a> {
    id: ForbidId,
    forbid: &'a Forbid,
    ways: Vec<Captures<'a>>,
}

/// A route, and what its path captures.
struct Candidate<'a> {
    id: RouteId,
    route: &'a Route,
    captures: Captures<'a>,
}

/// Hardly ever more than one, and that one without an allocation.
type Meant<'a> = SmallVec<[Candidate<'a>; 1]>;

impl Policy {
    /// Judges one well-formed request.
    ///
    /// # Errors
    /// [`NeedsKeys`] on a first attempt whose token names a key not seen before: fetch, and ask again.
    pub fn decide<'a, O: Observer>(
        &'a self,
        trust: &'a Trust,
        request: &'a Request<'a>,
        now: UnixTime,
        attempt: Attempt,
        observer: &mut O,
    ) -> Result<Judgement<'a>, NeedsKeys> {
        let address = self.client_address.read(request);
        let mut counting = Counting { observer, failed: 0 };
        let mut walk = Walk { policy: self, trust, request, address, now, observer: &mut counting };
        let mut judgement = walk.enforce(attempt)?;
        judgement.condition_errors = counting.failed;
        if self.has_shadows {
            let mut unseen = Silent;
            let mut beside = Walk { policy: self, trust, request, address, now, observer: &mut unseen };
            judgement.shadows = beside.shadows();
        }
        Ok(judgement)
    }
}

impl<'a, O: Observer> Walk<'a, '_, O> {
    fn enforce(&mut self, attempt: Attempt) -> Result<Judgement<'a>, NeedsKeys> {
        if let Some(judgement) = self.preflight() {
            return Ok(judgement);
        }
        let meant = self.meant(&self.policy.index);
        if let Some(winner) = meant.last() {
            self.observer.route_wins(winner.id);
        }
        for one in &meant {
            if let Some(denial) = self.refuse_unadmitted(one.id, one.route) {
                return Ok(Judgement::of(Decision::Deny(denial), Some(one.id)));
            }
        }
        let mut heard = Heard::default();
        let fences = self.fences(&mut heard, attempt)?;
        let look_in = Self::places(&fences, &meant);
        self.observer.looks_for_caller(&look_in);
        let credential = heard.listen(self, &look_in, attempt)?;
        let (decision, decisive) = self.settle(&fences, meant, &credential);
        let mut judgement = Judgement::of(decision, decisive.as_ref().map(|one| one.id));
        judgement.verification = credential.verification();
        let route = decisive.as_ref().map(|one| one.route);
        let ignores_caller = route.is_some_and(|route| route.token == TokenUse::Ignored);
        if !(ignores_caller && matches!(judgement.decision, Decision::Allow(_))) {
            credential.report(self.policy, route, &mut judgement);
        }
        judgement.captures = decisive.map(|one| one.captures).unwrap_or_default();
        Ok(judgement)
    }

    /// The routes that have to let the request through: the most specific one last, before it those that may be
    /// meant instead.
    fn meant(&self, index: &'a RouteIndex) -> Meant<'a> {
        let of = |(id, captures)| Some(Candidate { id, route: self.policy.route(id)?, captures });
        // All of them or none: one that is left out would let everybody through.
        let all = || {
            let found = index.find(self.request)?;
            let mut meant = found.rivals.into_iter().map(of).collect::<Option<Meant<'a>>>()?;
            meant.push(of((found.route, found.captures))?);
            Some(meant)
        };
        all().unwrap_or_default()
    }

    /// A path that only some rules admit is refused where the winning route does not, never handed on.
    fn refuse_unadmitted(&self, id: RouteId, route: &Route) -> Option<Denial> {
        let path = &self.request.path;
        let problem = if path.holds_encoded_slash() && !route.admits_encoded_slashes {
            "the path has an escaped slash"
        } else if path.holds_semicolon() && !route.admits_semicolons {
            "the path has a semicolon"
        } else if path.holds_script() && !route.admits_scripts {
            Path::HAS_SCRIPT
        } else {
            return None;
        };
        let mut denial = Denial::because(Denied::BadPath, problem);
        denial.rule = Rule::Route(id);
        Some(denial)
    }

    /// The enforced forbid rules that match, in the order of their names.
    fn fences(&mut self, heard: &mut Heard<'a>, attempt: Attempt) -> Result<Vec<Fence<'a>>, NeedsKeys> {
        let mut matching = Vec::new();
        for (index, forbid) in self.policy.forbids.iter().enumerate().filter(|(_, forbid)| !forbid.shadow) {
            let ways = heard.ways(self, forbid, attempt)?;
            if ways.is_empty() {
                continue;
            }
            let id = ForbidId(u32::try_from(index).unwrap_or(u32::MAX));
            self.observer.forbid_matches(id);
            matching.push(Fence { id, forbid, ways });
        }
        Ok(matching)
    }

    /// The issuers in whose places a token is looked for: those of the guards that the rules name.
    fn places(fences: &[Fence<'_>], meant: &[Candidate<'_>]) -> Vec<IssuerId> {
        let mut places: Vec<IssuerId> =
            fences.iter().flat_map(|fence| fence.forbid.look_in.iter().copied()).collect();
        places.extend(meant.iter().flat_map(|one| one.route.look_in.iter().copied()));
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The decision, and the route that it is about.
    fn settle(
        &mut self,
        fences: &[Fence<'a>],
        mut meant: Meant<'a>,
        credential: &Credential<'_>,
    ) -> (Decision, Option<Candidate<'a>>) {
        if let Some(denial) = Self::refuse_bad_token(fences, &meant, credential) {
            let of_rule = |one: &Candidate<'_>| denial.rule == Rule::Route(one.id);
            let at = meant.iter().position(of_rule).unwrap_or(meant.len().saturating_sub(1));
            return (Decision::Deny(denial), meant.into_iter().nth(at));
        }
        let known = credential.known();
        if let Some(denial) = self.fence_that_holds(fences, known) {
            return (Decision::Deny(denial), meant.pop());
        }
        let Some(winner) = meant.pop() else { return (Decision::Deny(Denial::new(Denied::NoRoute)), None) };
        for rival in meant {
            let decision = self.judge_route(rival.id, rival.route, &rival.captures, known);
            if matches!(decision, Decision::Deny(_)) {
                return (decision, Some(rival));
            }
            self.observer.rival_lets_through();
        }
        let decision = self.judge_route(winner.id, winner.route, &winner.captures, known);
        (decision, Some(winner))
    }

    /// A bad token never degrades to anonymous: the rule that looked for it turns the request away.
    fn refuse_bad_token(
        fences: &[Fence<'_>],
        meant: &[Candidate<'_>],
        credential: &Credential<'_>,
    ) -> Option<Denial> {
        let rejection = credential.rejection()?;
        let looking_fence = fences.iter().find(|fence| !fence.forbid.look_in.is_empty());
        let looking_route = meant.iter().find(|one| !one.route.look_in.is_empty());
        let rule = match (looking_fence, looking_route) {
            (Some(fence), _) => Rule::Forbid(fence.id),
            (None, Some(one)) => Rule::Route(one.id),
            (None, None) => Rule::None,
        };
        let mut denial = Denial::because(rejection.reason, rejection.detail.clone());
        denial.rule = rule;
        Some(denial)
    }

    /// Of several fences that hold: the first by reason, then by name.
    fn fence_that_holds(&mut self, fences: &[Fence<'_>], known: Known<'_>) -> Option<Denial> {
        let mut first: Option<Denial> = None;
        for fence in fences {
            let Some(failure) = self.judge_fence(fence, known) else { continue };
            if first.as_ref().is_none_or(|known| failure.reason.precedence() < known.reason.precedence()) {
                first = Some(denial_of(failure, Rule::Forbid(fence.id)));
            }
        }
        first
    }

    /// A fence is lifted only if it is lifted in every way in which it matches.
    fn judge_fence(&mut self, fence: &Fence<'_>, known: Known<'_>) -> Option<Failure> {
        let Some(unless) = &fence.forbid.unless else {
            return Some(Failure { reason: Denied::Forbidden, missing: Vec::new() });
        };
        for captures in &fence.ways {
            let verdict = unless.judge(&self.facts(captures, known), self.observer);
            self.observer.forbid_judged(fence.id, &verdict);
            if let Some(failure) = verdict.failure {
                let is_stranger = self.is_stranger(known, &fence.forbid.guards);
                let stranger = Failure { reason: Denied::GuardMismatch, missing: Vec::new() };
                return Some(if is_stranger { stranger } else { failure });
            }
        }
        None
    }

    fn judge_route(
        &mut self,
        id: RouteId,
        route: &Route,
        captures: &Captures<'a>,
        known: Known<'_>,
    ) -> Decision {
        match self.route_failure(route, captures, known) {
            None => Decision::Allow(Grant::new(Allowed::Met, id)),
            Some(failure) => Decision::Deny(denial_of(failure, Rule::Route(id))),
        }
    }

    fn route_failure(&mut self, route: &Route, captures: &Captures<'a>, known: Known<'_>) -> Option<Failure> {
        let plain = |reason| Some(Failure { reason, missing: Vec::new() });
        let requirement: &Requirement = match &route.ask {
            Ask::Anyone => return None,
            Ask::Nobody => return plain(Denied::Nobody),
            Ask::Require(requirement) => requirement,
        };
        match (route.token, known) {
            (TokenUse::Required, Known::Absent) => return plain(Denied::MissingToken),
            (TokenUse::Required, Known::Unjudged) => return plain(Denied::KeysUnavailable),
            (TokenUse::Required | TokenUse::Optional | TokenUse::Ignored, _) => {}
        }
        let known = if route.token == TokenUse::Ignored { Known::Absent } else { known };
        let verdict = requirement.judge(&self.facts(captures, known), self.observer);
        // A stranger is turned away also where a branch would have let nobody in particular through: his
        // subject must not reach the upstream as that of somebody who was asked for.
        if self.is_stranger(known, &route.guards) {
            return plain(Denied::GuardMismatch);
        }
        verdict.failure
    }

    /// Whether there is a caller, and he belongs to none of the guards asked for.
    fn is_stranger(&self, known: Known<'_>, guards: &[GuardName]) -> bool {
        let Known::Verified(identity) = known else { return false };
        !guards.is_empty() && self.policy.guards.belongs(identity, guards) != Tri::Yes
    }

    fn facts<'f>(&self, captures: &'f Captures<'f>, known: Known<'f>) -> Facts<'f>
    where
        'a: 'f,
    {
        Facts {
            request: self.request,
            captures,
            known,
            guards: &self.policy.guards,
            address: self.address,
            now: self.now,
        }
    }
}

fn denial_of(failure: Failure, rule: Rule) -> Denial {
    Denial { reason: failure.reason, rule, missing: failure.missing, detail: None }
}
