//! What a rule's path captures of a request.

use std::borrow::Cow;
use std::ops::Deref;

/// A name, and the text that stands there, decoded, in the request's spelling.
type Pair<'a> = (&'a str, Cow<'a, str>);

/// Path captures by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures<'a> {
    pairs: Vec<Pair<'a>>,
    any_case: bool,
}

impl<'a> Captures<'a> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { pairs: Vec::new(), any_case: false }
    }

    /// One more.
    pub fn push(&mut self, name: &'a str, text: Cow<'a, str>) {
        self.pairs.push((name, text));
    }

    /// The same; with `any_case`, of a path whose letters the application compares without regard to case: which
    /// spelling it takes for the same text cannot be told.
    #[must_use]
    pub fn of_path(mut self, any_case: bool) -> Self {
        self.any_case = any_case;
        self
    }

    /// Whether letters of another case may mean the same.
    #[must_use]
    pub const fn any_case(&self) -> bool {
        self.any_case
    }
}

impl<'a> Deref for Captures<'a> {
    type Target = [Pair<'a>];

    fn deref(&self) -> &Self::Target {
        &self.pairs
    }
}

impl<'a> FromIterator<Pair<'a>> for Captures<'a> {
    fn from_iter<I: IntoIterator<Item = Pair<'a>>>(pairs: I) -> Self {
        Self { pairs: pairs.into_iter().collect(), any_case: false }
    }
}

impl<'a> IntoIterator for Captures<'a> {
    type Item = Pair<'a>;
    type IntoIter = std::vec::IntoIter<Pair<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.pairs.into_iter()
    }
}
