//! Policy tests: what a `*_test.yaml` says, and how it is judged.
//!
//! A case runs the production path from the parsed request on: the same reading, the same verifier, the
//! same walk, the same answer. Only the signature of a token made from claims is replaced: each run has a
//! key of its own that nobody else knows.

mod judge;
mod matrix;
mod read;
mod token;

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::policy::diagnostic::At;
use crate::time::UnixTime;
use crate::token::settings::Place;

pub use judge::{Mismatch, Run, Verdict};
pub use read::read;

/// One test file.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Host of requests that name none.
    pub host: Box<str>,
    /// Tokens by name.
    pub tokens: Vec<(Box<str>, Fixture)>,
    /// The cases, matrix cells among them.
    pub cases: Vec<Case>,
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
        guard: Box<str>,
        /// Claims over the filled-in ones; null removes one.
        claims: Map<String, Value>,
        /// Header members over the filled-in ones; null removes one.
        header: Map<String, Value>,
    },
    /// A real, signed token, or anything else that a client may send in its place.
    Raw(Box<str>),
}

/// One request and what is expected of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: Box<str>,
    /// Where it was written.
    pub at: At,
    /// The request.
    pub request: Request,
    /// Tokens it carries, each with its place; `None`: the first place of its issuer.
    pub tokens: Vec<(Box<str>, Option<Place>)>,
    /// The time; `None`: when the tests run.
    pub now: Option<UnixTime>,
    /// Issuers whose keys cannot be had.
    pub unavailable: Vec<Box<str>>,
    /// What must come out.
    pub expect: Expect,
}

/// A request of a test.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method.
    pub method: Box<str>,
    /// The host; empty: the suite's.
    pub host: Box<str>,
    /// Path and query.
    pub target: Box<str>,
    /// Headers in order.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The peer's address.
    pub address: Option<IpAddr>,
    /// The peer's mutual-TLS identity.
    pub principal: Box<str>,
}

/// What must come out; what is absent is not looked at.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// Allowed or denied.
    pub allowed: Option<bool>,
    /// The reason.
    pub reason: Option<Box<str>>,
    /// The HTTP status towards the client.
    pub status: Option<u16>,
    /// The winning route.
    pub route: Option<Box<str>>,
    /// The forbid rule that turned it away.
    pub forbid: Option<Box<str>>,
    /// Headers for the upstream; null: must not be set, and is removed.
    pub upstream: Vec<(Box<str>, Option<Box<str>>)>,
    /// Headers of the denial.
    pub headers: Vec<(Box<str>, Option<Box<str>>)>,
    /// The body of the denial, exactly.
    pub body: Option<Box<str>>,
    /// What shadow rules would have done: `name: reason`.
    pub shadow: Option<Vec<Box<str>>>,
}
