//! What the admin pages, the probes and the logs are told.

use std::time::Duration;

use crate::policy::diagnostic::{Diagnostic, Diagnostics, Severity, SourceFile};
use crate::time::UnixTime;

use super::files::FilesError;

/// Whether requests should be sent here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A policy is live, every required issuer has had its keys once, and we are not draining.
    pub ready: bool,
    /// What is awaited, for people. Once ready, what is listed here no longer makes it unready.
    pub awaited: Vec<String>,
    /// Whether it is never to be ready again.
    pub draining: bool,
}

impl Readiness {
    /// Takes what is awaited now; says whether anything changed. Whoever was ready stays so: an issuer that a
    /// new policy adds, and whose keys cannot be had, must not take the others' answers away with it.
    pub(super) fn now_awaits(&mut self, awaited: Vec<String>) -> bool {
        let ready = !self.draining && (self.ready || awaited.is_empty());
        let is_changed = ready != self.ready || awaited != self.awaited;
        (self.ready, self.awaited) = (ready, awaited);
        is_changed
    }

    /// No longer ready, for good; says whether that is new.
    pub(super) fn drain(&mut self) -> bool {
        let is_new = !self.draining;
        (self.ready, self.draining) = (false, true);
        is_new
    }
}

/// Everything there is to say about policy and keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// The live policy.
    pub policy: Option<PolicyStatus>,
    /// The last reload, or the first load.
    pub last_reload: Option<ReloadStatus>,
    /// Issuers in the order of the policy.
    pub issuers: Vec<IssuerStatus>,
}

/// The live policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStatus {
    /// Hash of its files.
    pub revision: Box<str>,
    /// Its files, as shown to people.
    pub files: Vec<Box<str>>,
    /// How many routes it has.
    pub routes: usize,
    /// How many forbid rules it has.
    pub forbids: usize,
    /// What `check` warns of.
    pub warnings: Vec<Problem>,
    /// Since when it is live.
    pub since: UnixTime,
}

/// What came of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadStatus {
    /// When.
    pub at: UnixTime,
    /// Why the policy was not taken; `None` if it was.
    pub failure: Option<ReloadFailure>,
}

/// Why a policy was not taken. The one before stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadFailure {
    /// Its files cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// It does not compile. Never empty; warnings among the problems.
    #[error("{}", said(.0))]
    Invalid(Vec<Problem>),
    /// Somebody was writing its files all the time.
    #[error("the policy files are still being written")]
    Changing,
    /// The compiler gave up: a bug of ours.
    #[error("the policy could not be compiled: internal error")]
    Internal,
}

/// One problem of a policy, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{code} {message}", .place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default())]
pub struct Problem {
    /// `P0102`.
    pub code: &'static str,
    /// Whether it makes the policy unusable.
    pub severity: Severity,
    /// Lower case, no full stop.
    pub message: String,
    /// Where; `None` for a whole set.
    pub place: Option<Place>,
    /// How to mend it.
    pub hint: Option<String>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}")]
pub struct Place {
    /// The file, as shown to people.
    pub file: Box<str>,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// One issuer and its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct IssuerStatus {
    /// Its name in the policy.
    pub name: Box<str>,
    /// Whether readiness waits for it.
    pub required: bool,
    /// Whether all of its sources have had keys once.
    pub had_keys: bool,
    /// Its sources in the order written.
    pub sources: Vec<SourceStatus>,
}

/// One source of keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceStatus {
    /// `jwks_url`, `discovery`, `jwks_file`, …
    pub kind: &'static str,
    /// The URL, path or name of the variable; empty where the keys stand in the policy.
    pub location: Box<str>,
    /// The keys in use.
    pub keys: Vec<KeyStatus>,
    /// Keys that were left out.
    pub rejected: Vec<RejectedStatus>,
    /// Last good fetch or reading.
    pub last_good: Option<UnixTime>,
    /// When it is fetched next, from when the status was made; `None` if it is not fetched.
    pub next: Option<UnixTime>,
    /// Failures since the last good one.
    pub failures: u32,
    /// What went wrong last, if it did since the last good one.
    pub last_error: Option<Box<str>>,
    /// How long the last fetch took.
    pub took: Option<Duration>,
}

/// One key. Never its material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its id, if it has one.
    pub id: Option<Box<str>>,
    /// JOSE names of what it is for.
    pub algorithms: Vec<&'static str>,
}

/// A key that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedStatus {
    /// Its id, or its position.
    pub key: Box<str>,
    /// Why.
    pub cause: Box<str>,
}

impl Problem {
    /// Problems with the names of their files.
    #[must_use]
    pub fn list(diagnostics: &Diagnostics, files: &[SourceFile]) -> Vec<Self> {
        let names: Vec<Box<str>> = files.iter().map(|file| file.name.clone()).collect();
        Self::named(&diagnostics.problems, &names)
    }

    pub(super) fn named(problems: &[Diagnostic], files: &[Box<str>]) -> Vec<Self> {
        let one = |problem: &Diagnostic| Self {
            code: problem.code,
            severity: problem.severity,
            message: problem.message.clone(),
            place: problem.at.and_then(|at| {
                let file = files.get(usize::try_from(at.file).ok()?)?;
                Some(Place { file: file.clone(), line: at.line, column: at.column })
            }),
            hint: problem.hint.clone(),
        };
        problems.iter().map(one).collect()
    }
}

/// The first error, and how many more there are.
fn said(problems: &[Problem]) -> String {
    let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let Some(first) = errors.next() else { return "the policy is invalid".to_owned() };
    match errors.count() {
        0 => first.to_string(),
        more => format!("{first} (and {more} more)"),
    }
}
