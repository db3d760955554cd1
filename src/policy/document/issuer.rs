//! Issuers and guards: whose tokens are taken.

use crate::policy::diagnostic::{At, Spanned};

use super::{Matcher, Text};

/// An issuer.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its name in the policy.
    pub name: Text,
    /// `issuer`: the `iss` values; `none` stands as written.
    pub iss: Vec<Text>,
    /// `keys`.
    pub keys: Vec<KeySource>,
    /// `algorithms`.
    pub algorithms: Option<Vec<Text>>,
    /// `audiences`; `any` stands as written, as a single text.
    pub audiences: Vec<Text>,
    /// Whether `audiences` was written as a string and not a list (`any` is special only there).
    pub audiences_is_scalar: bool,
    /// `types`.
    pub types: Option<Vec<Text>>,
    /// `leeway`.
    pub leeway: Option<Text>,
    /// `require_expiry`.
    pub require_expiry: Option<Spanned<bool>>,
    /// `max_age`.
    pub max_age: Option<Text>,
    /// `token`.
    pub token: Option<Vec<Place>>,
    /// `read`.
    pub read: Option<Read>,
    /// `scope_wildcard`.
    pub scope_wildcard: Option<Text>,
    /// `refresh`.
    pub refresh: Option<Refresh>,
    /// `required`.
    pub required: Option<Spanned<bool>>,
    /// `loosens`.
    pub loosens: Option<Spanned<bool>>,
}

/// One entry of `keys`: exactly one of the sources, with what belongs to it.
#[derive(Debug, Clone)]
pub struct KeySource {
    /// The place of the entry.
    pub at: At,
    /// `jwks_url`.
    pub jwks_url: Option<Text>,
    /// `discovery: true` (an empty text) or a URL.
    pub discovery: Option<Text>,
    /// `jwks_file`.
    pub jwks_file: Option<Text>,
    /// `jwks`, as JSON text.
    pub jwks: Option<Text>,
    /// `pem_file`.
    pub pem_file: Option<Text>,
    /// `pem`.
    pub pem: Option<Text>,
    /// `secret_file`.
    pub secret_file: Option<Text>,
    /// `secret_env`.
    pub secret_env: Option<Text>,
    /// `encoding`.
    pub encoding: Option<Text>,
    /// `insecure_http`.
    pub insecure_http: Option<Spanned<bool>>,
    /// `ca_file`.
    pub ca_file: Option<Text>,
    /// `bearer_token_file`.
    pub bearer_token_file: Option<Text>,
}

/// One entry of `token`.
#[derive(Debug, Clone)]
pub struct Place {
    /// The place of the entry.
    pub at: At,
    /// `header`.
    pub header: Option<Text>,
    /// `scheme`.
    pub scheme: Option<Text>,
    /// `cookie`.
    pub cookie: Option<Text>,
    /// `query`.
    pub query: Option<Text>,
}

/// `read`.
#[derive(Debug, Clone)]
pub struct Read {
    /// The place of the map.
    pub at: At,
    /// `preset`.
    pub preset: Option<Text>,
    /// `client`, for `preset: keycloak`.
    pub client: Option<Text>,
    /// `subject`.
    pub subject: Option<Vec<Text>>,
    /// `scopes`.
    pub scopes: Option<Vec<Text>>,
    /// `roles`.
    pub roles: Option<Vec<Text>>,
    /// `groups`.
    pub groups: Option<Vec<Text>>,
    /// `permissions`.
    pub permissions: Option<Vec<Text>>,
    /// `audience`.
    pub audience: Option<Vec<Text>>,
}

/// `refresh`.
#[derive(Debug, Clone, Default)]
pub struct Refresh {
    /// `interval`.
    pub interval: Option<Text>,
    /// `timeout`.
    pub timeout: Option<Text>,
    /// `cooldown`.
    pub cooldown: Option<Text>,
    /// `max_stale`.
    pub max_stale: Option<Text>,
    /// `max_bytes`, a number or a size (`1MiB`), as written.
    pub max_bytes: Option<Text>,
}

/// A guard.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Its name.
    pub name: Text,
    /// `issuer`: one or several issuers of the policy.
    pub issuer: Vec<Text>,
    /// `audiences`.
    pub audiences: Option<Vec<Text>>,
    /// `types`.
    pub types: Option<Vec<Text>>,
    /// `claims`.
    pub claims: Option<Vec<(Text, Matcher)>>,
}
