//! What Envoy is told. An absent status is an allow to Envoy, so there is one way to make a response and it
//! starts from a verdict.

use std::collections::HashMap;

use envoy_types::ext_authz::v3::pb::{
    CheckResponse, DeniedHttpResponse, HeaderAppendAction, HeaderValue, HeaderValueOption, HttpResponse,
    HttpStatus, OkHttpResponse,
};
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value, value::Kind};
use envoy_types::pb::google::rpc::Status;
use prost::Message;

use crate::decision::Block;
use crate::policy::upstream::field::{is_name, is_value};
use crate::response::{Answer, Metadata};

/// How Envoy is told that a request could not be judged (`answers.error_response`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// As a denial with 503: closed, whatever Envoy's failure mode.
    #[default]
    Denied,
    /// As an error: counted by Envoy as one, and open under `failure_mode_allow`.
    Error,
}

/// INVARIANT: the status code and the body come from one value, so that they cannot disagree.
enum Verdict {
    Ok(OkHttpResponse),
    Denied(Block, DeniedHttpResponse),
    Error(DeniedHttpResponse),
}

/// Codes of `google.rpc.Code`.
const OK: i32 = 0;
const INVALID_ARGUMENT: i32 = 3;
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// Encodes an answer.
#[must_use]
pub fn check_response(answer: Answer, unavailable: Unavailable) -> CheckResponse {
    match answer {
        Answer::Allow { set, remove, remove_query, dropped: _, metadata } => {
            message(Verdict::Ok(ok(set, remove, remove_query)), metadata)
        }
        Answer::Deny { block, status, headers, body, metadata } => {
            let response = denied(block, status, headers, body);
            let verdict = match (block, unavailable) {
                (Block::Unavailable, Unavailable::Error) => Verdict::Error(response),
                (block, Unavailable::Denied | Unavailable::Error) => Verdict::Denied(block, response),
            };
            message(verdict, metadata)
        }
    }
}

/// The same, as bytes.
#[must_use]
pub fn encode(answer: Answer, unavailable: Unavailable) -> Vec<u8> {
    check_response(answer, unavailable).encode_to_vec()
}

fn message(verdict: Verdict, metadata: Metadata) -> CheckResponse {
    let (code, response) = match verdict {
        Verdict::Ok(response) => (OK, HttpResponse::OkResponse(response)),
        Verdict::Denied(block, response) => (code(block), HttpResponse::DeniedResponse(response)),
        Verdict::Error(response) => (UNAVAILABLE, HttpResponse::ErrorResponse(response)),
    };
    CheckResponse {
        status: Some(Status { code, message: String::new(), details: Vec::new() }),
        dynamic_metadata: Some(structure(metadata)),
        http_response: Some(response),
    }
}

const fn code(block: Block) -> i32 {
    match block {
        Block::BadRequest => INVALID_ARGUMENT,
        Block::Unauthenticated => UNAUTHENTICATED,
        Block::Forbidden => PERMISSION_DENIED,
        Block::Unavailable => UNAVAILABLE,
    }
}

fn ok(set: Vec<(String, String)>, mut remove: Vec<String>, remove_query: Vec<String>) -> OkHttpResponse {
    let (set, unfit): (Vec<_>, Vec<_>) = set.into_iter().partition(|(_, value)| is_value(value));
    remove.extend(unfit.into_iter().map(|(name, _)| name));
    // Envoy removes after it sets.
    remove.retain(|name| is_name(name) && set.iter().all(|(kept, _)| !kept.eq_ignore_ascii_case(name)));
    OkHttpResponse {
        headers: fields(set),
        headers_to_remove: remove,
        query_parameters_to_remove: remove_query,
        ..OkHttpResponse::default()
    }
}

/// Envoy replaces a header of the request if `append` is not true, and a version that goes by
/// `append_action` instead would append to what the client sent if it were left out: both are said.
fn overwriting(key: String, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key, value, raw_value: Vec::new() }),
        append_action: i32::from(HeaderAppendAction::OverwriteIfExistsOrAdd),
        ..HeaderValueOption::default()
    }
}

fn denied(block: Block, status: u16, headers: Vec<(String, String)>, body: String) -> DeniedHttpResponse {
    // Envoy sends a 200 or a 99 as it is told to.
    let status = if (300..=599).contains(&status) { status } else { block.default_status() };
    DeniedHttpResponse {
        status: Some(HttpStatus { code: i32::from(status) }),
        // A line break in a header would split the response: Envoy does not look unless told to.
        headers: fields(headers),
        body,
    }
}

fn fields(headers: Vec<(String, String)>) -> Vec<HeaderValueOption> {
    let can_be_sent = |(name, value): &(String, String)| is_name(name) && is_value(value);
    headers.into_iter().filter(can_be_sent).map(|(name, value)| overwriting(name, value)).collect()
}

fn structure(metadata: Metadata) -> Struct {
    let Metadata { decision_id, outcome, reason, route, guard, issuer, subject, shadow } = metadata;
    let shadow = ListValue { values: shadow.into_iter().map(text).collect() };
    Struct {
        fields: HashMap::from([
            ("decision_id".to_owned(), text(decision_id)),
            ("outcome".to_owned(), text(outcome.to_owned())),
            ("reason".to_owned(), text(reason.to_owned())),
            ("route".to_owned(), text(route)),
            ("guard".to_owned(), text(guard)),
            ("issuer".to_owned(), text(issuer)),
            ("subject".to_owned(), text(subject)),
            ("shadow".to_owned(), Value { kind: Some(Kind::ListValue(shadow)) }),
        ]),
    }
}

fn text(text: String) -> Value {
    Value { kind: Some(Kind::StringValue(text)) }
}
