//! Running a case and comparing what came out with what was expected.

use std::sync::Arc;

use crate::decision::{Decision, Rule};
use crate::engine::{self, Snapshot};
use crate::policy::{Judgement, Policy};
use crate::request::{Headers, Incoming, Source};
use crate::response::{Answer, answer};
use crate::time::UnixTime;
use crate::token::Attempt;
use crate::token::cache::{CacheSettings, TokenCache};
use crate::token::keys::KeySet;
use crate::token::settings::Place;
use crate::token::trust::{SourceKeys, Trust};

use super::token::make;
use super::{Case, Expect, FixtureKind, Request, Suite};

/// What the tests of one policy run with.
#[derive(Debug)]
pub struct Run {
    policy: Arc<Policy>,
    /// Signs tokens made from claims; known to this run only.
    secret: [u8; 32],
    /// When a case says no time.
    now: UnixTime,
    /// Keys for real tokens, per issuer in order; where there are none, made tokens verify.
    real_keys: Vec<Option<Arc<KeySet>>>,
}

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What differs; empty: it passed.
    pub mismatches: Vec<Mismatch>,
    /// The rule that settled it, for coverage.
    pub rule: Rule,
    /// Whether it was allowed.
    pub allowed: bool,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `status`, `reason`, `upstream x-user-id`, …
    pub what: String,
    /// What the case says.
    pub expected: String,
    /// What came out.
    pub actual: String,
}

impl Run {
    /// Takes a policy, random bytes and the time.
    #[must_use]
    pub fn new(policy: Arc<Policy>, secret: [u8; 32], now: UnixTime) -> Self {
        let real_keys = policy.issuers.iter().map(|_| None).collect();
        Self { policy, secret, now, real_keys }
    }

    /// Uses real keys for the issuer of this index, beside made tokens.
    pub fn with_keys(&mut self, issuer: usize, keys: Arc<KeySet>) {
        if let Some(slot) = self.real_keys.get_mut(issuer) {
            *slot = Some(keys);
        }
    }

    /// Runs one case.
    ///
    /// # Errors
    /// A case that cannot be run: an unknown token, guard or issuer.
    pub fn case(&self, suite: &Suite, case: &Case) -> Result<Verdict, String> {
        let now = case.now.unwrap_or(self.now);
        let snapshot = Snapshot { policy: Arc::clone(&self.policy), trust: self.trust(case, now)? };
        let request = self.request_with_tokens(suite, case, now)?;
        let host = if request.host.is_empty() { &suite.host } else { &request.host };
        let incoming = Incoming {
            method: &request.method,
            host,
            target: &request.target,
            headers: Headers::new(request.headers.iter().map(|(name, value)| (&**name, value.as_bytes()))),
            source: Source { address: request.address, principal: &request.principal },
        };
        let read = engine::read(&snapshot, &incoming);
        let judgement = match &read {
            Ok(read) => engine::authorize(&snapshot, read, now, Attempt::Final)
                .map_err(|_| "the final attempt asked for keys".to_owned())?,
            Err(denial) => engine::refused(denial.clone()),
        };
        let answer = answer(&self.policy, &incoming, &judgement, "test");
        Ok(Verdict {
            mismatches: compare(&self.policy, &case.expect, &judgement, &answer),
            rule: judgement.decision.rule(),
            allowed: matches!(judgement.decision, Decision::Allow(_)),
        })
    }

    fn trust(&self, case: &Case, now: UnixTime) -> Result<Trust, String> {
        for name in &case.unavailable {
            if !self.policy.issuers.iter().any(|issuer| issuer.name == *name) {
                return Err(format!("there is no issuer `{name}`"));
            }
        }
        let made = Arc::new(KeySet::fixture(self.secret));
        let keys = self.policy.issuers.iter().zip(&self.real_keys).map(|(issuer, real)| {
            if case.unavailable.contains(&issuer.name) {
                return vec![SourceKeys { set: None, fetched_at: None, remote: true }];
            }
            let source = |set: &Arc<KeySet>| SourceKeys {
                set: Some(Arc::clone(set)),
                fetched_at: Some(now),
                remote: true,
            };
            std::iter::once(&made).chain(real).map(source).collect()
        });
        let cache = TokenCache::new(CacheSettings { enabled: false, ..CacheSettings::default() });
        Ok(Trust::new(self.policy.issuers.clone(), keys.collect(), Arc::new(cache)))
    }

