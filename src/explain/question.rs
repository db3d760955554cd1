//! A question as people ask it: a request, and whose token it carries.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cases::{Captured, Request, fill, one_line, sign};
use crate::engine::{self, Snapshot};
use crate::policy::Policy;
use crate::policy::guard::GuardName;
use crate::time::UnixTime;
use crate::token::settings::Place;

use super::token::{assume, carries_what_nobody_here_can_check, usual_place, with_fixture};
use super::{Explanation, explain};

/// What would be decided, and why?
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The method.
    pub method: String,
    /// `https://host/path?query`, or a path.
    pub url: String,
    /// The host, where the URL has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Headers in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// A token as a client sends it, put into the first place of its issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Claims of a token that nobody signed: what the guard asks is filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Map<String, Value>>,
    /// The guard (or issuer) of these claims; not needed where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The peer's mutual-TLS identity.
    #[serde(default)]
    pub principal: String,
    /// Take the token's signature for good where the issuer's keys are not here.
    #[serde(default)]
    pub assume_signature: bool,
}

/// A question that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadQuestion {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

fn bad(message: impl Into<String>, hint: impl Into<String>) -> BadQuestion {
    BadQuestion { message: message.into(), hint: hint.into() }
}

/// Answers a question in JSON with JSON: `POST /explain`. `secret` is drawn for this question alone. A
/// server never takes a signature for good.
///
/// # Errors
/// What is no question.
pub fn ask_json(
    snapshot: &Snapshot,
    body: &[u8],
    secret: [u8; 32],
    now: UnixTime,
) -> Result<String, BadQuestion> {
    let hint =
        r#"for example {"method": "GET", "url": "https://crm.example.com/customers", "token": "eyJ…"}"#;
    let question: Question =
        serde_json::from_slice(body).map_err(|error| bad(format!("this is no question: {error}"), hint))?;
    if question.assume_signature {
        return Err(bad(
            "`assume_signature` is for `portcullis explain` alone",
            "send `claims` instead of a `token`",
        ));
    }
    let explanation = ask(snapshot, &question, secret, now)?;
    serde_json::to_string(&explanation).map_err(|error| bad(error.to_string(), ""))
}

/// Answers a question. `secret` signs what nobody has signed, for this question alone.
///
/// # Errors
/// A request that cannot be built, or claims of nobody knows whom.
pub fn ask(
    snapshot: &Snapshot,
    question: &Question,
    secret: [u8; 32],
    now: UnixTime,
) -> Result<Explanation, BadQuestion> {
    let mut request = question.request()?;
    let mut snapshot = Snapshot { policy: Arc::clone(&snapshot.policy), trust: snapshot.trust.forgetful() };
    let mut assumed = false;
    let (token, place) = match (&question.token, &question.claims) {
        (Some(_), Some(_)) => {
            return Err(bad("a question has a token or claims, not both", "leave one of them out"));
        }
        (Some(token), None) => {
            let place = usual_place(&snapshot, token);
            let mut signed = None;
            if question.assume_signature {
                signed = carries_what_nobody_here_can_check(&snapshot, token, &secret);
            }
            assumed = signed.is_some();
            (Some(signed.unwrap_or_else(|| token.clone())), Some(place))
        }
        (None, Some(claims)) => {
            let guard = question.guard_of(&snapshot.policy, claims)?;
            let mut shape = fill(&snapshot.policy, &guard, now)
                .map_err(|message| bad(message, guards(&snapshot.policy)))?;
            shape.overlay(claims, &Map::new(), now);
            assumed = true;
            (Some(sign(&shape, &secret)), shape.place)
        }
        (None, None) => (None, None),
    };
    if let Some(token) = token {
        request.carry(&token, &place.unwrap_or_else(Place::usual));
    }
    if assumed {
        snapshot.trust = with_fixture(&snapshot, secret, now);
    }
    let mut explanation = explain(&snapshot, &Captured::Request(request), now);
    if assumed {
        assume(&mut explanation.token);
    }
    Ok(explanation)
}

/// Explains a captured request. The signature of its token is taken for good where nobody here can check it.
#[must_use]
pub fn ask_captured(snapshot: &Snapshot, arrives: Captured, secret: [u8; 32], now: UnixTime) -> Explanation {
    let Captured::Request(mut request) = arrives else { return explain(snapshot, &arrives, now) };
    let mut snapshot = Snapshot { policy: Arc::clone(&snapshot.policy), trust: snapshot.trust.forgetful() };
    let everyone = snapshot.policy.guards.issuers_of(&[GuardName::Any]);
    let sent = engine::read(&snapshot, &request.incoming()).ok().and_then(|read| {
        let found = snapshot.trust.credential(&read, &everyone).ok().flatten();
        found.map(|(token, _)| token.into_owned())
    });
    let signed =
        sent.as_deref().and_then(|token| carries_what_nobody_here_can_check(&snapshot, token, &secret));
    if let (Some(token), Some(signed)) = (&sent, &signed) {
        request.replace(token, signed);
        snapshot.trust = with_fixture(&snapshot, secret, now);
    }
    let mut explanation = explain(&snapshot, &Captured::Request(request), now);
    if signed.is_some() {
        assume(&mut explanation.token);
    }
    explanation
}

impl Question {
    fn request(&self) -> Result<Request, BadQuestion> {
        let hint = "a URL such as `https://crm.example.com/customers`, or a path";
        let mut request = one_line(&self.method, &self.url)
            .ok_or_else(|| bad(format!("`{}` is no URL", self.url), hint))?;
        if let Some(host) = &self.host {
            request.host = host.as_str().into();
        }
        if request.host.is_empty() {
            request.host = "localhost".into();
        }
        let header =
            |(name, value): &(String, String)| (name.to_ascii_lowercase().into(), value.as_bytes().into());
        request.headers = self.headers.iter().map(header).collect();
        request.address = self.address;
        request.principal = self.principal.as_str().into();
        Ok(request)
    }

    /// Whose token claims are: as said, by their `iss`, or of the only guard there is.
    fn guard_of(&self, policy: &Policy, claims: &Map<String, Value>) -> Result<String, BadQuestion> {
        if let Some(guard) = &self.guard {
            return Ok(guard.clone());
        }
        let by_iss = claims.get("iss").and_then(Value::as_str).and_then(|iss| {
            policy.issuers.iter().find(|issuer| issuer.iss.iter().any(|known| **known == *iss))
        });
        if let Some(issuer) = by_iss {
            return Ok(issuer.name.to_string());
        }
        let mut names = policy.guards.names();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok(only.to_owned()),
            (None, _) => Err(bad("the policy has no issuer", "declare one under `issuers`")),
            (Some(_), Some(_)) => Err(bad("whose token these claims are is not said", guards(policy))),
        }
    }
}

fn guards(policy: &Policy) -> String {
    format!("name the guard: {}", policy.guards.names().collect::<Vec<_>>().join(", "))
}
