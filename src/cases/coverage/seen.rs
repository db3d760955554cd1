//! What is to be seen while one test runs.

use crate::decision::{ForbidId, RouteId};
use crate::policy::diagnostic::At;
use crate::policy::observe::Observer;
use crate::policy::requirement::{Check, Facts, Requirement, Verdict};
use crate::policy::tri::Tri;

/// Watches one test.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The route that won.
    pub won: Option<RouteId>,
    /// Forbid rules that matched.
    pub matched: Vec<ForbidId>,
    /// How `unless` was judged.
    pub forbids: Vec<(ForbidId, Tri)>,
    /// How branches were judged, by their places.
    pub branches: Vec<(At, Tri)>,
    /// The results of checks, under the innermost open check last.
    open: Vec<Vec<Tri>>,
}

impl Seen {
    fn branch(&mut self, branch: &Requirement, results: &[Tri]) {
        self.branches.push((branch.at, Tri::all(results.iter().copied())));
    }
}

impl Observer for Seen {
    fn forbid_matches(&mut self, forbid: ForbidId) {
        self.matched.push(forbid);
    }

    fn forbid_judged(&mut self, forbid: ForbidId, verdict: &Verdict) {
        self.forbids.push((forbid, verdict.tri));
    }

    fn route_wins(&mut self, route: RouteId) {
        self.won = Some(route);
    }

    fn enter(&mut self, _check: &Check) {
        self.open.push(Vec::new());
    }

    /// The checks of the branches lie behind one another: each branch has as many as it holds.
    fn leave(&mut self, check: &Check, _facts: &Facts<'_>, verdict: &Verdict) {
        let results = self.open.pop().unwrap_or_default();
        let mut rest = results.as_slice();
        for branch in super::branches(check) {
            let (own, others) = rest.split_at(branch.checks.len().min(rest.len()));
            self.branch(branch, own);
            rest = others;
        }
        if let Some(outer) = self.open.last_mut() {
            outer.push(verdict.tri);
        }
    }
}
