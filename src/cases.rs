//! Policy tests: what a `*_test.yaml` says, and how it is judged.
//!
//! A case runs the production path from the parsed request on: the same reading, the same verifier, the
//! same walk, the same answer. Only the signature of a token made from claims is replaced: each run has a
//! key of its own that nobody else knows.

mod carry;
mod compare;
pub mod coverage;
mod matrix;
pub mod mutate;
mod read;
mod run;
mod token;
mod verify;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decision::Denial;
use crate::policy::diagnostic::At;
use crate::policy::document::Text;
use crate::request::{Headers, Incoming, Source};
use crate::time::UnixTime;
use crate::token::keys::KeySet;
use crate::token::settings::Place;

pub use compare::{Mismatch, Verdict};
pub use read::{expect::is_reason, read, request::one_line};
pub use run::{Run, Staged, Unrunnable};
pub use token::{Shape, fill, sign, sign_text};
pub use verify::verify;

/// One test file.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Host of requests that name none.
    pub host: Box<str>,
    /// Tokens by name.
    pub tokens: Vec<(Text, Fixture)>,
    /// The cases, matrix cells among them.
    pub cases: Vec<Case>,
    /// Files that the cases name, read by whoever runs them.
    pub attached: Attached,
    /// Mutants that no test can notice.
    pub accepted: Vec<mutate::Accepted>,
}

/// What the files hold that a test file names, by path as written.
#[derive(Debug, Clone, Default)]
pub struct Attached {
    /// Captured requests.
    pub requests: BTreeMap<Box<str>, Captured>,
    /// Keys of real tokens.
    pub keys: BTreeMap<Box<str>, Arc<KeySet>>,
}

/// A captured `CheckRequest`, as the door reads it.
#[derive(Debug, Clone)]
pub enum Captured {
    /// It holds a request.
    Request(Request),
    /// It is turned away at the door.
    Refused(Denial),
}

/// A file that a test file names.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted<'s> {
    /// A captured `CheckRequest`.
    CheckRequest(&'s Text),
    /// Keys of a real token.
    Keys(&'s Text),
}

/// A token of a test.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Where it was written.
    pub at: At,
    /// What it is.
    pub kind: FixtureKind,
}

/// What a token of a test is.
#[derive(Debug, Clone)]
pub enum FixtureKind {
    /// Made from claims for a guard (or an issuer): what the guard asks is filled in.
    Claims {
        /// The guard's name.
        guard: Text,
        /// Claims over the filled-in ones; null removes one.
        claims: Map<String, Value>,
        /// Header members over the filled-in ones; null removes one.
        header: Map<String, Value>,
    },
    /// A real, signed token, or anything else that a client may send in its place.
    Raw {
        /// As it is sent.
        token: Box<str>,
        /// Whose it is; not written: the set's only issuer.
        issuer: Option<Text>,
        /// Keys of that issuer.
        key_file: Option<Text>,
    },
}

/// One request and what is expected of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: Box<str>,
    /// Where it was written.
    pub at: At,
    /// The request.
    pub request: Asked,
    /// Tokens it carries.
    pub tokens: Vec<Carried>,
    /// The time; `None`: when the tests run.
    pub now: Option<UnixTime>,
    /// Issuers whose keys cannot be had.
    pub unavailable: Vec<Text>,
    /// What must come out.
    pub expect: Expect,
}

/// A token in a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// Its name.
    pub name: Text,
    /// Its place; `None`: the first place of its issuer.
    pub place: Option<Place>,
}

/// The request of a case.
#[derive(Debug, Clone)]
pub enum Asked {
    /// As the test says.
    Written(Request),
    /// `check_request`: what Envoy sent, from a file.
    Captured(Text),
}

/// A request of a test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Box<str>,
    /// The host; empty: the suite's.
    pub host: Box<str>,
    /// Path and query.
    pub target: Box<str>,
    /// Headers in order.
    pub headers: Vec<(Box<str>, Box<[u8]>)>,
    /// The peer's address.
    pub address: Option<IpAddr>,
    /// The peer's mutual-TLS identity.
    pub principal: Box<str>,
}

/// What must come out; what is absent is not looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// Allowed or denied.
    pub allowed: Option<bool>,
    /// The reason.
    pub reason: Option<Box<str>>,
    /// The HTTP status towards the client.
    pub status: Option<u16>,
    /// The winning route.
    pub route: Option<Text>,
    /// The forbid rule that turned it away.
    pub forbid: Option<Text>,
    /// Headers for the upstream; null: must not be set, and is removed if the client sent it.
    pub upstream: Vec<(Box<str>, Option<Box<str>>)>,
    /// Headers of the denial.
    pub headers: Vec<(Box<str>, Option<Box<str>>)>,
    /// The body of the denial, exactly.
    pub body: Option<Box<str>>,
    /// What shadow rules would have done: `name: reason`.
    pub shadow: Option<Vec<Box<str>>>,
}

impl Suite {
    /// The files that it names, each once.
    #[must_use]
    pub fn wanted(&self) -> Vec<Wanted<'_>> {
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        let requests = self.cases.iter().filter_map(|case| match &case.request {
            Asked::Captured(path) => Some(Wanted::CheckRequest(path)),
            Asked::Written(_) => None,
        });
        let keys = self.tokens.iter().filter_map(|(_, fixture)| match &fixture.kind {
            FixtureKind::Raw { key_file: Some(path), .. } => Some(Wanted::Keys(path)),
            FixtureKind::Raw { key_file: None, .. } | FixtureKind::Claims { .. } => None,
        });
        for one in requests.chain(keys) {
            if !wanted.iter().any(|known| known.is_same_file(&one)) {
                wanted.push(one);
            }
        }
        wanted
    }
}

impl Wanted<'_> {
    fn is_same_file(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::CheckRequest(one), Self::CheckRequest(two)) | (Self::Keys(one), Self::Keys(two)) => {
                one.value == two.value
            }
            (Self::CheckRequest(_), Self::Keys(_)) | (Self::Keys(_), Self::CheckRequest(_)) => false,
        }
    }
}

impl Request {
    /// The same, kept: the body of what arrived.
    #[must_use]
    pub fn of(incoming: &Incoming<'_>) -> Self {
        let headers = incoming.headers.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self {
            method: incoming.method.into(),
            host: incoming.host.into(),
            target: incoming.target.into(),
            headers,
            address: incoming.source.address,
            principal: incoming.source.principal.into(),
        }
    }

    /// As it arrives at the door.
    #[must_use]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming {
            method: &self.method,
            host: &self.host,
            target: &self.target,
            headers: Headers::new(self.headers.iter().map(|(name, value)| (&**name, &**value))),
            source: Source { address: self.address, principal: &self.principal },
        }
    }
}
