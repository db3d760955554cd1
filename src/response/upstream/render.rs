//! Filling in a header template; whatever could not be sent as it is leaves the header out.

use std::borrow::Cow;

use serde_json::Value;

use crate::policy::upstream::field::is_upstream_value;
use crate::policy::upstream::{Part, Placeholder, Template};
use crate::policy::{Judgement, Policy};
use crate::token::Identity;

/// What a template may speak of.
pub(super) struct Facts<'a, 'j> {
    pub policy: &'a Policy,
    pub judgement: &'a Judgement<'j>,
    pub route: &'a str,
}

/// A filled-in template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rendered<'a> {
    /// To be sent.
    Text(Cow<'a, str>),
    /// Something it speaks of is not there.
    Missing,
    /// Something it speaks of cannot stand in a header.
    Unfit,
}

impl<'a> Facts<'a, '_> {
    pub(super) fn render(&self, template: &'a Template) -> Rendered<'a> {
        let mut text = Cow::Borrowed("");
        for part in template.parts() {
            match part {
                // What is added to nothing stays borrowed.
                Part::Literal(literal) => text += literal.as_ref(),
                Part::Value(placeholder) => match self.value(placeholder) {
                    Rendered::Text(value) if value.is_empty() => return Rendered::Missing,
                    Rendered::Text(value) if !is_upstream_value(&value) => return Rendered::Unfit,
                    Rendered::Text(Cow::Borrowed(value)) => text += value,
                    Rendered::Text(Cow::Owned(value)) if text.is_empty() => text = Cow::Owned(value),
                    Rendered::Text(Cow::Owned(value)) => text.to_mut().push_str(&value),
                    other @ (Rendered::Missing | Rendered::Unfit) => return other,
                },
            }
        }
        if is_upstream_value(&text) { Rendered::Text(text) } else { Rendered::Unfit }
    }

    fn value(&self, placeholder: &'a Placeholder) -> Rendered<'a> {
        let caller = self.judgement.caller.as_deref();
        let list = |read: fn(&Identity) -> &[Box<str>]| match caller {
            Some(caller) => join(read(caller).iter().map(|element| Some(Cow::Borrowed(element.as_ref())))),
            None => Rendered::Missing,
        };
        match placeholder {
            Placeholder::Subject => text(caller.and_then(|caller| caller.subject.as_deref())),
            Placeholder::Scopes => list(|caller| &caller.scopes),
            Placeholder::Roles => list(|caller| &caller.roles),
            Placeholder::Groups => list(|caller| &caller.groups),
            Placeholder::Permissions => list(|caller| &caller.permissions),
            Placeholder::Issuer => text(caller.and_then(|caller| self.issuer(caller))),
            Placeholder::Guard => text(Some(self.judgement.guard)),
            Placeholder::Route => text(Some(self.route)),
            Placeholder::Claim(path) => {
                caller.and_then(|caller| path.find(&caller.claims)).map_or(Rendered::Missing, claim)
            }
            Placeholder::Capture(name) => {
                let mut captures = self.judgement.captures.iter();
                text(captures.find(|(present, _)| *present == name.as_ref()).map(|(_, value)| value.as_ref()))
            }
        }
    }

    fn issuer(&self, caller: &Identity) -> Option<&'a str> {
        self.policy.issuers.get(usize::from(caller.issuer.0)).map(|issuer| issuer.name.as_ref())
    }
}

fn text(value: Option<&str>) -> Rendered<'_> {
    value.map_or(Rendered::Missing, |value| Rendered::Text(Cow::Borrowed(value)))
}

fn claim(value: &Value) -> Rendered<'_> {
    match value {
        Value::Null => Rendered::Missing,
        Value::Array(elements) => join(elements.iter().map(scalar)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            scalar(value).map_or(Rendered::Unfit, Rendered::Text)
        }
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Joins with a space. An element with white space would be read back as two, one with a comma too.
fn join<'v>(elements: impl Iterator<Item = Option<Cow<'v, str>>>) -> Rendered<'v> {
    let mut joined = Cow::Borrowed("");
    for element in elements {
        let Some(element) = element else { return Rendered::Unfit };
        if element.is_empty()
            || element.contains(|character: char| character.is_whitespace() || character == ',')
        {
            return Rendered::Unfit;
        }
        match element {
            Cow::Borrowed(element) if joined.is_empty() => joined = Cow::Borrowed(element),
            Cow::Borrowed(_) | Cow::Owned(_) => {
                if !joined.is_empty() {
                    joined += " ";
                }
                joined.to_mut().push_str(&element);
            }
        }
    }
    Rendered::Text(joined)
}
