//! Keys and secrets that somebody pasted into a file: a report goes to logs and pull requests, and shows none.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::policy::diagnostic::{SourceFile, codes};

/// What is a secret, each as the group of an expression.
static SECRETS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let written = [
        // What of a PEM is private, to its end or that of the file.
        r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END|\z)",
        // Private members of a JWK.
        r#"(?m)(?:^|[\s{,"'\\])(?:d|k|p|q|dp|dq|qi|r|t)\\?["']?[ \t]*:[ \t]*\\?["']?([A-Za-z0-9_+/=-]{16,})"#,
        // A text where keys are meant.
        r#"\b(?:keys|jwks|pem)\\?["']?[ \t]*:[ \t]*[\[ \t\\"']*([A-Za-z0-9+/=_.-][^\s,{}\[\]"'\\]{3,})"#,
        // Words for a secret, and how Envoy writes one into its configuration.
        r#"\b(?:secret|client_secret|password|inline_string|inline_bytes)\\?["']?[ \t]*:[ \t]*([^\s{\[|>&*#].*)"#,
        // A variable of a container.
        r#"(?i)name\\?["']?[ \t]*:[ \t]*["']?\w*(?:secret|token|password|headers|credential)\w*["']?\s*,?\s*["']?value["']?[ \t]*:[ \t]*([^\s{\[|>&*#].*)"#,
    ];
    written.iter().filter_map(|expression| Regex::new(expression).ok()).collect()
});

/// The same file with stars in place of secrets, byte for byte, so that places stay where they are.
pub fn without_secrets(file: &SourceFile) -> SourceFile {
    let mut bytes = file.text.as_bytes().to_vec();
    let found = SECRETS.iter().flat_map(|secret| secret.captures_iter(&file.text));
    for Range { start, end } in found.filter_map(|captures| Some(captures.get(1)?.range())) {
        let secret = bytes.get_mut(start..end).unwrap_or_default();
        secret.iter_mut().filter(|byte| !byte.is_ascii_whitespace()).for_each(|byte| *byte = b'*');
    }
    // Whole characters were replaced, so it is text as before.
    SourceFile { name: file.name.clone(), text: String::from_utf8(bytes).unwrap_or_default().into() }
}

/// Whether a code is about a text that may be a secret altogether: its line is not shown.
pub fn is_about_a_secret(code: &str) -> bool {
    matches!(code, codes::KEYS_UNUSABLE | codes::KEY_LEFT_OUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        without_secrets(&SourceFile { name: "".into(), text: text.into() }).text.into()
    }

    #[test]
    fn every_expression_is_one() {
        assert_eq!(SECRETS.len(), 5);
    }

    #[test]
    fn a_secret_is_hidden_and_nothing_moves() {
        for (text, wanted) in [
            ("{ kty: oct, k: 0123456789abcdef }", "{ kty: oct, k: **************** }"),
            (r#"'{"d":"0123456789abcde-"}'"#, r#"'{"d":"****************"}'"#),
            (r#""{\"d\":\"0123456789abcde-\"}""#, r#""{\"d\":\"****************\"}""#),
            ("keys: hunter2 }", "keys: ******* }"),
            ("keys: [ hunter2 ]", "keys: [ ******* ]"),
            ("secret: hünter 2", "secret: ******* *"),
            ("- name: HS_SECRET\n  value: hunter2\n", "- name: HS_SECRET\n  value: *******\n"),
            ("{ name: HS_SECRET, value: hunter2", "{ name: HS_SECRET, value: *******"),
            (
                "-----BEGIN EC PRIVATE KEY-----\n  aB+/\n  cD==\n-----END",
                "-----BEGIN EC PRIVATE KEY-----\n  ****\n  ****\n-----END",
            ),
            ("-----BEGIN PRIVATE KEY-----\naB+/ cut off", "-----BEGIN PRIVATE KEY-----\n**** *** ***"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "keys:\n  jwks_file: ../keys.json",
            "keys: { jwks_file: ../keys.json }",
            "keys: { jwks: '{\"keys\":[{\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}' }",
            "keys: { secret_file: /etc/portcullis/keys/jwt-secret }",
            "requirements: { secret: { roles: [admin] } }",
            "-----BEGIN PUBLIC KEY-----\naB+/\n-----END PUBLIC KEY-----",
            "{ name: PORTCULLIS_LISTEN_GRPC, value: 127.0.0.1:9191 }",
            "method: authenticated-only-here",
        ] {
            assert_eq!(shown(text), text);
        }
    }
}
