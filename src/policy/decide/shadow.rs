//! Shadow rules: judged beside the enforcing ones, changing nothing in what those decide.

use crate::decision::{Decision, Denial, Denied, ForbidId, Rule};
use crate::policy::Shadow;
use crate::policy::observe::Observer;
use crate::token::{Attempt, IssuerId};

use super::caller::{Credential, Heard, authenticate};
use super::{Fence, Walk, denial_of};

impl<'a, O: Observer> Walk<'a, '_, O> {
    /// What each matching shadow rule would have done. A shadow never waits for keys.
    pub(super) fn shadows(&mut self) -> Vec<Shadow> {
        let mut shadows = Vec::new();
        self.shadow_fences(&mut shadows);
        self.shadow_route(&mut shadows);
        shadows
    }

    fn shadow_fences(&mut self, shadows: &mut Vec<Shadow>) {
        let policy = self.policy;
        let mut heard = Heard::default();
        for (index, forbid) in policy.forbids.iter().enumerate() {
            if !forbid.shadow {
                continue;
            }
            // A final attempt never asks for keys.
            let Ok(ways) = heard.ways(self, forbid, Attempt::Final) else { continue };
            if ways.is_empty() {
                continue;
            }
            let id = ForbidId(u32::try_from(index).unwrap_or(u32::MAX));
            let fence = Fence { id, forbid, ways };
            let credential = self.shadow_credential(&forbid.look_in);
            let denial = match credential.rejection() {
                Some(rejection) => Some(Denial::because(rejection.reason, rejection.detail.clone())),
                None => self
                    .judge_fence(&fence, credential.known())
                    .map(|failure| denial_of(failure, Rule::Forbid(id))),
            };
            if let Some(mut denial) = denial {
                denial.rule = Rule::Forbid(id);
                shadows.push(Shadow { rule: Rule::Forbid(id), decision: Decision::Deny(denial) });
            }
        }
    }

    fn shadow_route(&mut self, shadows: &mut Vec<Shadow>) {
        let meant = self.meant(&self.policy.shadow_index);
        let unadmitted = meant.iter().find_map(|one| {
            self.refuse_unadmitted(one.id, one.route).map(|denial| (one.id, Decision::Deny(denial)))
        });
        let decided = unadmitted.or_else(|| {
            let credential = self.shadow_credential(&Self::places(&[], &meant));
            let (decision, decisive) = self.settle(&[], meant, &credential);
            decisive.map(|one| (one.id, decision))
        });
        if let Some((id, decision)) = decided {
            shadows.push(Shadow { rule: Rule::Route(id), decision });
        }
    }

    fn shadow_credential(&self, look_in: &[IssuerId]) -> Credential<'a> {
        if look_in.is_empty() {
            return Credential::Absent;
        }
        authenticate(self, look_in, Attempt::Final).unwrap_or_else(|needs| {
            Credential::Rejected(crate::token::Rejection {
                reason: Denied::KeysUnavailable,
                detail: "the key is not known yet".into(),
                issuer: Some(needs.0),
                algorithm: None,
                cached: false,
            })
        })
    }
}
