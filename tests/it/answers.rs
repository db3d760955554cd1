//! Every reason, all the way to the bytes that Envoy gets.

use bytes::BytesMut;
use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse, HttpResponse};
use portcullis::decision::{Block, Denial, Denied};
use portcullis::request::Headers;
use portcullis::response;
use portcullis::server::wire::{self, Unavailable};
use prost::Message;

/// What Envoy makes of a response: the status code, then the HTTP status. An absent code is an allow to it.
#[track_caller]
fn to_envoy(reason: Denied, headers: &[(&str, &str)], unavailable: Unavailable) -> (i32, i32, bool) {
    let headers = Headers::new(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
    let answer = response::refuse(None, &headers, &Denial::new(reason), "0197-id");
    let mut bytes = BytesMut::new();
    wire::encode(&answer, unavailable, &mut bytes);
    let response = CheckResponse::decode(bytes).expect("a CheckResponse");
    let code = response.status.map_or(0, |status| status.code);
    let (denied, is_error) = match response.http_response {
        Some(HttpResponse::DeniedResponse(denied)) => (denied, false),
        Some(HttpResponse::ErrorResponse(denied)) => (denied, true),
        other => panic!("{reason:?}: {other:?}"),
    };
    (code, denied.status.map_or(0, |status| status.code), is_error)
}

#[test]
fn every_reason_is_a_denial_to_envoy() {
    for reason in Denied::ALL {
        let wanted = match reason.block() {
            Block::BadRequest => (3, 400, false),
            Block::Unauthenticated => (16, 401, false),
            Block::Forbidden => (7, 403, false),
            Block::Unavailable => (14, 503, false),
        };
        assert_eq!(to_envoy(*reason, &[], Unavailable::Denied), wanted, "{reason:?}");
    }
}

#[test]
fn only_what_could_not_be_decided_is_an_error_to_envoy() {
    for reason in Denied::ALL {
        let (_, _, is_error) = to_envoy(*reason, &[], Unavailable::Error);
        assert_eq!(is_error, reason.block() == Block::Unavailable, "{reason:?}");
    }
}

/// Envoy makes 16 of 401, 7 of 403 and 14 of 503; of other statuses it makes codes that mean something else.
#[test]
fn a_grpc_client_gets_a_status_that_envoy_translates() {
    for reason in Denied::ALL {
        let (code, status, _) =
            to_envoy(*reason, &[("content-type", "application/grpc")], Unavailable::Denied);
        assert_ne!(code, 0);
        assert!(matches!(status, 401 | 403 | 503), "{reason:?}: {status}");
    }
}

#[test]
fn a_check_request_without_http_is_denied_as_bad() {
    let denial = wire::incoming(&CheckRequest::default()).expect_err("nothing to judge");
    assert_eq!(denial.reason, Denied::BadRequest);
}
