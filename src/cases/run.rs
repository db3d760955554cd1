//! Running a case: its tokens are made, its keys laid out, and then everything is as in production.

use std::sync::Arc;

use crate::decision::{Denial, Denied};
use crate::engine::{self, Snapshot};
use crate::policy::observe::{Observer, Silent};
use crate::policy::{Judgement, Policy};
use crate::request::{Headers, Incoming};
use crate::response::{Answer, answer, refuse};
use crate::time::UnixTime;
use crate::token::Attempt;
use crate::token::cache::{CacheSettings, TokenCache};
use crate::token::keys::KeySet;
use crate::token::settings::Place;
use crate::token::trust::{SourceKeys, Trust};

use super::compare::{Verdict, compare};
use super::token::{fill, sign};
use super::{Asked, Captured, Case, Fixture, FixtureKind, Request, Suite};

/// What the tests of one policy run with.
#[derive(Debug)]
pub struct Run {
    policy: Arc<Policy>,
    /// Signs tokens made from claims; known to this run only.
    secret: [u8; 32],
    made: Arc<KeySet>,
    /// When a case says no time.
    now: UnixTime,
    /// Keys that the policy itself holds, per issuer in order.
    own_keys: Vec<Option<Arc<KeySet>>>,
    trust: Trust,
}

/// A case, ready to be judged.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Policy and keys.
    pub snapshot: Snapshot,
    /// What arrives; a captured message may be turned away at the door.
    pub arrives: Captured,
    /// The time.
    pub now: UnixTime,
}

/// A case that cannot be run: an unknown token, guard, issuer or file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unrunnable(pub String);

impl Run {
    /// Takes a policy, random bytes and the time.
    #[must_use]
    pub fn new(policy: Arc<Policy>, secret: [u8; 32], now: UnixTime) -> Self {
        let own_keys = policy.issuers.iter().map(|_| None).collect();
        let cache = TokenCache::new(CacheSettings { enabled: false, ..CacheSettings::default() });
        let trust = Trust::new(policy.issuers.clone(), Vec::new(), Arc::new(cache));
        Self { policy, secret, made: Arc::new(KeySet::fixture(secret)), now, own_keys, trust }
    }

