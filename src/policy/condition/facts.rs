//! The variables of a condition.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::str;
use std::sync::Arc;

use cel::Value;
use memchr::memchr;

use crate::policy::Captures;
use crate::policy::guard::Guards;
use crate::policy::matcher::value::{is_one_value, until_nul, without_ends};
use crate::request::{Request, looks_like};
use crate::time::UnixTime;
use crate::token::Identity;

/// Most elements of a list or map that a condition may see.
const MOST_ELEMENTS: usize = 1000;

/// What a condition is judged on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Captures of the route's path.
    pub captures: &'a Captures<'a>,
    /// The caller and the name of the issuer.
    pub caller: Option<(&'a Identity, &'a str)>,
    /// All guards.
    pub guards: &'a Guards,
    /// The client's address.
    pub client_address: Option<IpAddr>,
    /// The time.
    pub now: UnixTime,
}

/// How a request is shown, of the ways in which applications read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Path and captures in lower case, as to who ignores it.
    pub lower_case: bool,
    pub headers: ListReading,
    pub trimmed: Trimming,
    /// Query values of one name in the contrary order.
    pub reversed: bool,
}

/// What is taken of headers with one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ListReading {
    /// All, joined by commas, as the language says.
    #[default]
    Joined,
    FirstField,
    LastField,
    FirstElement,
    LastElement,
}

/// What is cut off a query value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Trimming {
    #[default]
    Nothing,
    Ends,
    /// What stands behind a NUL, too.
    BehindNul,
}

impl ListReading {
    pub(super) const ALL: [Self; 5] =
        [Self::Joined, Self::FirstField, Self::LastField, Self::FirstElement, Self::LastElement];
}

impl Trimming {
    pub(super) const ALL: [Self; 3] = [Self::Nothing, Self::Ends, Self::BehindNul];
}

impl Reading {
    fn path(self, path: &str) -> Value {
        if self.lower_case { text(&path.to_ascii_lowercase()) } else { text(path) }
    }

    /// The value of a header, from all that came with its name.
    fn header(self, name: &str, values: &[&str]) -> Value {
        let (first, last) = (values.first().copied(), values.last().copied());
        match self.headers {
            ListReading::Joined => text(&values.join(",")),
            ListReading::FirstElement if !is_one_value(name) => {
                text(first.and_then(|value| value.split(',').next()).unwrap_or_default().trim())
            }
            ListReading::LastElement if !is_one_value(name) => {
                text(last.and_then(|value| value.rsplit(',').next()).unwrap_or_default().trim())
            }
            ListReading::FirstField | ListReading::FirstElement => text(first.unwrap_or_default()),
            ListReading::LastField | ListReading::LastElement => text(last.unwrap_or_default()),
        }
    }

    /// The values of a query parameter.
    fn parameter(self, values: &[Cow<'_, str>]) -> Value {
        let cut = |value: &Cow<'_, str>| match self.trimmed {
            Trimming::Nothing => text(value),
            Trimming::Ends => text(without_ends(value)),
            Trimming::BehindNul => text(until_nul(value)),
        };
        let mut shown: Vec<Value> = values.iter().map(cut).collect();
        if self.reversed {
            shown.reverse();
        }
        Value::List(Arc::new(shown))
    }
}

