//! A policy file.

use serde_json::{Value, json};

use super::build::{
    document, duration, either, flag, like, list, map, named, number, see, text, text_or_texts, texts, words,
};
use super::requirements;

pub(super) fn schema() -> Value {
    let mut definitions = requirements::definitions();
    definitions.extend([
        ("matcherMap", requirements::matcher_map()),
        ("issuer", issuer()),
        ("keys", keys()),
        ("place", place()),
        ("read", read()),
        ("refresh", refresh()),
        ("guard", guard()),
        ("forbid", forbid()),
        ("route", route()),
        ("defaults", defaults()),
        ("upstream", upstream()),
        ("paths", paths()),
        ("pathsOfRoute", paths_of_route()),
        ("clientAddress", client_address()),
        ("block", block()),
        ("responses", responses()),
        ("onDeny", either(&[see("block"), see("blocks")])),
        ("blocks", blocks()),
    ]);
    document(
        "Portcullis policy",
        "Who may do what: issuers whose signatures are trusted, guards as families of tokens, fences, and routes.",
        root(),
        &definitions,
    )
}

fn root() -> Value {
    map(
        "A policy file.",
        &["version"],
        &[
            ("version", "The version of the language.", json!({ "const": 1 })),
            (
                "issuers",
                "Whose signatures are trusted, by name. Every issuer is a guard of its name.",
                named(see("issuer")),
            ),
            ("guards", "Families of tokens, by name.", named(see("guard"))),
            ("requirements", "Requirements that rules use by name.", named(see("requirement"))),
            (
                "forbid",
                "Fences that no route can open. All that match must be satisfied.",
                list(&see("forbid")),
            ),
            (
                "routes",
                "What each part of the API asks. The most specific one decides, wherever it stands.",
                list(&see("route")),
            ),
            ("defaults", "What holds where a rule says nothing else; once in a set.", see("defaults")),
            ("responses", "What a denied client is told; once in a set.", see("responses")),
            ("paths", "How strictly paths are read; once in a set.", see("paths")),
            ("client_address", "Where the client's address stands, behind proxies.", see("clientAddress")),
            ("preflight", "Whether true CORS preflights pass without a token.", words(&["route", "allow"])),
            (
                "overrides",
                "What becomes of headers and parameters that ask for another method.",
                words(&["reject", "remove", "pass"]),
            ),
        ],
    )
}

fn issuer() -> Value {
    let keys = either(&[see("keys"), list(&see("keys"))]);
    let places = either(&[see("place"), list(&see("place"))]);
    map(
        "Someone whose signatures are trusted.",
        &["issuer", "keys", "audiences"],
        &[
            (
                "issuer",
                "The exact `iss`, one or several; `none` for tokens that carry none.",
                text_or_texts(),
            ),
            ("keys", "Where the keys come from.", keys),
            ("algorithms", "Allow-list; HMAC is never allowed without being listed.", texts()),
            (
                "audiences",
                "At least one must be in `aud`; `any` says that none is checked.",
                either(&[json!({ "const": "any" }), texts()]),
            ),
            ("types", "Allowed `typ` header values; `absent` for none.", texts()),
            ("leeway", "Clock skew allowed.", duration("30s")),
            ("require_expiry", "Whether a token without `exp` is refused.", flag()),
            ("max_age", "Refuse tokens older than this by `iat`.", duration("1h")),
            ("token", "Where the token stands; the Authorization header if left out.", places),
            ("read", "Where things are in this issuer's tokens.", see("read")),
            ("scope_wildcard", "A scope that stands for all.", text()),
            ("refresh", "How fetched keys are kept fresh.", see("refresh")),
            ("required", "Whether the process waits for these keys before it is ready.", flag()),
            ("loosens", "No audience is checked, and that is meant.", flag()),
        ],
    )
}

fn keys() -> Value {
    map(
        "One source of keys.",
        &[],
        &[
            ("jwks_url", "The URL of a JWK set.", like("https://auth.example.com/jwks.json")),
            (
                "discovery",
                "`true`: metadata under the issuer's URL; or the metadata's URL.",
                either(&[json!({ "const": true }), text()]),
            ),
            ("jwks_file", "A file with a JWK set.", text()),
            ("jwks", "A JWK set, inline.", either(&[text(), json!({ "type": "object" })])),
            ("pem_file", "A file with PEM public keys or certificates.", text()),
            ("pem", "PEM public keys, inline.", text()),
            ("secret_file", "A file with a shared secret.", text()),
            ("secret_env", "An environment variable with a shared secret.", text()),
            ("encoding", "How the secret is encoded.", words(&["raw", "base64", "base64url", "hex"])),
            ("insecure_http", "Plain http is meant; the network is trusted.", flag()),
            ("ca_file", "Certificates that the server's is checked against.", text()),
            ("bearer_token_file", "A token to fetch with.", text()),
        ],
    )
}

