//! What is read from every captured `CheckRequest`, compared with a table that another program wrote from
//! what was sent (`tests/data/checkrequests/README.md`).

use std::fmt::Write as _;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use envoy_types::ext_authz::v3::pb::CheckRequest;
use portcullis::request::{Incoming, Reading, Request};
use portcullis::server::wire;
use prost::Message;
use serde_json::{Value, json};

struct Case {
    listener: String,
    name: String,
    wanted: Value,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkrequests")
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(directory().join("expectations.tsv")).expect("the table");
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().expect("a header line").split('\t').collect();
    let case = |line: &str| {
        let cells = line.split('\t').map(|cell| serde_json::from_str(cell).expect("a cell of JSON"));
        let mut row: serde_json::Map<String, Value> =
            columns.iter().map(|column| (*column).to_owned()).zip(cells).collect();
        let mut take = |column: &str| match row.remove(column) {
            Some(Value::String(text)) => text,
            other => panic!("{column}: {other:?}"),
        };
        let (listener, name) = (take("listener"), take("case"));
        take("sent");
        Case { listener, name, wanted: Value::Object(row) }
    };
    lines.map(case).collect()
}

/// The message of every case: one file a listener, in the order of the table.
fn messages(cases: &[Case]) -> Vec<CheckRequest> {
    let mut messages = Vec::new();
    for of_listener in cases.chunk_by(|left, right| left.listener == right.listener) {
        let file = directory().join(format!("{}.bin", of_listener[0].listener));
        let bytes = std::fs::read(&file).expect("the messages of a listener");
        let mut rest = bytes.as_slice();
        for case in of_listener {
            messages.push(CheckRequest::decode_length_delimited(&mut rest).expect(&case.name));
        }
        assert!(rest.is_empty(), "{} holds messages that the table does not name", file.display());
    }
    messages
}

/// Every thirtieth message as it was captured, for those who need some of every kind.
pub fn some_messages() -> Vec<Vec<u8>> {
    let cases = cases();
    let mut messages = Vec::new();
    for of_listener in cases.chunk_by(|left, right| left.listener == right.listener) {
        let file = directory().join(format!("{}.bin", of_listener[0].listener));
        let bytes = std::fs::read(&file).expect("the messages of a listener");
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let length = prost::decode_length_delimiter(&mut rest).expect("a length");
            let (message, after) = rest.split_at(length);
            messages.push(message.to_vec());
            rest = after;
        }
    }
    messages.into_iter().step_by(30).collect()
}

/// Text as it is if it is short, else its length and digest.
fn short(bytes: &[u8]) -> String {
    if bytes.len() <= 200 {
        return bytes.iter().copied().map(char::from).collect();
    }
    format!("{} bytes, sha256 {}", bytes.len(), sha256(bytes))
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

/// What was read, in the columns of the table.
fn read(incoming: &Incoming<'_>) -> Value {
    let mut fields: Vec<(&str, &[u8])> = incoming.headers.iter().collect();
    fields.sort_unstable();
    let lines: Vec<Vec<u8>> =
        fields.iter().map(|(name, value)| [name.as_bytes(), b": ", value].concat()).collect();
    let authorizations: Vec<String> = incoming.headers.all("authorization").map(short).collect();
    json!({
        "method": incoming.method,
        "host": incoming.host,
        "target": short(incoming.target.as_bytes()),
        "headers": format!("{} {}", lines.len(), sha256(&lines.join(&b'\n'))),
        "authorization": authorizations,
        "source": incoming.source.address.map(|address| address.to_string()).unwrap_or_default(),
        "principal": incoming.source.principal,
        "reading": reading(incoming),
    })
}

fn reading(incoming: &Incoming<'_>) -> Value {
    let request = match Request::read(incoming, &Reading::default()) {
        Ok(request) => request,
        Err(denial) => return json!(denial.reason.label()),
    };
    let segments = json!(request.path.segments());
    let text = segments.to_string();
    let segments = if text.len() > 600 { json!(short(text.as_bytes())) } else { segments };
    let query: Vec<_> = request.query.pairs().collect();
    json!({ "host": request.host, "segments": segments, "query": query })
}

#[test]
fn every_captured_request_is_read_as_it_was_sent() {
    let cases = cases();
    assert_eq!(cases.len(), 537, "the table is cut short");
    let mut wrong = Vec::new();
    for (case, message) in cases.iter().zip(messages(&cases)) {
        let decoded = read(&wire::incoming(&message).expect("an HTTP request"));
        let read = wire::with_incoming(&message.encode_to_vec(), |incoming| {
            read(incoming.expect("an HTTP request"))
        });
        assert_eq!(read, decoded, "{}/{}: scanned and decoded", case.listener, case.name);
        if read != case.wanted {
            wrong.push(format!("{}/{}\n  wanted {}\n  read   {read}", case.listener, case.name, case.wanted));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The two forms of one request say the same, but for repeats, which the map joins.
#[test]
fn both_forms_of_the_headers_are_read_alike() {
    let cases = cases();
    let messages = messages(&cases);
    let raw = |message: &CheckRequest| {
        let http = message.attributes.as_ref()?.request.as_ref()?.http.as_ref()?;
        Some(http.header_map.is_some())
    };
    let forms: Vec<Option<bool>> = messages.iter().map(raw).collect();
    assert!(forms.contains(&Some(true)) && forms.contains(&Some(false)));
    let find = |listener: &str, name: &str| {
        let index = cases.iter().position(|case| case.listener == listener && case.name == name);
        &messages[index.expect("a captured case")]
    };
    let map = wire::incoming(find("plain", "h2_dup_auth")).expect("an HTTP request");
    let raw = wire::incoming(find("rawhdr", "h2_dup_auth")).expect("an HTTP request");
    for name in ["authorization", "x-forwarded-proto"] {
        assert_eq!(map.headers.text(name), raw.headers.text(name), "{name}");
    }
    assert_eq!(map.headers.text(":path"), None);
    assert_eq!(raw.headers.text(":path"), None);
}
