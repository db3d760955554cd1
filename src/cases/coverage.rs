//! Coverage: which rules, and which branches of what they ask, some test has seen hold and some test has seen
//! not hold.

mod seen;

use std::collections::{BTreeSet, HashMap};

use crate::decision::{ForbidId, RouteId, Rule};
use crate::policy::diagnostic::At;
use crate::policy::guard::Guards;
use crate::policy::requirement::{Check, Requirement};
use crate::policy::route::Ask;
use crate::policy::tri::Tri;
use crate::policy::words::Asked;
use crate::policy::{Policy, RuleMeta};

use super::Verdict;

pub use seen::Seen;

/// What the tests of one policy have seen.
#[derive(Debug)]
pub struct Coverage {
    routes: Vec<Point>,
    forbids: Vec<Point>,
    branches: Vec<Point>,
    /// Where the branch of a place stands; one that many rules use stands once.
    index: HashMap<At, usize>,
}

/// One thing that tests should see from both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What it is.
    pub kind: PointKind,
    /// The rule's name, or the branch in words.
    pub name: String,
    /// The file.
    pub file: Box<str>,
    /// The line, from 1.
    pub line: u32,
    /// A test let a request through here; `None`: none can.
    pub allowed: Option<bool>,
    /// A test was turned away here; `None`: none can be.
    pub denied: Option<bool>,
}

/// What is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointKind {
    /// A route.
    Route,
    /// A forbid rule: allowed where it is lifted.
    Forbid,
    /// One of several ways, or one of several parts, of a requirement.
    Branch,
}

impl PointKind {
    /// In reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Forbid => "forbid rule",
            Self::Branch => "branch",
        }
    }
}

impl Point {
    fn of_rule(kind: PointKind, meta: &RuleMeta, can_allow: bool, can_deny: bool) -> Self {
        let unseen = |can: bool| can.then_some(false);
        Self {
            kind,
            name: meta.name.to_string(),
            file: meta.file.clone(),
            line: meta.line,
            allowed: unseen(can_allow),
            denied: unseen(can_deny),
        }
    }

    /// The sides that a test can see, and those that one has seen.
    fn sides(&self) -> (usize, usize) {
        let sides = [self.allowed, self.denied];
        (sides.iter().flatten().count(), sides.iter().flatten().filter(|seen| **seen).count())
    }

    /// What no test has seen, as the rest of a sentence; `None`: nothing.
    #[must_use]
    pub fn unseen(&self) -> Option<&'static str> {
        let words = match self.kind {
            PointKind::Route => ["never allowed", "never denied", "never asked"],
            PointKind::Forbid => ["never lifted", "never turned anyone away", "never reached"],
            PointKind::Branch => ["never met", "never unmet", "never judged"],
        };
        let [never_allowed, never_denied, never] = words;
        match (self.allowed, self.denied) {
            (Some(false), Some(false)) => Some(never),
            (Some(false), Some(true) | None) => Some(never_allowed),
            (Some(true) | None, Some(false)) => Some(never_denied),
            (Some(true) | None, Some(true) | None) => None,
        }
    }
}

