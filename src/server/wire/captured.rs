//! Captured `CheckRequest`s, for policy tests and `explain`: the message itself, or its proto3-JSON form.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envoy_types::ext_authz::v3::pb::CheckRequest;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, HeaderMap, HeaderValue, SocketAddress, address};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{self, HttpRequest, Peer};
use prost::Message;
use serde_json::{Map, Value};

use crate::cases::{Captured, Request};

/// Why a file holds no `CheckRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotCaptured(String);

/// Reads a captured message. What is turned away at the door of the server is turned away here.
///
/// # Errors
/// What is neither the message nor its JSON form.
pub fn captured(bytes: &[u8]) -> Result<Captured, NotCaptured> {
    let check = match bytes.trim_ascii_start().first() {
        None => return Err(NotCaptured("it is empty".to_owned())),
        Some(b'{') => from_json(bytes)?,
        Some(_) => CheckRequest::decode(unframed(bytes))
            .map_err(|error| NotCaptured(format!("it is neither JSON nor a CheckRequest: {error}")))?,
    };
    Ok(match super::incoming(&check) {
        Ok(incoming) => Captured::Request(Request::of(&incoming)),
        Err(denial) => Captured::Refused(denial),
    })
}

/// Without the five bytes that gRPC puts before a message. No `CheckRequest` begins with a zero.
fn unframed(bytes: &[u8]) -> &[u8] {
    let Some(([0, length @ ..], message)) = bytes.split_first_chunk::<5>() else { return bytes };
    let fits = usize::try_from(u32::from_be_bytes(*length)).is_ok_and(|length| length == message.len());
    if fits { message } else { bytes }
}

/// Reads the fields that a decision is made of, by their names in the protocol or in lower camel case. Others
/// are passed over, as a newer Envoy may send more.
fn from_json(bytes: &[u8]) -> Result<CheckRequest, NotCaptured> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| NotCaptured(format!("it is no JSON: {error}")))?;
    let root = Fields::of(&value, "")?;
    let attributes = root.object("attributes")?.ok_or_else(|| {
        NotCaptured(
            "it has no `attributes`: a CheckRequest is `{\"attributes\": {\"request\": …}}`".to_owned(),
        )
    })?;
    let request = match attributes.object("request")? {
        None => None,
        Some(request) => Some(attribute_context::Request {
            http: request.object("http")?.map(|http| http_request(&http)).transpose()?,
            ..attribute_context::Request::default()
        }),
    };
    let source = attributes.object("source")?.map(|source| peer(&source)).transpose()?;
    let attributes = AttributeContext { source, request, ..AttributeContext::default() };
    Ok(CheckRequest { attributes: Some(attributes) })
}

fn http_request(http: &Fields<'_>) -> Result<HttpRequest, NotCaptured> {
    let header_map = match http.object("header_map")? {
        None => None,
        Some(map) => Some(HeaderMap {
            headers: map.list("headers")?.iter().map(raw_header).collect::<Result<_, _>>()?,
        }),
    };
    let mut headers = HashMap::new();
    if let Some(map) = http.object("headers")? {
        for name in map.members.keys() {
            headers.insert(name.clone(), map.text(name)?);
        }
    }
    Ok(HttpRequest {
        method: http.text("method")?,
        host: http.text("host")?,
        path: http.text("path")?,
        query: http.text("query")?,
        fragment: http.text("fragment")?,
        headers,
        header_map,
        ..HttpRequest::default()
    })
}

fn raw_header(header: &Fields<'_>) -> Result<HeaderValue, NotCaptured> {
    let encoded = header.text("raw_value")?;
    let raw_value = STANDARD
        .decode(&encoded)
        .map_err(|_| NotCaptured(format!("`{}raw_value` is no base64", header.place)))?;
    Ok(HeaderValue { key: header.text("key")?, value: header.text("value")?, raw_value })
}

fn peer(peer: &Fields<'_>) -> Result<Peer, NotCaptured> {
    let address = match peer.object("address")? {
        None => None,
        Some(address) => address.object("socket_address")?,
    };
    let address = match address {
        None => None,
        Some(socket) => Some(Address {
            address: Some(address::Address::SocketAddress(SocketAddress {
                address: socket.text("address")?,
                port_specifier: Some(PortSpecifier::PortValue(0)),
                ..SocketAddress::default()
            })),
        }),
    };
    Ok(Peer { address, principal: peer.text("principal")?, ..Peer::default() })
}

/// The members of a JSON object, with the way to it for messages.
struct Fields<'j> {
    members: &'j Map<String, Value>,
    place: String,
}

impl<'j> Fields<'j> {
    fn of(value: &'j Value, place: &str) -> Result<Self, NotCaptured> {
        let Value::Object(members) = value else {
            return Err(NotCaptured(format!("`{}` is no object", place.trim_end_matches('.'))));
        };
        Ok(Self { members, place: place.to_owned() })
    }

    fn get(&self, name: &str) -> Option<&'j Value> {
        let camel = || {
            let mut words = name.split('_');
            let first = words.next().unwrap_or_default().to_owned();
            words.fold(first, |camel, word| {
                let (start, rest) = word.split_at_checked(1).unwrap_or((word, ""));
                camel + &start.to_ascii_uppercase() + rest
            })
        };
        let found = self.members.get(name).or_else(|| self.members.get(&camel()));
        found.filter(|value| !value.is_null())
    }

    fn object(&self, name: &str) -> Result<Option<Self>, NotCaptured> {
        self.get(name).map(|value| Self::of(value, &format!("{}{name}.", self.place))).transpose()
    }

    fn list(&self, name: &str) -> Result<Vec<Self>, NotCaptured> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let place = format!("{}{name}[].", self.place);
                items.iter().map(|item| Self::of(item, &place)).collect()
            }
            Some(_) => Err(NotCaptured(format!("`{}{name}` is no list", self.place))),
        }
    }

    /// A string; empty where there is none, as in the message.
    fn text(&self, name: &str) -> Result<String, NotCaptured> {
        match self.get(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(NotCaptured(format!("`{}{name}` is no string", self.place))),
        }
    }
}
