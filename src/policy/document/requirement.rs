//! What a rule asks: requirements, and matchers for values.

use crate::policy::diagnostic::{At, Spanned};

use super::Text;

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
