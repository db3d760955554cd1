//! Envoy's messages in, Envoy's messages out, whatever they hold.

use std::collections::HashMap;

use bytes::BytesMut;
use envoy_types::ext_authz::v3::pb::{CheckRequest, CheckResponse, HttpResponse};
use envoy_types::pb::envoy::config::core::v3 as core;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, attribute_context as context};
use envoy_types::pb::google::protobuf::value::Kind;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::decision::{Block, Denial, Denied};
use crate::request::Incoming;
use crate::response::{Answer, Field, Metadata};

fn check(http: context::HttpRequest, source: Option<context::Peer>) -> CheckRequest {
    let request = context::Request { time: None, http: Some(http) };
    let attributes = AttributeContext { request: Some(request), source, ..AttributeContext::default() };
    CheckRequest { attributes: Some(attributes) }
}

fn http() -> context::HttpRequest {
    context::HttpRequest {
        method: "GET".to_owned(),
        host: "a".to_owned(),
        path: "/p?q=1".to_owned(),
        ..context::HttpRequest::default()
    }
}

fn raw(fields: &[(&str, &[u8])]) -> core::HeaderMap {
    let header = |(key, value): &(&str, &[u8])| core::HeaderValue {
        key: (*key).to_owned(),
        value: String::new(),
        raw_value: value.to_vec(),
    };
    core::HeaderMap { headers: fields.iter().map(header).collect() }
}

fn peer(address: &str) -> context::Peer {
    let socket = core::SocketAddress { address: address.to_owned(), ..core::SocketAddress::default() };
    let address = core::Address { address: Some(core::address::Address::SocketAddress(socket)) };
    context::Peer {
        address: Some(address),
        principal: "spiffe://td/a".to_owned(),
        ..context::Peer::default()
    }
}

#[track_caller]
fn refuses(check: &CheckRequest) {
    assert_eq!(incoming(check).expect_err("refused").reason, Denied::BadRequest);
}

/// What the reader in use makes of a message, and what the full decoder does.
fn read_twice(message: &[u8]) -> (String, String) {
    let told = |read: Result<&Incoming<'_>, &Denial>| match read {
        Err(denial) => format!("{:?}", denial.reason),
        Ok(incoming) => {
            let mut headers: Vec<_> = incoming.headers.iter().collect();
            headers.sort_unstable();
            let Incoming { method, host, target, source, .. } = incoming;
            format!("{method} {host} {target} {headers:?} {source:?}")
        }
    };
    let fully = match CheckRequest::decode(message) {
        Err(_) => format!("{:?}", Denied::BadRequest),
        Ok(check) => told(incoming(&check).as_ref()),
    };
    (with_incoming(message, told), fully)
}

fn field(number: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(u64::try_from(message.len()).expect("short"), &mut bytes);
    bytes.extend(message);
    bytes
}

/// A field more than there is, of every number and kind, at every depth: one of a kind that does not belong there
/// is refused by the full decoder, and so it is by the other; no field has the number 0.
#[test]
fn both_readers_refuse_a_field_of_a_kind_that_does_not_belong_there() {
    let mut refused = 0;
    for number in 0..=15_u8 {
        for (kind, held) in [(0, vec![1]), (1, vec![0; 8]), (2, vec![0]), (5, vec![0; 4])] {
            let mut more = vec![number << 3 | kind];
            more.extend(held);
            for depth in 0..5 {
                let with = |level: usize, bytes: Vec<u8>| {
                    if level == depth { [more.clone(), bytes].concat() } else { bytes }
                };
                let source = with(4, peer("10.0.0.1").encode_to_vec());
                let request = with(2, field(2, &with(3, http().encode_to_vec())));
                let attributes = with(1, [field(1, &source), field(4, &request)].concat());
                let message = with(0, field(1, &attributes));
                let (quickly, fully) = read_twice(&message);
                assert_eq!(quickly, fully, "field {number} of kind {kind} at depth {depth}");
                refused += usize::from(fully == "BadRequest");
            }
        }
    }
    assert!(refused > 80, "{refused}");
}

#[test]
fn a_check_request_without_an_http_part_is_refused() {
    refuses(&CheckRequest::default());
    refuses(&CheckRequest { attributes: Some(AttributeContext::default()) });
    let request = Some(context::Request::default());
    refuses(&CheckRequest { attributes: Some(AttributeContext { request, ..AttributeContext::default() }) });
    refuses(&CheckRequest::decode(&b""[..]).expect("empty bytes are an empty message"));
}

#[test]
fn a_request_told_in_two_ways_is_refused() {
    refuses(&check(context::HttpRequest { query: "q=2".to_owned(), ..http() }, None));
    refuses(&check(context::HttpRequest { fragment: "f".to_owned(), ..http() }, None));
    let headers = HashMap::from([("authorization".to_owned(), "Bearer a".to_owned())]);
    let header_map = Some(raw(&[("authorization", b"Bearer b")]));
    refuses(&check(context::HttpRequest { headers, header_map, ..http() }, None));
    let same = check(context::HttpRequest { query: "q=1".to_owned(), ..http() }, None);
    assert!(incoming(&same).is_ok());
}