impl Coverage {
    /// Lists what there is to be seen.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let routes = policy.routes.iter().map(|route| {
            let (can_allow, can_deny) = match route.ask {
                Ask::Anyone => (true, false),
                Ask::Nobody => (false, true),
                Ask::Require(_) => (true, true),
            };
            Point::of_rule(PointKind::Route, &route.meta, can_allow, can_deny)
        });
        // A shadow fence that would not have held leaves no trace.
        let forbids = policy.forbids.iter().map(|forbid| {
            let can_allow = forbid.unless.is_some() && !forbid.shadow;
            Point::of_rule(PointKind::Forbid, &forbid.meta, can_allow, true)
        });
        let mut coverage = Self {
            routes: routes.collect(),
            forbids: forbids.collect(),
            branches: Vec::new(),
            index: HashMap::new(),
        };
        coverage.list_branches(policy);
        coverage
    }

    /// Branches of enforced rules. Nobody watches a shadow being judged.
    fn list_branches(&mut self, policy: &Policy) {
        for route in policy.routes.iter().filter(|route| !route.shadow) {
            if let Ask::Require(requirement) = &route.ask {
                self.list(requirement, &route.meta.file, policy);
            }
        }
        for forbid in policy.forbids.iter().filter(|forbid| !forbid.shadow) {
            if let Some(requirement) = &forbid.unless {
                self.list(requirement, &forbid.meta.file, policy);
            }
        }
    }

    fn list(&mut self, requirement: &Requirement, file: &str, policy: &Policy) {
        for check in &requirement.checks {
            for branch in branches(check) {
                self.add(branch, file, policy);
                self.list(branch, file, policy);
            }
            if let Check::Use(_, inner) = check {
                self.list(inner, file, policy);
            }
        }
    }

    fn add(&mut self, branch: &Requirement, file: &str, policy: &Policy) {
        if self.index.contains_key(&branch.at) {
            return;
        }
        let index = usize::try_from(branch.at.file).unwrap_or(usize::MAX);
        let file = policy.files.get(index).map_or(file, |name| &**name);
        self.index.insert(branch.at, self.branches.len());
        self.branches.push(Point {
            kind: PointKind::Branch,
            name: words(branch, &policy.guards),
            file: file.into(),
            line: branch.at.line,
            allowed: Some(false),
            denied: Some(false),
        });
    }

    /// Takes in what one test has seen.
    pub fn add_case(&mut self, verdict: &Verdict, seen: &Seen) {
        if seen.won.is_some() {
            // A preflight passes a route without asking it.
            self.route(verdict.route, verdict.allowed);
        }
        if let Rule::Forbid(id) = verdict.rule {
            self.forbid(Some(id), false);
        }
        for (id, tri) in &seen.forbids {
            self.forbid(Some(*id), *tri == Tri::Yes);
        }
        for (rule, allowed) in &verdict.shadows {
            match rule {
                Rule::None => {}
                Rule::Route(id) => self.route(Some(*id), *allowed),
                Rule::Forbid(id) => self.forbid(Some(*id), *allowed),
            }
        }
        for (at, tri) in &seen.branches {
            let point = self.index.get(at).and_then(|index| self.branches.get_mut(*index));
            mark(point, *tri == Tri::Yes);
        }
    }

    fn route(&mut self, id: Option<RouteId>, allowed: bool) {
        let index = id.and_then(|id| usize::try_from(id.0).ok());
        mark(index.and_then(|index| self.routes.get_mut(index)), allowed);
    }

    fn forbid(&mut self, id: Option<ForbidId>, lifted: bool) {
        let index = id.and_then(|id| usize::try_from(id.0).ok());
        mark(index.and_then(|index| self.forbids.get_mut(index)), lifted);
    }

    /// Everything, in the order of files and lines.
    #[must_use]
    pub fn points(&self) -> Vec<&Point> {
        let mut points: Vec<&Point> = self.forbids.iter().chain(&self.routes).chain(&self.branches).collect();
        points.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        points
    }

    /// The sides that tests have seen, and all that there are.
    #[must_use]
    pub fn counted(&self) -> (usize, usize) {
        let points = self.forbids.iter().chain(&self.routes).chain(&self.branches);
        points.fold((0, 0), |(seen, all), point| {
            let (can, has) = point.sides();
            (seen + has, all + can)
        })
    }

    /// Files that have something in them.
    #[must_use]
    pub fn files(&self) -> BTreeSet<&str> {
        self.points().iter().map(|point| &*point.file).collect()
    }
}

/// The requirements within a check that may turn out one way or the other on their own. What a name stands
/// for is the whole of it, and its branches are listed where it is defined.
fn branches(check: &Check) -> &[Requirement] {
    if let Check::Use(..) = check { &[] } else { check.parts() }
}

fn words(requirement: &Requirement, guards: &Guards) -> String {
    Asked { requirement, guards }.to_string()
}

fn mark(point: Option<&mut Point>, allowed: bool) {
    let Some(point) = point else { return };
    let side = if allowed { &mut point.allowed } else { &mut point.denied };
    if let Some(seen) = side {
        *seen = true;
    }
}
