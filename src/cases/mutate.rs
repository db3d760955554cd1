//! Mutants: a policy changed in one place, to see whether a test notices. What no test notices could be
//! changed by anybody, any day.

mod accepted;
mod guards;
mod keys;
mod requirement;
mod rules;
mod template;
mod trial;
mod words;

use crate::policy::Policy;
use crate::policy::diagnostic::At;
use crate::policy::document::{Document, Forbid, Guard, Requirement, Route, Text};

pub use accepted::Accepted;
pub use trial::{Trial, Untested};

/// How a policy is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// A key of a requirement is left out.
    DropKey,
    /// An element of a list is left out.
    DropElement,
    /// One is enough where all were asked for.
    AllToAny,
    /// Another guard stands in a guard's place.
    SwapGuard,
    /// A forbid rule is left out.
    OpenForbid,
    /// A path template takes all that lies below it.
    WidenTemplate,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 6] = [
        Self::DropKey,
        Self::DropElement,
        Self::AllToAny,
        Self::SwapGuard,
        Self::OpenForbid,
        Self::WidenTemplate,
    ];

    /// In reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DropKey => "drop a key",
            Self::DropElement => "drop a list element",
            Self::AllToAny => "all to any",
            Self::SwapGuard => "swap a guard",
            Self::OpenForbid => "open a forbid",
            Self::WidenTemplate => "widen a template",
        }
    }
}

/// What was changed, as a person would write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How.
    pub operator: Operator,
    /// Where.
    pub at: At,
    /// What stood there.
    pub before: String,
    /// What stands there now; `None`: nothing.
    pub after: Option<String>,
}

/// One changed policy.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was changed.
    pub change: Change,
    /// The rule, requirement or guard that it is about: `route customers.read`.
    pub owner: String,
    piece: Piece,
}

/// The part of the document that is another one. Applied twice it is the old one again.
#[derive(Debug, Clone)]
enum Piece {
    Route(usize, Box<Route>),
    Forbid(usize, Box<Forbid>),
    /// A rule that is not there, or the one that is to be put back.
    NoForbid(usize, Option<Box<Forbid>>),
    Requirement(usize, Box<Requirement>),
    Guard(usize, Box<Guard>),
    DefaultGuard(Vec<Text>),
}

/// Which tests can tell a mutant from the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Those whose request the rule at this place was about.
    Rule(At),
    /// Any.
    Everything,
}

impl Mutant {
    /// Puts the changed part in, and takes it out when called again.
    fn exchange(&mut self, document: &mut Document) {
        match &mut self.piece {
            Piece::Route(index, other) => exchange(document.routes.get_mut(*index), other),
            Piece::Forbid(index, other) => exchange(document.forbid.get_mut(*index), other),
            Piece::NoForbid(index, taken) => match taken.take() {
                Some(forbid) => document.forbid.insert((*index).min(document.forbid.len()), *forbid),
                None if *index < document.forbid.len() => {
                    *taken = Some(Box::new(document.forbid.remove(*index)));
                }
                None => {}
            },
            Piece::Requirement(index, other) => {
                exchange(document.requirements.get_mut(*index).map(|(_, written)| written), other);
            }
            Piece::Guard(index, other) => exchange(document.guards.get_mut(*index), other),
            Piece::DefaultGuard(other) => {
                if let Some(names) = document.defaults.as_mut().and_then(|defaults| defaults.guard.as_mut()) {
                    std::mem::swap(names, other);
                }
            }
        }
    }

    /// A wider template may take any request; anything else that changes in a rule is felt by its own.
    fn reach(&self, document: &Document) -> Reach {
        let rule = match &self.piece {
            _ if self.change.operator == Operator::WidenTemplate => None,
            Piece::Route(index, _) => document.routes.get(*index).map(|route| route.at),
            Piece::NoForbid(index, _) => document.forbid.get(*index).map(|forbid| forbid.at),
            // What goes through a hole of a fence does not meet it.
            Piece::Forbid(..) | Piece::Requirement(..) | Piece::Guard(..) | Piece::DefaultGuard(_) => None,
        };
        rule.map_or(Reach::Everything, Reach::Rule)
    }
}

fn exchange<T>(place: Option<&mut T>, other: &mut T) {
    if let Some(place) = place {
        std::mem::swap(place, other);
    }
}

/// All mutants of a document, in its order. Some cannot be compiled: they say nothing.
///
/// Shadow rules are left as they are, for they change nothing.
#[must_use]
pub fn mutants(document: &Document, policy: &Policy) -> Vec<Mutant> {
    let guards = guards::Names::of(document);
    let mut found = Vec::new();
    rules::of_guards(document, &mut found);
    rules::of_requirements(document, &guards, &mut found);
    rules::of_forbids(document, &guards, &mut found);
    rules::of_routes(document, policy, &guards, &mut found);
    rules::of_default_guard(document, &guards, &mut found);
    found.sort_by_key(|mutant| (mutant.change.at.file, mutant.change.at.start));
    found
}
