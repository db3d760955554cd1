//! What a rule asks, in words: for tables, explanations and reports.

use std::fmt;

use super::guard::{GuardName, Guards};
use super::matcher::capture::CaptureText;
use super::requirement::{Check, Granted, Requirement};

/// A requirement in words: all of its checks, joined by "and".
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// Guards have names here only.
    pub guards: &'a Guards,
}

/// One check in words.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The check.
    pub check: &'a Check,
    /// Guards have names here only.
    pub guards: &'a Guards,
}

impl Granted {
    /// One of this kind: `scope`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scopes => "scope",
            Self::Roles => "role",
            Self::Groups => "group",
            Self::Permissions => "permission",
        }
    }
}

impl GuardName {
    /// Its name, or `any`.
    #[must_use]
    pub fn name(self, guards: &Guards) -> &str {
        match self {
            Self::Any => "any",
            Self::One(id) => guards.get(id).map_or("", |guard| &guard.name),
        }
    }
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, check) in self.requirement.checks.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { " and " })?;
            Checked { check, guards: self.guards }.fmt(formatter)?;
        }
        Ok(())
    }
}

impl fmt::Display for Checked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.check {
            Check::Has { kind, all, names } => has(formatter, *kind, *all, names),
            Check::Guard(names) => {
                let names: Vec<&str> = names.iter().map(|name| name.name(self.guards)).collect();
                write!(formatter, "guard {}", names.join(" or "))
            }
            Check::Subject(matcher) => write!(formatter, "subject {matcher}"),
            Check::Claim(path, matcher) => write!(formatter, "claim {path} {matcher}"),
            Check::Address(cidrs) => write!(formatter, "source address in {cidrs}"),
            Check::Principal(principals) => write!(formatter, "source identity {principals}"),
            Check::Header(name, matcher) => write!(formatter, "header {name} {matcher}"),
            Check::Query(name, matcher) => write!(formatter, "query {name} {matcher}"),
            Check::When(condition) => write!(formatter, "when {}", condition.source()),
            Check::Any(branches) => self.several(formatter, branches, " or "),
            Check::All(parts) => self.several(formatter, parts, " and "),
            Check::Not(inner) => write!(formatter, "not ({})", self.inner(inner)),
            Check::Use(name, inner) => write!(formatter, "{name} ({})", self.inner(inner)),
        }
    }
}

impl<'a> Checked<'a> {
    const fn inner(&self, requirement: &'a Requirement) -> Asked<'a> {
        Asked { requirement, guards: self.guards }
    }

    fn several(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        several: &'a [Requirement],
        joint: &str,
    ) -> fmt::Result {
        for (index, one) in several.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { joint })?;
            write!(formatter, "({})", self.inner(one))?;
        }
        Ok(())
    }
}

fn has(formatter: &mut fmt::Formatter<'_>, kind: Granted, all: bool, names: &[CaptureText]) -> fmt::Result {
    let names: Vec<String> = names.iter().map(CaptureText::written).collect();
    let plural = if names.len() == 1 || !all { "" } else { "s" };
    write!(formatter, "{}{plural} {}", kind.word(), names.join(if all { " and " } else { " or " }))
}
