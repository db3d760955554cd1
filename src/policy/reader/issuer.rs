//! `issuers`.

use crate::policy::diagnostic::{Diagnostics, codes};
use crate::policy::document::{Issuer, KeySource, Place, Read, Refresh, Text};
use crate::policy::yaml::fields::{Fields, list, text, texts};
use crate::policy::yaml::{Kind, Node};

pub(super) fn read(name: Text, node: &Node, problems: &mut Diagnostics) -> Option<Issuer> {
    let mut keys = Fields::of(node, "an issuer", problems)?;
    let iss = keys
        .need("issuer", "issuer: https://auth.example.com", problems)
        .and_then(|node| texts(node, "issuer", true, problems));
    let sources = keys.need("keys", "keys: { jwks_url: https://auth.example.com/jwks.json }", problems);
    let sources = sources.map(|node| sources_of(node, problems));
    let audiences = keys.need("audiences", "audiences: [crm]", problems);
    let issuer = Issuer {
        name,
        iss: iss.unwrap_or_default(),
        keys: sources.unwrap_or_default(),
        algorithms: keys.texts("algorithms", problems),
        audiences_is_scalar: audiences.is_some_and(|node| matches!(node.kind, Kind::Text { .. })),
        audiences: audiences.and_then(|node| texts(node, "audiences", true, problems)).unwrap_or_default(),
        types: keys.texts("types", problems),
        leeway: keys.text("leeway", problems),
        require_expiry: keys.flag("require_expiry", problems),
        max_age: keys.text("max_age", problems),
        token: keys.take("token").map(|node| {
            one_or_list(node, "token", problems).iter().filter_map(|node| place(node, problems)).collect()
        }),
        read: keys.take("read").and_then(|node| read_of(node, problems)),
        scope_wildcard: keys.text("scope_wildcard", problems),
        refresh: keys.take("refresh").and_then(|node| refresh(node, problems)),
        required: keys.flag("required", problems),
        loosens: keys.flag("loosens", problems),
    };
    keys.finish(problems);
    Some(issuer)
}

/// A list, or one map that stands for a list of one.
fn one_or_list<'n>(node: &'n Node, name: &str, problems: &mut Diagnostics) -> &'n [Node] {
    if matches!(node.kind, Kind::Mapping(_)) {
        return std::slice::from_ref(node);
    }
    list(node, name, problems).unwrap_or_default()
}

fn sources_of(node: &Node, problems: &mut Diagnostics) -> Vec<KeySource> {
    // A text here may be a key or secret itself: it is not repeated.
    if let Kind::Text { .. } = node.kind {
        problems
            .error(codes::WRONG_TYPE, node.at, "`keys` says where keys are, and this is a string")
            .hint("write `{ jwks_url: https://… }`, `{ pem_file: key.pem }` or `{ secret_file: secret }`");
        return Vec::new();
    }
    one_or_list(node, "keys", problems).iter().filter_map(|node| source(node, problems)).collect()
}

fn source(node: &Node, problems: &mut Diagnostics) -> Option<KeySource> {
    let mut keys = Fields::of(node, "an entry of `keys`", problems)?;
    let discovery = keys.take("discovery").and_then(|node| match &node.kind {
        Kind::Bool(true) => Some(Text { value: "".into(), at: node.at }),
        Kind::Bool(false) => {
            problems
                .error(codes::WRONG_TYPE, node.at, "`discovery` is `true` or a URL")
                .hint("remove it if the metadata is not to be read");
            None
        }
        Kind::Null
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_)
        | Kind::Mapping(_) => text(node, "discovery", problems),
    });
    let source = KeySource {
        at: node.at,
        jwks_url: keys.text("jwks_url", problems),
        discovery,
        jwks_file: keys.text("jwks_file", problems),
        jwks: keys.take("jwks").and_then(|node| jwks(node, problems)),
        pem_file: keys.text("pem_file", problems),
        pem: keys.text("pem", problems),
        secret_file: keys.text("secret_file", problems),
        secret_env: keys.text("secret_env", problems),
        encoding: keys.word("encoding", &["raw", "base64", "base64url", "hex"], problems),
        insecure_http: keys.flag("insecure_http", problems),
        ca_file: keys.text("ca_file", problems),
        bearer_token_file: keys.text("bearer_token_file", problems),
    };
    keys.finish(problems);
    Some(source)
}

/// A key set written as YAML, or as JSON text.
fn jwks(node: &Node, problems: &mut Diagnostics) -> Option<Text> {
    match &node.kind {
        Kind::Mapping(_) => Some(Text { value: json(node).to_string().into(), at: node.at }),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_) => text(node, "jwks", problems),
    }
}

fn json(node: &Node) -> serde_json::Value {
    match &node.kind {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool(value) => (*value).into(),
        Kind::Integer(value) => (*value).into(),
        Kind::Float(value) => (*value).into(),
        Kind::Text { value, .. } => (&**value).into(),
        Kind::Sequence(items) => items.iter().map(json).collect(),
        Kind::Mapping(entries) => {
            let member = |(key, value): &(Node, Node)| match &key.kind {
                Kind::Text { value: name, .. } => Some((name.to_string(), json(value))),
                Kind::Null
                | Kind::Bool(_)
                | Kind::Integer(_)
                | Kind::Float(_)
                | Kind::Sequence(_)
                | Kind::Mapping(_) => None,
            };
            serde_json::Value::Object(entries.iter().filter_map(member).collect())
        }
    }
}

fn place(node: &Node, problems: &mut Diagnostics) -> Option<Place> {
    let mut keys = Fields::of(node, "an entry of `token`", problems)?;
    let place = Place {
        at: node.at,
        header: keys.text("header", problems),
        scheme: keys.text("scheme", problems),
        cookie: keys.text("cookie", problems),
        query: keys.text("query", problems),
    };
    keys.finish(problems);
    Some(place)
}

fn read_of(node: &Node, problems: &mut Diagnostics) -> Option<Read> {
    let mut keys = Fields::of(node, "`read`", problems)?;
    let read = Read {
        at: node.at,
        preset: keys.text("preset", problems),
        client: keys.text("client", problems),
        subject: keys.text_or_texts("subject", problems),
        scopes: keys.text_or_texts("scopes", problems),
        roles: keys.text_or_texts("roles", problems),
        groups: keys.text_or_texts("groups", problems),
        permissions: keys.text_or_texts("permissions", problems),
        audience: keys.text_or_texts("audience", problems),
    };
    keys.finish(problems);
    Some(read)
}

fn refresh(node: &Node, problems: &mut Diagnostics) -> Option<Refresh> {
    let mut keys = Fields::of(node, "`refresh`", problems)?;
    let max_bytes = keys.take("max_bytes").and_then(|node| match node.kind {
        Kind::Integer(bytes) => Some(Text { value: bytes.to_string().into(), at: node.at }),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Float(_)
        | Kind::Text { .. }
        | Kind::Sequence(_)
        | Kind::Mapping(_) => text(node, "max_bytes", problems),
    });
    let refresh = Refresh {
        interval: keys.text("interval", problems),
        timeout: keys.text("timeout", problems),
        cooldown: keys.text("cooldown", problems),
        max_stale: keys.text("max_stale", problems),
        max_bytes,
    };
    keys.finish(problems);
    Some(refresh)
}
