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
pub(super) enum Rendered {
    /// To be sent.
    Text(String),
    /// Something it speaks of is not there.
    Missing,
    /// Something it speaks of cannot stand in a header.
    Unfit,
}

impl<'a> Facts<'a, '_> {
    pub(super) fn render(&self, template: &Template) -> Rendered {
        let mut text = String::new();
        for part in template.parts() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(placeholder) => match self.value(placeholder) {
                    Rendered::Text(value) if value.is_empty() => return Rendered::Missing,
                    Rendered::Text(value) if is_upstream_value(&value) => text.push_str(&value),
                    Rendered::Text(_) => return Rendered::Unfit,
                    other @ (Rendered::Missing | Rendered::Unfit) => return other,
                },
            }
        }
        if is_upstream_value(&text) { Rendered::Text(text) } else { Rendered::Unfit }
    }

    fn value(&self, placeholder: &Placeholder) -> Rendered {
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

fn text(value: Option<&str>) -> Rendered {
    value.map_or(Rendered::Missing, |value| Rendered::Text(value.to_owned()))
}

fn claim(value: &Value) -> Rendered {
    match value {
        Value::Null => Rendered::Missing,
        Value::Array(elements) => join(elements.iter().map(scalar)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            scalar(value).map_or(Rendered::Unfit, |value| Rendered::Text(value.into_owned()))
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
fn join<'v>(elements: impl Iterator<Item = Option<Cow<'v, str>>>) -> Rendered {
    let mut joined = String::new();
    for element in elements {
        let Some(element) = element else { return Rendered::Unfit };
        if element.is_empty()
            || element.contains(|character: char| character.is_whitespace() || character == ',')
        {
            return Rendered::Unfit;
        }
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&element);
    }
    Rendered::Text(joined)
}