#[test]
fn both_forms_of_headers_are_read_and_pseudo_headers_are_not() {
    let headers =
        HashMap::from([(":path".to_owned(), "/other".to_owned()), ("x-a".to_owned(), "1,2".to_owned())]);
    let map = check(context::HttpRequest { headers, ..http() }, None);
    let read = incoming(&map).expect("read");
    assert_eq!(read.headers.iter().collect::<Vec<_>>(), [("x-a", &b"1,2"[..])]);

    let header_map = Some(raw(&[(":path", b"/other"), ("x-a", b"1"), ("x-a", b"\xff"), ("x-b", b"")]));
    let list = check(context::HttpRequest { header_map, ..http() }, None);
    let read = incoming(&list).expect("read");
    let wanted: [(&str, &[u8]); 3] = [("x-a", b"1"), ("x-a", b"\xff"), ("x-b", b"")];
    assert_eq!(read.headers.iter().collect::<Vec<_>>(), wanted);
    assert_eq!((read.method, read.host, read.target), ("GET", "a", "/p?q=1"));
}

#[test]
fn an_address_is_read_strictly() {
    for (sent, wanted) in [
        ("192.0.2.1", Some("192.0.2.1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("2001:db8::1", Some("2001:db8::1")),
        ("::1", Some("::1")),
        ("", None),
        ("192.0.2.1:80", None),
        ("192.0.2.01", None),
        ("fe80::1%eth0", None),
        ("localhost", None),
        (" 192.0.2.1", None),
    ] {
        let check = check(http(), Some(peer(sent)));
        let read = incoming(&check).expect("read");
        assert_eq!(read.source.address.map(|address| address.to_string()).as_deref(), wanted, "{sent}");
        assert_eq!(read.source.principal, "spiffe://td/a");
    }
    let pipe = core::address::Address::Pipe(core::Pipe { path: "@x".to_owned(), mode: 0 });
    let address = Some(core::Address { address: Some(pipe) });
    let check = check(http(), Some(context::Peer { address, ..context::Peer::default() }));
    assert_eq!(incoming(&check).expect("read").source.address, None);
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        Just(Block::BadRequest),
        Just(Block::Unauthenticated),
        Just(Block::Forbidden),
        Just(Block::Unavailable)
    ]
}

/// Names and values as no policy could make them.
fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof!["[a-z-]{1,8}", "[A-Z:\\r\\n \\x00-\\x7fé]{0,6}"];
    let value = prop_oneof!["[ -~]{0,8}", any::<String>(), Just("a\r\nx-injected: 1".to_owned())];
    proptest::collection::vec((name, value), 0..6)
}

fn fields(headers: &[(String, String)]) -> Vec<Field<'_>> {
    headers.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn metadata() -> impl Strategy<Value = Metadata<'static>> {
    (any::<String>(), any::<String>(), proptest::collection::vec(any::<String>(), 0..3)).prop_map(
        |(route, subject, shadow)| Metadata {
            route: route.into(),
            subject: subject.into(),
            shadow,
            ..Metadata::default()
        },
    )
}

fn mode() -> impl Strategy<Value = Unavailable> {
    prop_oneof![Just(Unavailable::Denied), Just(Unavailable::Error)]
}

/// As Envoy gets it.
fn sent(answer: &Answer<'_>, mode: Unavailable) -> CheckResponse {
    let mut bytes = BytesMut::from(&b"before"[..]);
    encode(answer, mode, &mut bytes);
    CheckResponse::decode(bytes.split_off(6)).expect("what was encoded can be decoded")
}

