//! Headers that the upstream must not see, in every form in which it might take them for what they are.

use std::collections::BTreeSet;

use crate::request::looks_like;

use super::field::is_name;

/// Names to remove, worked out when the policy is compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    names: Box<[Box<str>]>,
    forms: Box<[Box<str>]>,
}

impl Removals {
    /// Each name as it is, and in the forms that servers fold to one (CGI, WSGI and PHP read `_`, `.` and `-` as
    /// one): the proxy may not have shown us all that the client sent.
    #[must_use]
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: BTreeSet<Box<str>> = names
            .into_iter()
            .filter(|name| is_name(name))
            .map(|name| name.to_ascii_lowercase().into())
            .collect();
        let mut forms = names.clone();
        for name in &names {
            let is_folded = |letter: char| !letter.is_ascii_alphanumeric();
            forms.extend(["_", ".", "-"].map(|sign| name.replace(is_folded, sign).into()));
        }
        Self { names: names.into_iter().collect(), forms: forms.into_iter().collect() }
    }

    /// The forms to remove whatever the request has, in lower case, sorted, each once.
    pub fn forms(&self) -> impl ExactSizeIterator<Item = &str> {
        self.forms.iter().map(AsRef::as_ref)
    }

    /// Whether there is nothing to remove.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a header that came with the request looks like one of the names, in whatever form.
    #[must_use]
    pub fn covers(&self, present: &str) -> bool {
        self.names.iter().any(|name| looks_like(present, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_in_every_form_that_one_server_or_another_folds_to_it() {
        let removals = Removals::of(["x-user.id", "x_role"]);
        let forms: Vec<&str> = removals.forms().collect();
        assert_eq!(forms, ["x-role", "x-user-id", "x-user.id", "x.role", "x.user.id", "x_role", "x_user_id"]);
        assert!(removals.covers("X-User_Id") && removals.covers("x.role"));
        assert!(!removals.covers("x-user") && !removals.covers("x-roles"));
    }
}
