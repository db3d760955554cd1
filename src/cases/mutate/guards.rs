//! Which guard may stand in another's place.

use crate::policy::diagnostic::At;
use crate::policy::document::{Document, Text};

use super::words::texts;
use super::{Change, Operator};

/// Guards and issuers of a document.
pub(super) struct Names<'d> {
    document: &'d Document,
}

impl<'d> Names<'d> {
    pub fn of(document: &'d Document) -> Self {
        Self { document }
    }

    /// Every way to change a list of guards; `None` in place of a list: the key is left out.
    pub fn changed(&self, written: &[Text], found: &mut impl FnMut(Vec<Text>, Change)) {
        let at = written.first().map_or_else(At::default, |first| first.at);
        let change = |operator, at, after: &[Text]| Change {
            operator,
            at,
            before: format!("guard: {}", texts(written)),
            after: Some(format!("guard: {}", texts(after))),
        };
        if !self.is_anyone(written) {
            let any = vec![Text { value: "any".into(), at }];
            // A rule that needs a caller has to say whose: what is left out reads `any`.
            let change = change(Operator::DropKey, at, &any);
            found(any, change);
        }
        for (index, name) in written.iter().enumerate() {
            if written.len() > 1 {
                let mut fewer = written.to_vec();
                fewer.remove(index);
                let change = change(Operator::DropElement, name.at, &fewer);
                found(fewer, change);
            }
            if let Some(other) = self.other(name, written) {
                let mut swapped = written.to_vec();
                if let Some(slot) = swapped.get_mut(index) {
                    *slot = Text { value: other.into(), at: name.at };
                }
                let change = change(Operator::SwapGuard, name.at, &swapped);
                found(swapped, change);
            }
        }
    }

    /// Whether the list keeps nobody out whose token verifies.
    fn is_anyone(&self, written: &[Text]) -> bool {
        let names = |name: &str| written.iter().any(|text| *text.value == *name);
        names("any") || self.document.issuers.iter().all(|issuer| names(&issuer.name.value))
    }

    /// The guard that is most easily taken for this one: of the same issuer, else a declared one, else an issuer.
    fn other(&self, name: &Text, taken: &[Text]) -> Option<&'d str> {
        let is_free = |other: &&str| !taken.iter().any(|text| *text.value == **other);
        let declared = &self.document.guards;
        let own = declared.iter().find(|guard| guard.name.value == name.value);
        let issuers_of_own = own.map_or(std::slice::from_ref(name), |guard| guard.issuer.as_slice());
        let is_sibling = |guard: &&crate::policy::document::Guard| {
            guard.issuer.iter().any(|issuer| issuers_of_own.iter().any(|known| known.value == issuer.value))
        };
        let siblings = declared.iter().filter(is_sibling).map(|guard| &*guard.name.value);
        let others = declared.iter().map(|guard| &*guard.name.value);
        let issuers = self.document.issuers.iter().map(|issuer| &*issuer.name.value);
        siblings.chain(others).chain(issuers).find(is_free)
    }
}
