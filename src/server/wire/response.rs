//! What Envoy is told. An absent status is an allow to Envoy, so there is one way to make a response and it
//! starts from a verdict.
//!
//! The message is written into the very bytes that are sent. Tests read it back with envoy-types.

use bytes::BytesMut;

use crate::decision::Block;
use crate::policy::upstream::field::{is_name, is_value};
use crate::response::{Answer, Field, Metadata};

use super::protobuf::Writer;

/// How Envoy is told that a request could not be judged (`answers.error_response`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// As a denial with 503: closed, whatever Envoy's failure mode.
    #[default]
    Denied,
    /// As an error: counted by Envoy as one, and open under `failure_mode_allow`.
    Error,
}

/// Codes of `google.rpc.Code`; 0 is OK.
const INVALID_ARGUMENT: u16 = 3;
const PERMISSION_DENIED: u16 = 7;
const UNAVAILABLE: u16 = 14;
const UNAUTHENTICATED: u16 = 16;

/// The kinds of `CheckResponse.http_response`, by the number of their field.
const DENIED_RESPONSE: u8 = 2;
const OK_RESPONSE: u8 = 3;
const ERROR_RESPONSE: u8 = 5;

/// `OVERWRITE_IF_EXISTS_OR_ADD` of `HeaderAppendAction`.
const OVERWRITE: u16 = 2;

/// Appends an answer as a `CheckResponse`.
pub fn encode(answer: &Answer<'_>, unavailable: Unavailable, bytes: &mut BytesMut) {
    let mut message = Writer::new(bytes);
    // INVARIANT: the status code and the kind of the response come from one match, so that they cannot disagree.
    match answer {
        Answer::Allow { set, remove, remove_query, dropped: _, metadata } => {
            message.short(1, |_status_ok| {});
            message.long(OK_RESPONSE, |ok| write_ok(ok, set, remove, remove_query));
            message.long(4, |structure| write_metadata(structure, metadata));
        }
        Answer::Deny { block, status, headers, body, metadata } => {
            let (code, kind) = match (block, unavailable) {
                (Block::Unavailable, Unavailable::Error) => (UNAVAILABLE, ERROR_RESPONSE),
                (block, Unavailable::Denied | Unavailable::Error) => (code(*block), DENIED_RESPONSE),
            };
            message.short(1, |status| status.number(1, code));
            message.long(kind, |denied| write_denied(denied, *block, *status, headers, body));
            message.long(4, |structure| write_metadata(structure, metadata));
        }
    }
}

const fn code(block: Block) -> u16 {
    match block {
        Block::BadRequest => INVALID_ARGUMENT,
        Block::Unauthenticated => UNAUTHENTICATED,
        Block::Forbidden => PERMISSION_DENIED,
        Block::Unavailable => UNAVAILABLE,
    }
}

/// `OkHttpResponse`.
fn write_ok(
    ok: &mut Writer<'_>,
    set: &[Field<'_>],
    remove: &[impl AsRef<str>],
    remove_query: &[impl AsRef<str>],
) {
    for field in set.iter().filter(|field| can_be_sent(field)) {
        write_field(ok, 2, field);
    }
    // Envoy removes after it sets. What could not be set is removed.
    let unfit = set.iter().filter(|field| !can_be_sent(field)).map(|(name, _)| name.as_ref());
    let unfit = unfit.filter(|name| is_name(name));
    let is_kept =
        |name: &str| set.iter().any(|field| field.0.eq_ignore_ascii_case(name) && can_be_sent(field));
    for name in remove.iter().map(AsRef::as_ref).chain(unfit) {
        if !is_kept(name) {
            ok.text(5, name);
        }
    }
    for name in remove_query {
        ok.text_even_if_empty(8, name.as_ref());
    }
}

/// `DeniedHttpResponse`.
fn write_denied(denied: &mut Writer<'_>, block: Block, status: u16, headers: &[Field<'_>], body: &str) {
    // Envoy sends a 200 or a 99 as it is told to.
    let status = if (300..=599).contains(&status) { status } else { block.default_status() };
    denied.short(1, |http_status| http_status.number(1, status));
    for field in headers.iter().filter(|field| can_be_sent(field)) {
        write_field(denied, 2, field);
    }
    denied.text(3, body);
}

/// A line break in a header would split the response: Envoy does not look unless told to.
fn can_be_sent((name, value): &Field<'_>) -> bool {
    is_name(name) && is_value(value)
}

/// `HeaderValueOption`. Envoy replaces a header of the request if `append` is not true, and a version that goes
/// by `append_action` instead would append to what the client sent if it were left out: both are said.
fn write_field(message: &mut Writer<'_>, number: u8, (name, value): &Field<'_>) {
    message.short(number, |option| {
        option.short(1, |header| {
            header.text(1, name);
            header.text(2, value);
        });
        option.number(3, OVERWRITE);
    });
}

/// `google.protobuf.Struct`: a map of names to values, of which a text is the third kind and a list the sixth.
fn write_metadata(structure: &mut Writer<'_>, metadata: &Metadata<'_>) {
    let Metadata { decision_id, outcome, reason, route, guard, issuer, subject, shadow } = metadata;
    let texts: [(&str, &str); 7] = [
        ("decision_id", decision_id),
        ("outcome", outcome),
        ("reason", reason),
        ("route", route),
        ("guard", guard),
        ("issuer", issuer),
        ("subject", subject),
    ];
    for (name, text) in texts {
        structure.short(1, |entry| {
            entry.text(1, name);
            entry.short(2, |value| value.text_even_if_empty(3, text));
        });
    }
    structure.short(1, |entry| {
        entry.text(1, "shadow");
        entry.short(2, |value| {
            value.short(6, |list| {
                for text in shadow {
                    list.short(1, |value| value.text_even_if_empty(3, text));
                }
            });
        });
    });
}
