//! The variables of a condition.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str;
use std::sync::Arc;

use cel::Value;

use crate::policy::Captures;
use crate::policy::guard::Guards;
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

/// How path and captures are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    AsSent,
    /// As an application may read them that ignores the case of paths.
    LowerCase,
}

impl Spelling {
    fn of(self, path: &str) -> Value {
        if self == Self::AsSent { text(path) } else { text(&path.to_ascii_lowercase()) }
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
        !names.is_empty()
            && !query.is_empty()
            && (query.has_more_than(MOST_ELEMENTS) || query.hides_one_of(names))
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
    pub(super) fn value(&self, name: &str, spelling: Spelling) -> Option<Value> {
        let identity = || self.caller.map(|(identity, _)| identity);
        match name {
            "request" => self.request(spelling),
            "source" => Some(self.source()),
            "params" => {
                let capture = |(name, value): &(&str, std::borrow::Cow<'_, str>)| {
                    ((*name).to_owned(), spelling.of(value))
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
    fn request(&self, spelling: Spelling) -> Option<Value> {
        let mut headers: HashMap<String, String> = HashMap::new();
        for (name, value) in self.request.headers.iter() {
            let value = str::from_utf8(value).ok()?;
            let known = headers.entry(name.to_ascii_lowercase());
            known
                .and_modify(|joined| *joined = format!("{joined},{value}"))
                .or_insert_with(|| value.to_owned());
        }
        let mut query: HashMap<String, Vec<Value>> = HashMap::new();
        for (count, (name, value)) in self.request.query.pairs().enumerate() {
            if count == MOST_ELEMENTS {
                return None;
            }
            query.entry(name.into_owned()).or_default().push(text(&value));
        }
        let members = [
            ("method", text(self.request.method)),
            ("path", spelling.of(&self.request.path.joined())),
            ("host", text(&self.request.host)),
            ("time", Value::Int(self.now.seconds())),
            ("headers", map(headers.into_iter().map(|(name, value)| (name, text(&value))))),
            ("query", map(query.into_iter().map(|(name, values)| (name, Value::List(Arc::new(values)))))),
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
