//! The challenge of 401 and 403 answers: RFC 6750 section 3, RFC 9728 section 5.1.

use crate::decision::{Denial, Denied};
use crate::policy::answer::{Answers, Disclose};

use super::phrase;

/// The value of `www-authenticate`, made from what failed.
pub(super) fn challenge(answers: &Answers, denial: &Denial, has_caller: bool) -> String {
    let mut value = String::from("Bearer ");
    parameter(&mut value, "realm", answers.realm());
    if answers.disclose != Disclose::None
        && let Some(code) = error_code(denial.reason, has_caller)
    {
        parameter(&mut value, "error", code);
        // Which check a token failed is nobody's business by default, but a client has to know when to
        // refresh it.
        if answers.disclose == Disclose::Reason || denial.reason == Denied::Expired {
            parameter(&mut value, "error_description", phrase::sentence(denial.reason));
        }
        if denial.reason == Denied::MissingScope
            && !denial.missing.is_empty()
            && denial.missing.iter().all(|scope| is_scope(scope))
        {
            parameter(&mut value, "scope", &denial.missing.join(" "));
        }
    }
    if let Some(url) = &answers.resource_metadata {
        parameter(&mut value, "resource_metadata", url);
    }
    value
}

/// RFC 6750 section 3.1. Without credentials there is no code: the client has done nothing wrong yet.
fn error_code(reason: Denied, has_caller: bool) -> Option<&'static str> {
    match reason {
        Denied::AmbiguousToken => Some("invalid_request"),
        Denied::MissingScope
        | Denied::MissingRole
        | Denied::MissingGroup
        | Denied::MissingPermission
        | Denied::ClaimMismatch
        | Denied::RequirementUnmet => has_caller.then_some("insufficient_scope"),
        Denied::MalformedToken
        | Denied::UnknownIssuer
        | Denied::UnknownKey
        | Denied::DisallowedAlgorithm
        | Denied::BadSignature
        | Denied::Expired
        | Denied::NotYetValid
        | Denied::WrongAudience
        | Denied::WrongType
        | Denied::InvalidClaims
        | Denied::GuardMismatch => Some("invalid_token"),
        Denied::MissingToken
        | Denied::BadRequest
        | Denied::BadPath
        | Denied::TooLarge
        | Denied::NoRoute
        | Denied::Nobody
        | Denied::Forbidden
        | Denied::SourceMismatch
        | Denied::HeaderMismatch
        | Denied::ConditionFalse
        | Denied::KeysUnavailable
        | Denied::PolicyUnavailable
        | Denied::Overloaded
        | Denied::InternalError => None,
    }
}

/// RFC 6749 section 3.3. A scope may hold a capture of the path, so it is checked here too.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn parameter(value: &mut String, name: &str, text: &str) {
    if !value.ends_with(' ') {
        value.push_str(", ");
    }
    value.push_str(name);
    value.push_str("=\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            value.push('\\');
        }
        value.push(character);
    }
    value.push('"');
}
