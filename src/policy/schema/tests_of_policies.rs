//! A test file.

use serde_json::{Value, json};

use crate::decision::{Allowed, Denied};

use super::build::{document, either, flag, like, list, map, named, number, see, text};

pub(super) fn schema() -> Value {
    let definitions = [
        ("token", token()),
        ("test", test()),
        ("request", either(&[like("GET /customers"), see("requestMap")])),
        ("requestMap", request()),
        ("source", source()),
        ("carried", carried()),
        ("place", place()),
        ("expect", either(&[json!({ "enum": ["allow", "deny"] }), see("expectMap")])),
        ("expectMap", expect()),
        ("moment", moment()),
        ("values", values()),
        ("acceptedMutant", accepted_mutant()),
    ];
    document(
        "Portcullis policy tests",
        "What a policy is expected to decide; stands beside it as `*_test.yaml`.",
        root(),
        &definitions,
    )
}

fn root() -> Value {
    map(
        "A test file.",
        &["tests"],
        &[
            ("host", "The host of requests that name none.", text()),
            ("now", "The time; when the tests run, if left out.", see("moment")),
            ("tokens", "Tokens by name.", named(see("token"))),
            ("accepted_mutants", "Mutants that no test can notice.", list(&see("acceptedMutant"))),
            ("tests", "The tests.", list(&see("test"))),
        ],
    )
}

fn moment() -> Value {
    either(&[like("2026-01-01T00:00:00Z"), json!({ "type": "integer" })])
}

fn token() -> Value {
    let object = || json!({ "type": "object" });
    map(
        "A token made for a guard, to which what the guard asks is filled in; or a real one.",
        &[],
        &[
            ("guard", "The guard or issuer it is made for.", text()),
            ("claims", "Claims over those filled in; null removes one; `exp: -5m` is relative.", object()),
            ("header", "Header members over those filled in; null removes one.", object()),
            ("raw", "A real token, or whatever a client may send in its place.", text()),
            ("issuer", "With `raw` and `key_file`: whose token it is.", text()),
            ("key_file", "With `raw`: the key that verifies it.", text()),
        ],
    )
}

fn test() -> Value {
    let unavailable = named(json!({ "const": "unavailable" }));
    let tokens = json!({ "type": "array", "minItems": 1, "items": either(&[text(), see("carried")]) });
    let cell = either(&[text(), number(200, 599)]);
    let rows = named(json!({ "type": "array", "minItems": 1, "items": cell }));
    map(
        "A request and what is expected of it, or a matrix of requests and tokens.",
        &[],
        &[
            ("name", "What it shows.", text()),
            ("request", "The request.", see("request")),
            ("check_request", "A captured CheckRequest, as a file.", text()),
            ("token", "The token it carries, by name; `none`.", text()),
            ("tokens", "Several tokens with their places; of a matrix: the columns.", tokens),
            ("now", "The time.", see("moment")),
            ("keys", "Issuers whose keys cannot be had.", unavailable),
            ("expect", "What is decided.", see("expect")),
            ("matrix", "Request → a cell for each token: `allow`, a status, a reason, or both.", rows),
        ],
    )
}

/// The words of `cases::mutate::Operator`, which stands above this module; a test compares them.
const OPERATORS: [&str; 6] =
    ["drop a key", "drop a list element", "all to any", "swap a guard", "open a forbid", "widen a template"];

fn accepted_mutant() -> Value {
    map(
        "A mutant that no test can notice, as `test --mutate` names it.",
        &["operator", "owner", "before", "because"],
        &[
            ("operator", "How the policy is changed.", json!({ "enum": OPERATORS })),
            ("owner", "The rule, requirement or guard.", text()),
            ("before", "What stands there.", text()),
            ("after", "What stands there in the mutant; left out where nothing does.", text()),
            ("because", "Why no test can notice it.", text()),
        ],
    )
}

fn request() -> Value {
    map(
        "A request.",
        &[],
        &[
            ("method", "GET, if left out.", text()),
            ("host", "The host.", json!({ "type": "string" })),
            ("path", "The path as sent, perhaps with a query.", json!({ "type": "string" })),
            ("query", "Query parameters; several values are a list.", see("values")),
            ("headers", "Headers; several values are a list.", see("values")),
            ("source", "The peer.", see("source")),
            ("grpc", "A gRPC request: POST with its content type.", flag()),
        ],
    )
}

fn values() -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    json!({ "type": "object", "additionalProperties": either(&[scalar.clone(), json!({ "type": "array", "items": scalar })]) })
}

fn source() -> Value {
    map(
        "The peer.",
        &[],
        &[("address", "Its IP address.", text()), ("principal", "Its mutual-TLS identity.", text())],
    )
}

fn carried() -> Value {
    map(
        "A token and where it stands.",
        &["use"],
        &[("use", "The token.", text()), ("place", "Where it stands.", see("place"))],
    )
}

fn place() -> Value {
    map(
        "A place for a token.",
        &[],
        &[
            ("header", "A header.", text()),
            ("scheme", "The scheme before the token.", text()),
            ("cookie", "A cookie.", text()),
            ("query", "A query parameter.", text()),
        ],
    )
}

fn expect() -> Value {
    let reason =
        |labels: Vec<&str>| either(&[json!({ "enum": labels }), json!({ "type": ["null", "boolean"] })]);
    let denied = Denied::ALL.iter().map(|reason| reason.label()).collect();
    let header = json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "null"] } });
    map(
        "What is decided; what is left out is not looked at.",
        &[],
        &[
            (
                "allow",
                "Allowed, perhaps with the reason.",
                reason(vec![Allowed::Met.label(), Allowed::Preflight.label()]),
            ),
            ("deny", "Denied, perhaps with the reason.", reason(denied)),
            ("status", "The HTTP status towards the client.", number(200, 599)),
            ("route", "The winning route.", text()),
            ("forbid", "The fence that turned it away.", text()),
            ("upstream", "Headers for the service behind; null: not set.", header.clone()),
            ("headers", "Headers of the denial; null: not there.", header),
            ("body", "The body of the denial.", json!({})),
            ("shadow", "What shadow rules would have done.", json!({ "type": "array", "items": text() })),
        ],
    )
}