    fn request_with_tokens(&self, suite: &Suite, case: &Case, now: UnixTime) -> Result<Request, String> {
        let mut request = case.request.clone();
        for (name, place) in &case.tokens {
            let fixture = suite.tokens.iter().find(|(known, _)| known == name).map(|(_, fixture)| fixture);
            let fixture = fixture.ok_or_else(|| format!("there is no token `{name}`"))?;
            let (token, usual) = match &fixture.kind {
                FixtureKind::Claims { guard, claims, header } => {
                    let made = make(&self.policy, guard, claims, header, now, &self.secret)?;
                    (made.token, made.place)
                }
                FixtureKind::Raw(token) => (token.to_string(), None),
            };
            let authorization =
                || Place::Header { name: "authorization".into(), scheme: Some("Bearer".into()) };
            carry(&mut request, &token, &place.clone().or(usual).unwrap_or_else(authorization));
        }
        Ok(request)
    }
}

/// Puts a token into its place.
fn carry(request: &mut Request, token: &str, place: &Place) {
    match place {
        Place::Header { name, scheme } => {
            let value =
                scheme.as_ref().map_or_else(|| token.to_owned(), |scheme| format!("{scheme} {token}"));
            request.headers.push((name.clone(), value.into()));
        }
        Place::Cookie(name) => request.headers.push(("cookie".into(), format!("{name}={token}").into())),
        Place::Query(name) => {
            let joint = if request.target.contains('?') { '&' } else { '?' };
            request.target = format!("{}{joint}{name}={token}", request.target).into();
        }
    }
}

fn compare(policy: &Policy, expect: &Expect, judgement: &Judgement<'_>, answer: &Answer) -> Vec<Mismatch> {
    let mut found = Mismatches(Vec::new());
    let allowed = matches!(judgement.decision, Decision::Allow(_));
    let word = |allowed: bool| if allowed { "allow" } else { "deny" };
    if let Some(expected) = expect.allowed {
        let actual = format!("{} ({})", word(allowed), judgement.decision.reason_label());
        found.check("decision", word(expected), &actual, expected == allowed);
    }
    if let Some(reason) = &expect.reason {
        let actual = judgement.decision.reason_label();
        found.check("reason", reason, actual, **reason == *actual);
    }
    let (status, headers, body) = match answer {
        Answer::Allow { .. } => (200, &[][..], ""),
        Answer::Deny { status, headers, body, .. } => (*status, headers.as_slice(), body.as_str()),
    };
    if let Some(expected) = expect.status {
        found.check("status", &expected.to_string(), &status.to_string(), expected == status);
    }
    if let Some(route) = &expect.route {
        let actual =
            judgement.route.and_then(|id| policy.route(id)).map_or("(none)", |route| &*route.meta.name);
        found.check("route", route, actual, **route == *actual);
    }
    if let Some(forbid) = &expect.forbid {
        let actual = match judgement.decision.rule() {
            Rule::Forbid(id) => policy.forbid(id).map_or("(none)", |forbid| &*forbid.meta.name),
            Rule::None | Rule::Route(_) => "(none)",
        };
        found.check("forbid", forbid, actual, **forbid == *actual);
    }
    for (name, expected) in &expect.upstream {
        found.header("upstream", name, expected.as_deref(), upstream_value(answer, name));
    }
    for (name, expected) in &expect.headers {
        let actual = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.header("header", name, expected.as_deref(), actual.map(|(_, value)| value.as_str()));
    }
    if let Some(expected) = &expect.body {
        found.check("body", expected, body, **expected == *body);
    }
    if let Some(expected) = &expect.shadow {
        let actual = &answer.metadata().shadow;
        let same = expected.len() == actual.len()
            && expected.iter().zip(actual).all(|(one, other)| **one == **other);
        found.check("shadow", &expected.join(", "), &actual.join(", "), same);
    }
    found.0
}

fn upstream_value<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    match answer {
        Answer::Allow { set, .. } => {
            set.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        }
        Answer::Deny { .. } => None,
    }
}

struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    fn check(&mut self, what: &str, expected: &str, actual: &str, same: bool) {
        if !same {
            self.0.push(Mismatch { what: what.into(), expected: expected.into(), actual: actual.into() });
        }
    }

    fn header(&mut self, what: &str, name: &str, expected: Option<&str>, actual: Option<&str>) {
        let shown = |value: Option<&str>| value.map_or("(not set)".to_owned(), str::to_owned);
        self.check(&format!("{what} {name}"), &shown(expected), &shown(actual), expected == actual);
    }
}
