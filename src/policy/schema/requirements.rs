//! Requirements, matches and matchers.

use serde_json::{Value, json};

use super::build::{either, flag, like, list, map, named, see, text, text_or_texts, texts, words};

pub(super) fn definitions() -> Vec<(&'static str, Value)> {
    vec![
        ("scalar", scalar()),
        ("matcher", matcher()),
        ("matchers", named(see("matcher"))),
        ("requirement", requirement()),
        ("requirementMap", requirement_map()),
        ("source", source()),
        ("match", one_match()),
        ("matches", either(&[see("match"), list(&see("match"))])),
        ("matchMap", match_map()),
        ("pathExpression", path_expression()),
        ("grpc", grpc()),
    ]
}

fn scalar() -> Value {
    json!({ "anyOf": [text(), { "type": "number" }, { "type": "boolean" }] })
}

fn matcher() -> Value {
    json!({
        "description": "What a value has to be: a scalar is equal to it or an element of it, a list means any of these, a map holds one matcher.",
        "anyOf": [see("scalar"), list(&see("scalar")), see("matcherMap")],
    })
}

pub(super) fn matcher_map() -> Value {
    let scalars = list(&see("scalar"));
    let mut shape = map(
        "One matcher, and perhaps `ignore_case`.",
        &[],
        &[
            ("equals", "Equal to it; a list: the whole list.", either(&[see("scalar"), scalars.clone()])),
            ("one_of", "Equal to one of these.", scalars.clone()),
            ("contains", "A list that holds it; a single value is a list of one.", see("scalar")),
            ("contains_any", "A list that holds one of these.", scalars.clone()),
            ("contains_all", "A list that holds all of these.", scalars),
            ("prefix", "A text that begins so.", text()),
            ("suffix", "A text that ends so.", text()),
            ("matches", "A regular expression (RE2), anchored at both ends; of a list: any element.", text()),
            ("present", "Whether it is there at all.", flag()),
            ("at_least", "A number, or more.", json!({ "type": "number" })),
            ("at_most", "A number, or less.", json!({ "type": "number" })),
            ("ignore_case", "ASCII letters in any case; beside the textual matchers.", flag()),
        ],
    );
    if let Value::Object(members) = &mut shape {
        members.insert("maxProperties".to_owned(), 2.into());
    }
    shape
}

fn requirement() -> Value {
    json!({
        "description": "What is asked: the name of a requirement, or a map of which everything must hold.",
        "anyOf": [text(), see("requirementMap")],
    })
}

fn requirement_map() -> Value {
    let branches = list(&see("requirement"));
    map(
        "Everything in it must hold.",
        &[],
        &[
            ("scopes", "The caller has all of these scopes.", texts()),
            ("roles", "The caller has all of these roles.", texts()),
            ("groups", "The caller has all of these groups.", texts()),
            ("permissions", "The caller has all of these permissions.", texts()),
            ("any_scope", "The caller has at least one of these scopes.", texts()),
            ("any_role", "The caller has at least one of these roles.", texts()),
            ("any_group", "The caller has at least one of these groups.", texts()),
            ("any_permission", "The caller has at least one of these permissions.", texts()),
            (
                "guard",
                "The token belongs to this guard, or to one of these; `any`: to whichever.",
                text_or_texts(),
            ),
            (
                "subject",
                "The subject is as the matcher says; `\"{id}\"` is a capture of the path.",
                see("matcher"),
            ),
            (
                "claims",
                "Claim path → matcher; a missing claim satisfies only `present: false`.",
                see("matchers"),
            ),
            ("source", "Where the request comes from.", see("source")),
            ("headers", "Header → matcher; every value of a repeated header must match.", see("matchers")),
            ("query", "Query parameter → matcher; every value must match.", see("matchers")),
            (
                "when",
                "A CEL expression that must be true; an error never opens anything.",
                like("claims.tenant == params.tenant"),
            ),
            ("any", "At least one of these holds.", branches.clone()),
            ("all", "All of these hold.", branches),
            ("not", "This does not hold; what cannot be told stays untold.", see("requirement")),
            ("use", "The named requirement holds.", text()),
        ],
    )
}

fn source() -> Value {
    map(
        "Each list given holds.",
        &[],
        &[
            ("cidrs", "Networks of the client's address.", texts()),
            ("principals", "mTLS identities: exact, ending in `*`, or with `{claims.x}`.", texts()),
        ],
    )
}

fn one_match() -> Value {
    json!({
        "description": "Which requests are meant: `[METHOD[,METHOD…] ][host]/path`, or a map.",
        "anyOf": [like("GET /users/{id}"), see("matchMap")],
    })
}

fn match_map() -> Value {
    map(
        "All of these; what is left out is not looked at.",
        &[],
        &[
            ("methods", "Upper-case; GET means GET and HEAD.", texts()),
            ("hosts", "Exact, or `*.example.com` for all below.", texts()),
            (
                "path",
                "A template, or a regular expression.",
                either(&[like("/users/{id}"), see("pathExpression")]),
            ),
            ("headers", "Header → matcher.", see("matchers")),
            ("query", "Query parameter → matcher.", see("matchers")),
            ("grpc", "A gRPC service and perhaps its method.", see("grpc")),
            (
                "token",
                "In forbid rules only: whether a token is there, or verifies.",
                words(&["present", "absent", "valid"]),
            ),
        ],
    )
}

fn path_expression() -> Value {
    map(
        "A path by regular expression.",
        &["regex"],
        &[("regex", "RE2, anchored at both ends, over the decoded segments.", like("/v[0-9]+/.*"))],
    )
}

fn grpc() -> Value {
    map(
        "Stands for the path `/service/method` with POST.",
        &["service"],
        &[
            ("service", "The service with its package.", like("inventory.v1.Items")),
            ("method", "The method; left out: every method.", like("Get")),
        ],
    )
}