fn place() -> Value {
    map(
        "A place where the token may stand.",
        &[],
        &[
            ("header", "A header.", like("authorization")),
            ("scheme", "The scheme before the token.", like("Bearer")),
            ("cookie", "A cookie.", text()),
            ("query", "A query parameter.", like("access_token")),
        ],
    )
}

fn read() -> Value {
    let presets = [
        "rfc9068",
        "keycloak",
        "auth0",
        "okta",
        "entra",
        "cognito",
        "google",
        "kubernetes",
        "passport",
        "tymon",
    ];
    map(
        "Claim paths: dotted, `[\"https://example.com/roles\"]` for a name with dots, slashes or colons.",
        &[],
        &[
            (
                "preset",
                "What this provider's tokens look like.",
                json!({ "type": "string", "enum": presets, "default": "rfc9068" }),
            ),
            ("client", "Keycloak: the client whose roles count beside the realm's.", text()),
            ("subject", "Who it is; the first present.", text_or_texts()),
            ("scopes", "Scopes; all of these paths.", text_or_texts()),
            ("roles", "Roles; all of these paths.", text_or_texts()),
            ("groups", "Groups; all of these paths.", text_or_texts()),
            ("permissions", "Permissions; all of these paths.", text_or_texts()),
            ("audience", "The audience; the first present.", text_or_texts()),
        ],
    )
}

fn refresh() -> Value {
    map(
        "How fetched keys are kept fresh.",
        &[],
        &[
            ("interval", "Time between two fetches.", duration("5m")),
            ("timeout", "Longest time of one fetch.", duration("3s")),
            ("cooldown", "Least time between two fetches that unknown key ids cause.", duration("10s")),
            (
                "max_stale",
                "After this long without a good fetch the keys are no longer trusted.",
                duration("24h"),
            ),
            ("max_bytes", "Largest key set.", either(&[like("1MiB"), number(1, i64::MAX)])),
        ],
    )
}

fn guard() -> Value {
    map(
        "A family of tokens. It only narrows what its issuers ask.",
        &["issuer"],
        &[
            ("issuer", "One or several issuers of the policy.", text_or_texts()),
            ("audiences", "At least one must be in the token.", texts()),
            ("types", "Allowed `typ` header values.", texts()),
            ("claims", "Claim path → matcher.", see("matchers")),
        ],
    )
}

fn forbid() -> Value {
    map(
        "A fence that no route can open.",
        &["name", "match"],
        &[
            ("name", "Its name.", text()),
            ("match", "Which requests it stands before.", see("matches")),
            ("except", "The hole in the fence: narrower than `match`.", see("matches")),
            ("unless", "What lifts it; without it nobody gets through.", see("requirement")),
            ("on_deny", "How its denials are answered.", see("onDeny")),
            ("mode", "`shadow`: recorded, not enforced.", words(&["enforce", "shadow"])),
            ("description", "For people.", text()),
        ],
    )
}

fn route() -> Value {
    let mut shape = map(
        "What one part of the API asks: exactly one of `allow` and `require`.",
        &["match"],
        &[
            ("name", "Its name; the match as written if left out.", text()),
            ("match", "Which requests it is for.", see("matches")),
            ("guard", "Whose tokens: a guard, one of several, or `any`.", text_or_texts()),
            (
                "allow",
                "`anyone` (no token is looked at), `authenticated`, `nobody`.",
                words(&["anyone", "authenticated", "nobody"]),
            ),
            ("require", "What is asked of the caller.", see("requirement")),
            ("token", "Whether there must be a token.", words(&["required", "optional", "ignored"])),
            ("paths", "What of ambiguous paths this route takes.", see("pathsOfRoute")),
            ("mode", "`shadow`: recorded, not enforced.", words(&["enforce", "shadow"])),
            ("upstream", "What the service behind is told.", see("upstream")),
            ("on_deny", "How its denials are answered.", see("onDeny")),
            ("loosens", "It asks less than a wider route, and that is meant.", flag()),
            ("description", "For people.", text()),
        ],
    );
    if let Value::Object(members) = &mut shape {
        let one_of = json!([{ "required": ["allow"] }, { "required": ["require"] }]);
        members.insert("oneOf".to_owned(), one_of);
    }
    shape
}

