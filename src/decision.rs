//! What can be decided, and why. The list of reasons is closed: metrics, logs, metadata, tests and
//! `explain` use the same words.

/// Index of a route in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub u32);

/// Index of a forbid rule in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForbidId(pub u32);

/// The rule that settled a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The request was settled before any rule was looked at, or no route matched it.
    None,
    /// A route.
    Route(RouteId),
    /// A forbid rule.
    Forbid(ForbidId),
}

/// Which block of `responses` answers a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// 400: the request cannot be read one way only.
    BadRequest,
    /// 401: there is no caller, or not one that was asked for.
    Unauthenticated,
    /// 403: the caller may not.
    Forbidden,
    /// 503: it could not be decided.
    Unavailable,
}

impl Block {
    /// The HTTP status that stands unless the policy says otherwise.
    #[must_use]
    pub const fn default_status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::Unavailable => 503,
        }
    }
}

macro_rules! reasons {
    ($(#[$doc:meta] $name:ident, $label:literal, $block:ident;)*) => {
        /// Why a request was denied. The order is the order of precedence within a block.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Denied { $(#[$doc] $name,)* }

        impl Denied {
            /// Every reason, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for metrics, logs, metadata and tests.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// The block of `responses` that answers it.
            #[must_use]
            pub const fn block(self) -> Block {
                match self { $(Self::$name => Block::$block,)* }
            }
        }
    };
}

reasons! {
    /// A method, host, header or message that is malformed or ambiguous.
    BadRequest, "bad_request", BadRequest;
    /// A path that two parties may read differently.
    BadPath, "bad_path", BadRequest;
    /// A token, header set or message over its limit.
    TooLarge, "too_large", BadRequest;
    /// More than one credential.
    AmbiguousToken, "ambiguous_token", BadRequest;
    /// A caller is asked for and no token was sent.
    MissingToken, "missing_token", Unauthenticated;
    /// What stands where a token should stand is none.
    MalformedToken, "malformed_token", Unauthenticated;
    /// No configured issuer claims this token.
    UnknownIssuer, "unknown_issuer", Unauthenticated;
    /// The issuer's keys are fresh and none of them is the one named.
    UnknownKey, "unknown_key", Unauthenticated;
    /// The algorithm is not one that the issuer or the key is for.
    DisallowedAlgorithm, "disallowed_algorithm", Unauthenticated;
    /// The signature does not verify.
    BadSignature, "bad_signature", Unauthenticated;
    /// Past `exp`, or older than `max_age`.
    Expired, "expired", Unauthenticated;
    /// Before `nbf`, or issued in the future.
    NotYetValid, "not_yet_valid", Unauthenticated;
    /// None of the issuer's audiences is in the token.
    WrongAudience, "wrong_audience", Unauthenticated;
    /// The header's `typ` is not an allowed one.
    WrongType, "wrong_type", Unauthenticated;
    /// A registered claim is missing or has a type it cannot have.
    InvalidClaims, "invalid_claims", Unauthenticated;
    /// A good token of a family that was not asked for.
    GuardMismatch, "guard_mismatch", Unauthenticated;
    /// Nothing in the policy speaks of this request.
    NoRoute, "no_route", Forbidden;
    /// The route is closed to everyone.
    Nobody, "nobody", Forbidden;
    /// A forbid rule without `unless`.
    Forbidden, "forbidden", Forbidden;
    /// A scope is missing.
    MissingScope, "missing_scope", Forbidden;
    /// A role is missing.
    MissingRole, "missing_role", Forbidden;
    /// A group is missing.
    MissingGroup, "missing_group", Forbidden;
    /// A permission is missing.
    MissingPermission, "missing_permission", Forbidden;
    /// A claim or the subject is not as asked.
    ClaimMismatch, "claim_mismatch", Forbidden;
    /// The peer's address or identity is not as asked.
    SourceMismatch, "source_mismatch", Forbidden;
    /// A header or query value is not as asked.
    HeaderMismatch, "header_mismatch", Forbidden;
    /// A `when` is not true.
    ConditionFalse, "condition_false", Forbidden;
    /// No branch of an `any` holds, or a `not` does not.
    RequirementUnmet, "requirement_unmet", Forbidden;
    /// The issuer's keys could not be had, so the token could not be judged.
    KeysUnavailable, "keys_unavailable", Unavailable;
    /// No policy is live.
    PolicyUnavailable, "policy_unavailable", Unavailable;
    /// Too much work is under way.
    Overloaded, "overloaded", Unavailable;
    /// A defect of ours; it denies.
    InternalError, "internal_error", Unavailable;
}

impl Denied {
    /// Finds a reason by its label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.label() == label)
    }

    /// No, or could not be found.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        if self.block() == Block::Unavailable { Outcome::Error } else { Outcome::Deny }
    }

    /// Of several failures the one to report: 503 before 401 before 403, then the order of the list.
    /// (400 never competes: it is settled before anything else, and goes first here.)
    #[must_use]
    pub fn precedence(self) -> (u8, Self) {
        let block = match self.block() {
            Block::BadRequest => 0,
            Block::Unavailable => 1,
            Block::Unauthenticated => 2,
            Block::Forbidden => 3,
        };
        (block, self)
    }
}

/// Why a request was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allowed {
    /// A route's requirement is met.
    Met,
    /// A CORS preflight let through by `preflight: allow`.
    Preflight,
}

impl Allowed {
    /// The word for metrics, logs, metadata and tests.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Met => "allowed",
            Self::Preflight => "preflight",
        }
    }
}

/// Whether the answer is yes, no, or could not be found: the label `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Allowed.
    Allow,
    /// Judged and denied.
    Deny,
    /// Denied because it could not be judged (503).
    Error,
}

impl Outcome {
    /// The word for metrics, logs and metadata.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

/// A request let in. Only the policy can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::manual_non_exhaustive, reason = "nor may other modules of this crate make one")]
pub struct Grant {
    /// Why.
    pub reason: Allowed,
    /// The route that let it in.
    pub route: RouteId,
    _made_by_the_policy: (),
}

impl Grant {
    pub(crate) const fn new(reason: Allowed, route: RouteId) -> Self {
        Self { reason, route, _made_by_the_policy: () }
    }
}

/// A request turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Denied,
    /// The rule that turned it away.
    pub rule: Rule,
    /// What the caller lacks (scopes, roles, …), for `missing_*`; otherwise empty.
    pub missing: Vec<Box<str>>,
    /// One sentence for the log and `explain`; never a token, a header value or a claim.
    pub detail: Option<Box<str>>,
}

impl Denial {
    /// A denial by no rule.
    #[must_use]
    pub const fn new(reason: Denied) -> Self {
        Self { reason, rule: Rule::None, missing: Vec::new(), detail: None }
    }

    /// The same, with a sentence for the log.
    #[must_use]
    pub fn because(reason: Denied, detail: impl Into<Box<str>>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(reason) }
    }
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Let it in.
    Allow(Grant),
    /// Turn it away.
    Deny(Denial),
}

impl Decision {
    /// Yes, no, or could not be found.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Allow(_) => Outcome::Allow,
            Self::Deny(denial) => denial.reason.outcome(),
        }
    }

    /// The reason's word.
    #[must_use]
    pub const fn reason_label(&self) -> &'static str {
        match self {
            Self::Allow(grant) => grant.reason.label(),
            Self::Deny(denial) => denial.reason.label(),
        }
    }

    /// The rule that settled it.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match self {
            Self::Allow(grant) => Rule::Route(grant.route),
            Self::Deny(denial) => denial.rule,
        }
    }
}