fn is_one_line(header: &core::HeaderValueOption) -> bool {
    let Some(field) = &header.header else { return false };
    let is_token =
        !field.key.is_empty() && field.key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    is_token && !field.value.is_empty() && field.value.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

proptest! {
    #[test]
    fn a_denial_is_a_denial_to_envoy(
        block in block(),
        status in any::<u16>(),
        headers in headers(),
        body in any::<String>(),
        metadata in metadata(),
        mode in mode(),
    ) {
        let answer = Answer::Deny { block, status, headers: fields(&headers), body: body.as_str().into(), metadata };
        let response = sent(&answer, mode);
        let code = response.status.expect("a status").code;
        let wanted = match block {
            Block::BadRequest => 3,
            Block::Unauthenticated => 16,
            Block::Forbidden => 7,
            Block::Unavailable => 14,
        };
        prop_assert_eq!(code, wanted);
        let denied = match response.http_response {
            Some(HttpResponse::DeniedResponse(denied)) => {
                prop_assert!(mode == Unavailable::Denied || block != Block::Unavailable);
                denied
            }
            Some(HttpResponse::ErrorResponse(error)) => {
                prop_assert_eq!((mode, block), (Unavailable::Error, Block::Unavailable));
                error
            }
            other => panic!("{other:?}"),
        };
        let sent_status = denied.status.expect("an HTTP status").code;
        prop_assert!((300..=599).contains(&sent_status));
        if (300..=599).contains(&status) {
            prop_assert_eq!(sent_status, i32::from(status));
        } else {
            prop_assert_eq!(sent_status, i32::from(block.default_status()));
        }
        prop_assert!(denied.headers.iter().all(is_one_line));
        prop_assert_eq!(denied.body, body);
    }

    #[test]
    fn an_allow_is_an_allow_and_sets_what_it_says(
        set in headers(),
        remove in proptest::collection::vec("[a-zA-Z-]{1,3}|[\\x00-\\x7f]{0,3}", 0..6),
        remove_query in proptest::collection::vec("[a-z%]{1,6}", 0..3),
        metadata in metadata(),
        mode in mode(),
    ) {
        let names: Vec<String> = set.iter().map(|(name, _)| name.clone()).collect();
        let answer = Answer::Allow {
            set: fields(&set),
            remove: remove.iter().map(Into::into).collect(),
            remove_query: remove_query.iter().map(Into::into).collect(),
            dropped: Vec::new(),
            metadata,
        };
        let response = sent(&answer, mode);
        prop_assert_eq!(response.status.expect("a status").code, 0);
        let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!("no ok_response") };
        prop_assert!(ok.headers.iter().all(is_one_line));
        for header in &ok.headers {
            #[expect(deprecated, reason = "Envoy still goes by it")]
            let append = header.append.as_ref();
            prop_assert!(append.is_none_or(|append| !append.value));
            prop_assert_eq!(header.append_action, 2);
            let key = &header.header.as_ref().expect("a header").key;
            prop_assert!(ok.headers_to_remove.iter().all(|name| !name.eq_ignore_ascii_case(key)));
            prop_assert!(names.contains(key));
        }
        for name in remove.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic()) && !name.is_empty()) {
            let is_set = ok.headers.iter().any(|header| {
                header.header.as_ref().is_some_and(|header| header.key.eq_ignore_ascii_case(name))
            });
            prop_assert!(is_set || ok.headers_to_remove.contains(name));
        }
        prop_assert_eq!(ok.query_parameters_to_remove, remove_query);
        prop_assert!(ok.response_headers_to_add.is_empty() && ok.query_parameters_to_set.is_empty());
    }

    /// What is read where it lies is what the full decoder reads, and what that refuses is refused: of a message with
    /// everything that is read in it, with any two bytes changed.
    #[test]
    fn both_readers_of_a_message_agree(
        in_raw_form in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut asked = http();
        asked.size = 3;
        asked.protocol = "HTTP/2".to_owned();
        let headers = [("x-a", "1"), ("x-b", "2")];
        if in_raw_form {
            asked.header_map = Some(raw(&headers.map(|(name, value)| (name, value.as_bytes()))));
        } else {
            asked.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        }
        let mut message = check(asked, Some(peer("10.0.0.1"))).encode_to_vec();
        for (place, byte) in changes {
            let index = place.index(message.len());
            message[index] = byte;
        }
        let (quickly, fully) = read_twice(&message);
        prop_assert_eq!(quickly, fully, "{:02x?}", message);
    }

    /// Whatever bytes arrive: they are read or refused, and nothing panics.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(check) = CheckRequest::decode(bytes.as_slice()) {
            let read: Result<Incoming<'_>, _> = incoming(&check);
            if let Err(denial) = read {
                prop_assert_eq!(denial.reason, Denied::BadRequest);
            }
        }
    }
}

#[test]
fn metadata_is_a_struct_with_every_field() {
    let metadata = Metadata {
        decision_id: "0197",
        outcome: "deny",
        reason: "expired",
        route: "r".into(),
        guard: "g",
        issuer: "i",
        subject: "s".into(),
        shadow: vec!["n: expired".to_owned()],
    };
    let answer = Answer::Deny {
        block: Block::Unauthenticated,
        status: 401,
        headers: Vec::new(),
        body: "".into(),
        metadata,
    };
    let fields = sent(&answer, Unavailable::Denied).dynamic_metadata.expect("metadata").fields;
    let text = |name: &str| match &fields[name].kind {
        Some(Kind::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    let words = ["decision_id", "outcome", "reason", "route", "guard", "issuer", "subject"].map(text);
    assert_eq!(words, ["0197", "deny", "expired", "r", "g", "i", "s"]);
    let Some(Kind::ListValue(shadow)) = &fields["shadow"].kind else { panic!("no list") };
    assert_eq!(shadow.values[0].kind, Some(Kind::StringValue("n: expired".to_owned())));
    assert_eq!(fields.len(), 8);
}