fn defaults() -> Value {
    map(
        "What holds where a rule says nothing else.",
        &[],
        &[
            ("guard", "The guard of rules that name none.", text_or_texts()),
            ("upstream", "What every route tells the service behind.", see("upstream")),
        ],
    )
}

fn upstream() -> Value {
    let value = either(&[like("{subject}"), json!({ "type": "null" })]);
    map(
        "What the service behind is told.",
        &[],
        &[
            (
                "headers",
                "Header → value with `{subject}`, `{scopes}`, `{roles}`, `{groups}`, `{permissions}`, `{issuer}`, `{guard}`, `{route}`, `{claims.x}`, `{params.x}`; null drops a default.",
                named(value),
            ),
            ("remove", "Headers to remove.", texts()),
            ("remove_token", "Whether the credential is kept from the service.", flag()),
        ],
    )
}

fn paths() -> Value {
    map(
        "Opt-outs of the strict reading of paths; `check` warns of each.",
        &[],
        &[
            ("case", "Whether ASCII letters have their case.", words(&["sensitive", "insensitive"])),
            ("empty_segments", "What becomes of `//`.", words(&["reject", "merge"])),
            ("encoded_slashes", "What becomes of `%2F`.", words(&["reject", "segment"])),
            ("semicolons", "What becomes of `;`.", words(&["reject", "literal"])),
            ("scripts", "What becomes of `/index.php/more`.", words(&["reject", "literal"])),
        ],
    )
}

fn paths_of_route() -> Value {
    map(
        "Opt-outs of the strict reading of paths; `check` warns of each.",
        &[],
        &[
            ("encoded_slashes", "What becomes of `%2F`.", words(&["reject", "segment"])),
            ("semicolons", "What becomes of `;`.", words(&["reject", "literal"])),
            ("scripts", "What becomes of `/index.php/more`.", words(&["reject", "literal"])),
        ],
    )
}

fn client_address() -> Value {
    map(
        "Where the client's address stands.",
        &["header"],
        &[
            ("header", "The header.", like("x-envoy-external-address")),
            (
                "trusted_hops",
                "How many addresses at the end of `x-forwarded-for` trusted proxies wrote.",
                number(1, 32),
            ),
        ],
    )
}

fn block() -> Value {
    map(
        "An answer.",
        &[],
        &[
            ("status", "The HTTP status.", number(300, 599)),
            ("headers", "Headers of the answer.", named(text())),
            (
                "body",
                "The body, with `{reason}`, `{decision_id}`, `{route}`, `{missing}`, `{realm}`.",
                json!({ "type": "string" }),
            ),
            (
                "format",
                "The shape of the body, or the type of `body`.",
                words(&["problem", "message", "text", "empty"]),
            ),
        ],
    )
}

fn responses() -> Value {
    map(
        "What a denied client is told.",
        &[],
        &[
            (
                "format",
                "RFC 9457, `{\"message\": …}`, text, or nothing.",
                words(&["problem", "message", "text", "empty"]),
            ),
            ("realm", "The realm of challenges.", text()),
            ("disclose", "How much a client is told.", words(&["none", "challenge", "reason"])),
            ("resource_metadata", "RFC 9728: where a client learns who issues tokens.", text()),
            ("decision_id_header", "The header that tells the id of the decision.", like("x-decision-id")),
            ("bad_request", "400: the request cannot be read one way only.", see("block")),
            ("unauthenticated", "401: there is no caller, or not one that was asked for.", see("block")),
            ("forbidden", "403: the caller may not.", see("block")),
            ("unavailable", "503: it could not be decided.", see("block")),
        ],
    )
}

fn blocks() -> Value {
    map(
        "Answers by kind.",
        &[],
        &[
            ("bad_request", "400.", see("block")),
            ("unauthenticated", "401.", see("block")),
            ("guard_mismatch", "401 for a good token of another family.", see("block")),
            ("forbidden", "403.", see("block")),
            ("unavailable", "503.", see("block")),
        ],
    )
}