impl Facts<'_> {
    /// Whether the path can be spelt otherwise and mean the same.
    pub(super) fn has_other_spelling(&self) -> bool {
        let has_capitals = |segment: &str| segment.bytes().any(|byte| byte.is_ascii_uppercase());
        self.captures.any_case() && self.request.path.segments().iter().any(|segment| has_capitals(segment))
    }

    /// Whether the request has a header that some server would take for this one, and that a condition does not
    /// find under this name: its names are in lower case.
    pub(super) fn has_header_like(&self, name: &str) -> bool {
        let is_found = |present: &str| present.bytes().map(|byte| byte.to_ascii_lowercase()).eq(name.bytes());
        let is_like = |present: &str| looks_like(present, name) && !is_found(present);
        self.request.headers.iter().any(|(present, _)| is_like(present))
    }

    /// The same for query parameters, or there are more than a condition may see.
    pub(super) fn has_parameter_like_one_of(&self, names: &[Box<str>]) -> bool {
        let query = self.request.query;
        !names.is_empty() && !query.is_empty() && query.hides_one_of(names)
    }

    /// Whether a header is a list, of several fields or in one with commas.
    pub(super) fn is_list(&self, name: &str) -> bool {
        let mut values = self.request.headers.all(name);
        let first = values.next();
        values.next().is_some()
            || (!is_one_value(name) && first.is_some_and(|value| memchr(b',', value).is_some()))
    }

    /// Whether any is.
    pub(super) fn has_list(&self) -> bool {
        let mut seen = HashSet::new();
        self.request.headers.iter().any(|(name, value)| {
            let name = name.to_ascii_lowercase();
            (!is_one_value(&name) && memchr(b',', value).is_some()) || !seen.insert(name)
        })
    }

    /// Whether query values would be others trimmed.
    pub(super) fn has_blanks(&self) -> bool {
        self.request
            .query
            .pairs()
            .any(|(_, value)| until_nul(&value) != value || without_ends(&value) != value)
    }

    /// Whether a parameter came several times.
    pub(super) fn has_repeated_parameter(&self) -> bool {
        let mut seen = HashSet::new();
        self.request.query.pairs().any(|(name, _)| !seen.insert(name))
    }

    /// Whether the request has a header that some server would fold to another name: one who goes through all names
    /// with `startsWith` or the like would not find that.
    pub(super) fn has_folded_header(&self) -> bool {
        let folds = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'-';
        self.request.headers.unusual_names().any(|name| name.bytes().any(folds))
    }

    /// The same of a parameter.
    pub(super) fn has_folded_parameter(&self) -> bool {
        self.request.query.has_unusual_name()
    }

    /// The value of a variable; `None` where there is none.
    pub(super) fn value(&self, name: &str, reading: Reading) -> Option<Value> {
        let identity = || self.caller.map(|(identity, _)| identity);
        match name {
            "request" => self.request(reading),
            "source" => Some(self.source()),
            "params" => {
                let capture = |(name, value): &(&str, std::borrow::Cow<'_, str>)| {
                    ((*name).to_owned(), reading.path(value))
                };
                Some(map(self.captures.iter().map(capture)))
            }
            "claims" => {
                let claims = &identity()?.claims;
                let claims: Option<Vec<(String, Value)>> =
                    claims.iter().map(|(name, value)| Some((name.to_owned(), json(value)?))).collect();
                claims.map(|claims| map(claims.into_iter()))
            }
            "subject" => identity()?.subject.as_deref().map(text),
            "scopes" => Some(list(&identity()?.scopes)),
            "roles" => Some(list(&identity()?.roles)),
            "groups" => Some(list(&identity()?.groups)),
            "permissions" => Some(list(&identity()?.permissions)),
            "issuer" => self.caller.map(|(_, issuer)| text(issuer)),
            "guards" => {
                let guards = self.guards.certain_of(identity()?)?;
                Some(Value::List(Arc::new(guards.into_iter().map(text).collect())))
            }
            _ => None,
        }
    }

    /// Nothing where it could not be shown whole: what is left out would be taken for not sent.
    fn request(&self, reading: Reading) -> Option<Value> {
        let mut headers: HashMap<String, Vec<&str>> = HashMap::new();
        for (name, value) in self.request.headers.iter() {
            headers.entry(name.to_ascii_lowercase()).or_default().push(str::from_utf8(value).ok()?);
        }
        let mut query: HashMap<String, Vec<Cow<'_, str>>> = HashMap::new();
        for (count, (name, value)) in self.request.query.pairs().enumerate() {
            if count == MOST_ELEMENTS {
                return None;
            }
            query.entry(name.into_owned()).or_default().push(value);
        }
        let headers = headers.into_iter().map(|(name, values)| {
            let value = reading.header(&name, &values);
            (name, value)
        });
        let query = query.into_iter().map(|(name, values)| (name, reading.parameter(&values)));
        let members = [
            ("method", text(self.request.method)),
            ("path", reading.path(&self.request.path.joined())),
            ("host", text(&self.request.host)),
            ("time", Value::Int(self.now.seconds())),
            ("headers", map(headers)),
            ("query", map(query)),
        ];
        Some(map(members.into_iter().map(|(name, value)| (name.to_owned(), value))))
    }

    /// An address or identity that is not there is not a member, so that comparing it fails.
    fn source(&self) -> Value {
        let address = self.client_address.map(|address| ("address".to_owned(), text(&address.to_string())));
        let principal = Some(self.request.source.principal).filter(|name| !name.is_empty());
        map(address.into_iter().chain(principal.map(|name| ("principal".to_owned(), text(name)))))
    }
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

fn list(items: &[Box<str>]) -> Value {
    Value::List(Arc::new(items.iter().map(|item| text(item)).collect()))
}

fn map(members: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Map(members.collect::<HashMap<String, Value>>().into())
}

/// A claim; `None` where it holds more than a condition may go through.
fn json(value: &serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Value::Int(integer),
            (None, Some(integer)) => Value::UInt(integer),
            (None, None) => Value::Float(number.as_f64()?),
        },
        serde_json::Value::String(string) => text(string),
        serde_json::Value::Array(items) if items.len() <= MOST_ELEMENTS => {
            Value::List(Arc::new(items.iter().map(json).collect::<Option<_>>()?))
        }
        serde_json::Value::Object(members) if members.len() <= MOST_ELEMENTS => {
            let members: Option<Vec<(String, Value)>> =
                members.iter().map(|(name, value)| Some((name.clone(), json(value)?))).collect();
            map(members?.into_iter())
        }
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => return None,
    })
}
