//! A policy set as it is written: every value with its place, nothing resolved, nothing judged.
//!
//! The reader makes it from YAML, the compiler makes a policy from it. Lists that may be left out are
//! `Option`s, so that "not written" and "written empty" stay apart.

use super::diagnostic::{At, Spanned};

/// A string and its place.
pub type Text = Spanned<Box<str>>;

/// All files of a set, merged.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// `issuers`.
    pub issuers: Vec<Issuer>,
    /// `guards`.
    pub guards: Vec<Guard>,
    /// `requirements`.
    pub requirements: Vec<(Text, Requirement)>,
    /// `forbid`.
    pub forbid: Vec<Forbid>,
    /// `routes`.
    pub routes: Vec<Route>,
    /// `defaults`.
    pub defaults: Option<Defaults>,
    /// `responses`.
    pub responses: Option<Responses>,
    /// `preflight`: `allow` or `route`.
    pub preflight: Option<Text>,
    /// `overrides`: `reject`, `remove` or `pass`.
    pub overrides: Option<Text>,
    /// `paths` of the set.
    pub paths: Option<Paths>,
    /// `client_address`.
    pub client_address: Option<ClientAddress>,
}

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

/// A scalar as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A string.
    Text(Box<str>),
    /// An integer.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
}

/// A matcher of section 7 as written.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// Equal, or contained in a list.
    Scalar(Spanned<Scalar>),
    /// Any of these.
    List(At, Vec<Spanned<Scalar>>),
    /// A map with one operator, and perhaps `ignore_case`.
    Operator {
        /// The place of the map.
        at: At,
        /// The operator's name (`equals`, `one_of`, …), known to exist.
        name: Text,
        /// Its operand.
        operand: Operand,
        /// `ignore_case`.
        ignore_case: Option<Spanned<bool>>,
    },
}

impl Matcher {
    /// Where it stands.
    #[must_use]
    pub const fn at(&self) -> At {
        match self {
            Self::Scalar(scalar) => scalar.at,
            Self::List(at, _) | Self::Operator { at, .. } => *at,
        }
    }
}

/// What stands after an operator.
#[derive(Debug, Clone)]
pub enum Operand {
    /// One value.
    One(Spanned<Scalar>),
    /// A list of values.
    Many(At, Vec<Spanned<Scalar>>),
}

/// A requirement: everything written in it must hold.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The place of the map, or of the name where it is written as one.
    pub at: At,
    /// `scopes`.
    pub scopes: Option<Vec<Text>>,
    /// `roles`.
    pub roles: Option<Vec<Text>>,
    /// `groups`.
    pub groups: Option<Vec<Text>>,
    /// `permissions`.
    pub permissions: Option<Vec<Text>>,
    /// `any_scope`.
    pub any_scope: Option<Vec<Text>>,
    /// `any_role`.
    pub any_role: Option<Vec<Text>>,
    /// `any_group`.
    pub any_group: Option<Vec<Text>>,
    /// `any_permission`.
    pub any_permission: Option<Vec<Text>>,
    /// `guard`.
    pub guard: Option<Vec<Text>>,
    /// `subject`.
    pub subject: Option<Matcher>,
    /// `claims`.
    pub claims: Option<Vec<(Text, Matcher)>>,
    /// `source`.
    pub source: Option<SourceCondition>,
    /// `headers`.
    pub headers: Option<Vec<(Text, Matcher)>>,
    /// `query`.
    pub query: Option<Vec<(Text, Matcher)>>,
    /// `when`.
    pub when: Option<Text>,
    /// `any`.
    pub any: Option<Vec<Requirement>>,
    /// `all`.
    pub all: Option<Vec<Requirement>>,
    /// `not`.
    pub not: Option<Box<Requirement>>,
    /// `use`, or a requirement written as a name.
    pub uses: Option<Text>,
}

/// `source`.
#[derive(Debug, Clone)]
pub struct SourceCondition {
    /// The place of the map.
    pub at: At,
    /// `cidrs`.
    pub cidrs: Option<Vec<Text>>,
    /// `principals`.
    pub principals: Option<Vec<Text>>,
}

/// One match: a string or a map.
#[derive(Debug, Clone)]
pub enum Match {
    /// `[METHOD[,METHOD…] ][host]/path`.
    Text(Text),
    /// A map.
    Map(Box<MatchMap>),
}

/// A match written as a map.
#[derive(Debug, Clone)]
pub struct MatchMap {
    /// The place of the map.
    pub at: At,
    /// `methods`.
    pub methods: Option<Vec<Text>>,
    /// `hosts`.
    pub hosts: Option<Vec<Text>>,
    /// `path`.
    pub path: Option<PathMatch>,
    /// `headers`.
    pub headers: Option<Vec<(Text, Matcher)>>,
    /// `query`.
    pub query: Option<Vec<(Text, Matcher)>>,
    /// `grpc`.
    pub grpc: Option<GrpcMatch>,
    /// `token`: `present`, `absent` or `valid`; forbid rules only.
    pub token: Option<Text>,
}

