//! Headers and query parameters by name. Servers fold names that are alike to one, so that a name can be read in
//! two ways: as it is written, where every server finds it, and with everything that some server would take for it.

use std::borrow::Cow;
use std::str;

use crate::policy::Captures;
use crate::policy::tri::Tri;
use crate::request::Request;

use super::value::{Quantifier, ValueMatcher, without_ends};

/// What hangs on a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Whether something opens, a route, a requirement or the hole in a fence: where the two readings differ, it
    /// cannot be told.
    Opening,
    /// Whether a fence applies, or a route may be meant: it does in either reading.
    Fence,
}

impl Purpose {
    /// How many values have to match.
    const fn quantifier(self) -> Quantifier {
        match self {
            Self::Opening => Quantifier::Every,
            Self::Fence => Quantifier::One,
        }
    }

    /// `sure`: with what every server finds under the name; `alike`: with what some server does.
    fn judge(self, matcher: &ValueMatcher, sure: impl FnOnce() -> Tri, alike: impl FnOnce() -> Tri) -> Tri {
        let asks_for_absence = matcher.presence() == Some(false);
        match self {
            Self::Opening => {
                let sure = sure();
                if sure == alike() { sure } else { Tri::Unknown }
            }
            Self::Fence if asks_for_absence => sure(),
            Self::Fence => sure().or(alike()),
        }
    }
}

/// Judges a header.
#[must_use]
pub fn header(
    name: &str,
    matcher: &ValueMatcher,
    purpose: Purpose,
    request: &Request<'_>,
    captures: &Captures<'_>,
) -> Tri {
    let text = |value| str::from_utf8(value).ok();
    let quantifier = purpose.quantifier();
    let own = || matcher.matches_header(name, request.headers.all(name).map(text), quantifier, captures);
    let alike = || matcher.matches_header(name, request.headers.alike(name).map(text), quantifier, captures);
    purpose.judge(matcher, own, alike)
}

/// Judges a query parameter.
#[must_use]
pub fn parameter(
    name: &str,
    matcher: &ValueMatcher,
    purpose: Purpose,
    request: &Request<'_>,
    captures: &Captures<'_>,
) -> Tri {
    if !request.query.is_empty() && request.query.is_untold(&[name]) {
        return Tri::Unknown;
    }
    // An empty value is none to some (Python's `parse_qs`): a fence on absence holds all the same.
    let is_sure = |value: &Cow<'_, str>| {
        !without_ends(value).is_empty() || purpose == Purpose::Opening || matcher.presence() != Some(false)
    };
    let sure = || {
        let values = request.query.sure(name).filter(is_sure);
        matcher.matches_parameter(values, purpose.quantifier(), captures)
    };
    let alike = || matcher.matches_parameter(request.query.alike(name), purpose.quantifier(), captures);
    purpose.judge(matcher, sure, alike)
}
