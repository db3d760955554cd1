//! Secrets that somebody pasted into a policy: it is told where they are, and they are not shown.

use super::{FILE, MEMBER, hidden, private_key, program, tells_none};

/// A public key, and the same with its private half.
const PUBLIC: &str = "{ kty: OKP, crv: Ed25519, kid: a, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo }";

/// A policy whose issuer has these keys. A key that is not known puts more marks on the same lines.
pub fn policy(keys: &str) -> String {
    format!(
        "version: 1
issuers: {{ a: {{ issuer: https://a.example, audiences: [crm], typo: 1, keys: {keys} }} }}
routes: [{{ match: GET /a, guard: a, allow: authenticated }}]
"
    )
}

/// A private member of a JWK.
pub fn member() -> String {
    format!(
        "{{ jwks: {{ keys: [{{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo, d: {MEMBER} }}] }} }}"
    )
}

#[test]
fn a_secret_in_a_policy_is_told_of_and_not_shown() {
    let program = program();
    let hidden = hidden(&[]);
    let one_line = private_key().replace('\n', "\\n");
    let folded = private_key().replace('\n', "\n        ");
    // The second line of the key ends the text too early.
    let cut = format!(
        "version: 1\nissuers:\n  a:\n    keys:\n      pem: |\n        {}\n",
        private_key().replacen('\n', "\n   ", 1)
    );
    let cases = [
        ("member", "P0519", member()),
        ("beside", "P1017", format!("{{ jwks: {{ keys: [{PUBLIC}, {{ kty: oct, kid: b, k: {FILE} }}] }} }}")),
        ("quoted", "P0519", format!(r#"{{ jwks: '{{"keys":[{{"kty":"oct","k":"{FILE}"}}]}}' }}"#)),
        ("escaped", "P0519", format!(r#"{{ jwks: "{{\"keys\":[{{\"kty\":\"oct\",\"k\":\"{FILE}\"}}]}}" }}"#)),
        ("no-set", "P0519", format!("{{ jwks: {FILE} }}")),
        ("pem", "P0519", format!("{{ pem: \"{one_line}\" }}")),
        ("folded", "P0519", format!("{{ pem: {folded} }}")),
        ("cut", "P0008", cut),
        ("text", "P0103", FILE.to_owned()),
        ("list", "P0103", format!("[{FILE}]")),
        ("unknown", "P0102", format!("{{ secret: {FILE} }}")),
    ];
    for (name, code, keys) in cases {
        let whole = if keys.starts_with("version:") { keys } else { policy(&keys) };
        program.write(&format!("pasted/{name}/policy.yaml"), &whole);
        for command in [
            format!("check pasted/{name}"),
            format!("check pasted/{name} --format json"),
            format!("check pasted/{name} --format sarif"),
            format!("check pasted/{name} --format github"),
            format!("test pasted/{name}"),
            format!("test pasted/{name} --format json"),
            format!("test pasted/{name} --format junit"),
            format!("routes pasted/{name}"),
            format!("explain GET /a --policies pasted/{name}"),
            format!("serve --policies pasted/{name} --log-format text"),
            format!("serve --policies pasted/{name} --log-format json"),
        ] {
            let said = program.run(&command);
            // Where nothing but the answer was asked for, there is none.
            said.exits(if command.starts_with("routes") || command.starts_with("explain") { 2 } else { 1 });
            let both = format!("{}\n{}", said.out, said.error);
            assert!(both.contains(code) || command.contains("junit"), "{command}: {both}");
            tells_none(&command, &both, &hidden);
        }
    }
}