/// `path` of a match.
#[derive(Debug, Clone)]
pub enum PathMatch {
    /// A template.
    Template(Text),
    /// `{ regex: '…' }`.
    Regex(Text),
}

/// `grpc` of a match.
#[derive(Debug, Clone)]
pub struct GrpcMatch {
    /// The place of the map.
    pub at: At,
    /// `service`.
    pub service: Text,
    /// `method`.
    pub method: Option<Text>,
}

/// A forbid rule.
#[derive(Debug, Clone)]
pub struct Forbid {
    /// The place of the rule.
    pub at: At,
    /// `name`.
    pub name: Text,
    /// `match`.
    pub matches: Vec<Match>,
    /// `except`.
    pub except: Option<Vec<Match>>,
    /// `unless`.
    pub unless: Option<Requirement>,
    /// `on_deny`.
    pub on_deny: Option<Box<OnDeny>>,
    /// `mode`: `enforce` or `shadow`.
    pub mode: Option<Text>,
    /// `description`.
    pub description: Option<Text>,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// The place of the route.
    pub at: At,
    /// `name`.
    pub name: Option<Text>,
    /// `match`.
    pub matches: Vec<Match>,
    /// `guard`.
    pub guard: Option<Vec<Text>>,
    /// `allow`: `anyone`, `authenticated` or `nobody`.
    pub allow: Option<Text>,
    /// `require`.
    pub require: Option<Requirement>,
    /// `token`: `required`, `optional` or `ignored`.
    pub token: Option<Text>,
    /// `paths`.
    pub paths: Option<Paths>,
    /// `mode`: `enforce` or `shadow`.
    pub mode: Option<Text>,
    /// `upstream`.
    pub upstream: Option<Upstream>,
    /// `on_deny`.
    pub on_deny: Option<Box<OnDeny>>,
    /// `loosens`.
    pub loosens: Option<Spanned<bool>>,
    /// `description`.
    pub description: Option<Text>,
}

/// `defaults`.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The place of the map.
    pub at: At,
    /// `guard`.
    pub guard: Option<Vec<Text>>,
    /// `upstream`.
    pub upstream: Option<Upstream>,
}

/// `upstream`.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The place of the map.
    pub at: At,
    /// `headers`: a template, or null to drop a default.
    pub headers: Option<Vec<(Text, Option<Text>)>>,
    /// `remove`.
    pub remove: Option<Vec<Text>>,
    /// `remove_token`.
    pub remove_token: Option<Spanned<bool>>,
}

/// `paths`.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The place of the map.
    pub at: At,
    /// `case`.
    pub case: Option<Text>,
    /// `empty_segments`.
    pub empty_segments: Option<Text>,
    /// `encoded_slashes`.
    pub encoded_slashes: Option<Text>,
    /// `semicolons`.
    pub semicolons: Option<Text>,
}

/// `client_address`.
#[derive(Debug, Clone)]
pub struct ClientAddress {
    /// The place of the map.
    pub at: At,
    /// `header`.
    pub header: Text,
    /// `trusted_hops`.
    pub trusted_hops: Option<Spanned<i64>>,
}

/// One block of an answer.
#[derive(Debug, Clone)]
pub struct Block {
    /// The place of the map.
    pub at: At,
    /// `status`.
    pub status: Option<Spanned<i64>>,
    /// `headers`.
    pub headers: Option<Vec<(Text, Text)>>,
    /// `body`.
    pub body: Option<Text>,
    /// `format`.
    pub format: Option<Text>,
}

/// `responses`.
#[derive(Debug, Clone)]
pub struct Responses {
    /// The place of the map.
    pub at: At,
    /// `format`: `problem`, `message`, `text` or `empty`.
    pub format: Option<Text>,
    /// `realm`.
    pub realm: Option<Text>,
    /// `disclose`: `none`, `challenge` or `reason`.
    pub disclose: Option<Text>,
    /// `resource_metadata`.
    pub resource_metadata: Option<Text>,
    /// `decision_id_header`.
    pub decision_id_header: Option<Text>,
    /// `bad_request`.
    pub bad_request: Option<Block>,
    /// `unauthenticated`.
    pub unauthenticated: Option<Block>,
    /// `forbidden`.
    pub forbidden: Option<Block>,
    /// `unavailable`.
    pub unavailable: Option<Block>,
}

/// `on_deny`: either one block for every denial of the rule, or blocks by kind.
#[derive(Debug, Clone)]
pub enum OnDeny {
    /// Every denial.
    Every(Block),
    /// By kind.
    ByKind {
        /// The place of the map.
        at: At,
        /// `bad_request`.
        bad_request: Option<Block>,
        /// `unauthenticated`.
        unauthenticated: Option<Block>,
        /// `guard_mismatch`.
        guard_mismatch: Option<Block>,
        /// `forbidden`.
        forbidden: Option<Block>,
        /// `unavailable`.
        unavailable: Option<Block>,
    },
}
