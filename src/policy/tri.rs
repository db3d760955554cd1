//! Yes, no, unknown (Kleene's strong logic). Only yes opens anything.

/// A three-valued answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tri {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It cannot be told.
    Unknown,
}

impl Tri {
    /// All hold: no if one is no, else unknown if one is.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// One holds: yes if one is yes, else unknown if one is.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::No, Self::No) => Self::No,
        }
    }

    /// The contrary; unknown stays unknown.
    #[must_use]
    pub const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    /// All of several; of none: yes.
    #[must_use]
    pub fn all(several: impl Iterator<Item = Self>) -> Self {
        several.fold(Self::Yes, Self::and)
    }

    /// One of several; of none: no.
    #[must_use]
    pub fn any(several: impl Iterator<Item = Self>) -> Self {
        several.fold(Self::No, Self::or)
    }
}

impl From<bool> for Tri {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::Tri::{self, No, Unknown, Yes};

    #[test]
    fn the_tables_are_those_of_kleene() {
        let table = [
            (Yes, Yes, Yes, Yes),
            (Yes, No, No, Yes),
            (Yes, Unknown, Unknown, Yes),
            (No, No, No, No),
            (No, Unknown, No, Unknown),
            (Unknown, Unknown, Unknown, Unknown),
        ];
        for (first, second, and, or) in table {
            assert_eq!((first.and(second), second.and(first)), (and, and));
            assert_eq!((first.or(second), second.or(first)), (or, or));
            // De Morgan
            assert_eq!(first.and(second).not(), first.not().or(second.not()));
        }
        assert_eq!((Tri::all([].into_iter()), Tri::any([].into_iter())), (Yes, No));
    }
}