    /// Uses real keys for the issuer of this index, beside made tokens.
    pub fn with_keys(&mut self, issuer: usize, keys: Arc<KeySet>) {
        if let Some(slot) = self.own_keys.get_mut(issuer) {
            *slot = Some(keys);
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The policy with no keys at all.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { policy: Arc::clone(&self.policy), trust: self.trust.clone() }
    }

    /// Runs one case.
    ///
    /// # Errors
    /// A case that cannot be run.
    pub fn case(&self, suite: &Suite, case: &Case) -> Result<Verdict, Unrunnable> {
        self.case_observed(suite, case, &mut Silent)
    }

    /// The same, watched.
    ///
    /// # Errors
    /// As [`Run::case`].
    pub fn case_observed<O: Observer>(
        &self,
        suite: &Suite,
        case: &Case,
        observer: &mut O,
    ) -> Result<Verdict, Unrunnable> {
        let staged = self.stage(suite, case)?;
        Ok(staged.judge(observer, |incoming, judgement, answer| {
            compare(&self.policy, &case.expect, incoming, judgement, answer)
        }))
    }

    /// Lays everything out for a case.
    ///
    /// # Errors
    /// As [`Run::case`].
    pub fn stage(&self, suite: &Suite, case: &Case) -> Result<Staged, Unrunnable> {
        let now = case.now.unwrap_or(self.now);
        let arrives = match &case.request {
            Asked::Written(request) => Captured::Request(request.clone()),
            Asked::Captured(path) => {
                let captured = suite.attached.requests.get(&path.value);
                captured.cloned().ok_or_else(|| Unrunnable(format!("`{}` was not read", path.value)))?
            }
        };
        let mut keys: Vec<Vec<SourceKeys>> = Vec::new();
        for (issuer, own) in self.policy.issuers.iter().zip(&self.own_keys) {
            let is_unavailable = case.unavailable.iter().any(|name| name.value == issuer.name);
            keys.push(if is_unavailable {
                vec![SourceKeys { set: None, fetched_at: None, remote: true }]
            } else {
                std::iter::once(&self.made).chain(own).map(|set| source(set, now)).collect()
            });
        }
        let arrives = match arrives {
            Captured::Refused(denial) => Captured::Refused(denial),
            Captured::Request(mut request) => {
                if request.host.is_empty() {
                    request.host.clone_from(&suite.host);
                }
                self.hand_over_tokens(suite, case, now, &mut request, &mut keys)?;
                Captured::Request(request)
            }
        };
        let snapshot = Snapshot { policy: Arc::clone(&self.policy), trust: self.trust.with_keys(keys) };
        Ok(Staged { snapshot, arrives, now })
    }

    fn hand_over_tokens(
        &self,
        suite: &Suite,
        case: &Case,
        now: UnixTime,
        request: &mut Request,
        keys: &mut [Vec<SourceKeys>],
    ) -> Result<(), Unrunnable> {
        // What was captured carried a token of its own, which the one of the test takes the place of.
        let takes_place = matches!(case.request, Asked::Captured(_));
        for carried in &case.tokens {
            let name = &*carried.name.value;
            let fixture = suite.tokens.iter().find(|(known, _)| known.value == carried.name.value);
            let (_, fixture) = fixture.ok_or_else(|| Unrunnable(format!("there is no token `{name}`")))?;
            let (token, usual) = self.token(suite, fixture, now, keys)?;
            let place = carried.place.clone().or(usual).unwrap_or_else(Place::usual);
            if takes_place {
                request.empty(&place);
            }
            request.carry(&token, &place);
        }
        Ok(())
    }

    /// A token and the first place of its issuer. Keys of a real one are laid beside the others.
    fn token(
        &self,
        suite: &Suite,
        fixture: &Fixture,
        now: UnixTime,
        keys: &mut [Vec<SourceKeys>],
    ) -> Result<(String, Option<Place>), Unrunnable> {
        let (token, issuer, key_file) = match &fixture.kind {
            FixtureKind::Claims { guard, claims, header } => {
                let mut shape = fill(&self.policy, &guard.value, now).map_err(Unrunnable)?;
                shape.overlay(claims, header, now);
                return Ok((sign(&shape, &self.secret), shape.place));
            }
            FixtureKind::Raw { token, issuer, key_file } => (token.to_string(), issuer, key_file),
        };
        let position = match issuer {
            Some(name) => self.policy.issuers.iter().position(|known| known.name == name.value),
            None if self.policy.issuers.len() == 1 => Some(0),
            None => None,
        };
        if let Some(path) = key_file {
            let set = suite.attached.keys.get(&path.value);
            let set = set.ok_or_else(|| Unrunnable(format!("`{}` was not read", path.value)))?;
            let slot = position.and_then(|position| keys.get_mut(position));
            let slot = slot.ok_or_else(|| Unrunnable("whose keys these are is not said".to_owned()))?;
            slot.push(source(set, now));
        }
        let settings = position.and_then(|position| self.policy.issuers.get(position));
        Ok((token, settings.and_then(|settings| settings.places.first().cloned())))
    }
}

fn source(set: &Arc<KeySet>, now: UnixTime) -> SourceKeys {
    SourceKeys { set: Some(Arc::clone(set)), fetched_at: Some(now), remote: true }
}

impl Staged {
    /// Judges it, watched, and hands on what came out.
    pub fn judge<O: Observer, R>(
        &self,
        observer: &mut O,
        then: impl FnOnce(&Incoming<'_>, &Judgement<'_>, &Answer<'_>) -> R,
    ) -> R {
        let request = match &self.arrives {
            Captured::Request(request) => request,
            Captured::Refused(denial) => return self.turn_away(denial, then),
        };
        let incoming = request.incoming();
        let policy = &self.snapshot.policy;
        let read = match engine::read(&self.snapshot, &incoming) {
            Ok(read) => read,
            Err(denial) => {
                let judgement = engine::refused(denial);
                return then(&incoming, &judgement, &answer(policy, &incoming, &judgement, TEST_ID));
            }
        };
        let judged = engine::authorize_observed(&self.snapshot, &read, self.now, Attempt::Final, observer);
        // A final attempt never asks for keys; if it did, the request would be denied.
        let judgement = judged.unwrap_or_else(|_| engine::refused(Denial::new(Denied::InternalError)));
        let answer = answer(policy, &incoming, &judgement, TEST_ID);
        then(&incoming, &judgement, &answer)
    }

    fn turn_away<R>(
        &self,
        denial: &Denial,
        then: impl FnOnce(&Incoming<'_>, &Judgement<'_>, &Answer<'_>) -> R,
    ) -> R {
        let nothing = Request::default();
        let incoming = nothing.incoming();
        let answer = refuse(Some(&self.snapshot.policy), &Headers::default(), denial, TEST_ID);
        then(&incoming, &engine::refused(denial.clone()), &answer)
    }
}

/// The decision id of every test.
const TEST_ID: &str = "test";
