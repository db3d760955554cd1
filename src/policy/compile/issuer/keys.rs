//! Sources of keys, and what makes one dangerous.

use http::Uri;

use crate::policy::diagnostic::Diagnostics;
use crate::policy::diagnostic::codes;
use crate::policy::document::{self, Text};
use crate::token::settings::{Access, Algorithm, Encoding, KeySource};

/// Compiles `keys`; each entry names exactly one source.
pub(super) fn compile(
    issuer: &document::Issuer,
    iss: &[Box<str>],
    algorithms: Option<&[Algorithm]>,
    problems: &mut Diagnostics,
) -> Vec<KeySource> {
    let hmac_listed = algorithms.is_some_and(|list| list.iter().any(|algorithm| algorithm.is_symmetric()));
    let mut sources = Vec::new();
    for entry in &issuer.keys {
        let is_secret = entry.secret_env.is_some() || entry.secret_file.is_some();
        if is_secret && !hmac_listed {
            problems
                .error(codes::HMAC_NOT_LISTED, entry.at, "a secret without an HMAC algorithm in `algorithms`")
                .hint("add `algorithms: [HS256]`: HMAC is never allowed without being listed");
        }
        sources.extend(one(entry, iss, problems));
    }
    sources
}

fn one(entry: &document::KeySource, iss: &[Box<str>], problems: &mut Diagnostics) -> Option<KeySource> {
    let written = [
        entry.jwks_url.is_some(),
        entry.discovery.is_some(),
        entry.jwks_file.is_some(),
        entry.jwks.is_some(),
        entry.pem_file.is_some(),
        entry.pem.is_some(),
        entry.secret_file.is_some(),
        entry.secret_env.is_some(),
    ];
    if written.iter().filter(|is_written| **is_written).count() != 1 {
        problems
            .error(codes::KEY_SOURCE, entry.at, "an entry of `keys` names exactly one source")
            .hint("one of jwks_url, discovery, jwks_file, jwks, pem_file, pem, secret_file, secret_env; several sources are a list");
        return None;
    }
    companions(entry, problems);
    let text = |text: &Text| text.value.clone();
    if let Some(url) = &entry.jwks_url {
        check_url(url, entry, problems);
        return Some(KeySource::JwksUrl { url: text(url), access: access(entry) });
    }
    if let Some(url) = &entry.discovery {
        return discovery(url, entry, iss, problems);
    }
    let encoding = encoding(entry, problems);
    let file = entry.jwks_file.as_ref().map(|path| KeySource::JwksFile(text(path)));
    let inline = entry.jwks.as_ref().map(|jwks| KeySource::Jwks(text(jwks)));
    let pem_file = entry.pem_file.as_ref().map(|path| KeySource::PemFile(text(path)));
    let pem = entry.pem.as_ref().map(|pem| KeySource::Pem(text(pem)));
    let secret_file =
        entry.secret_file.as_ref().map(|path| KeySource::SecretFile { path: text(path), encoding });
    let secret_env =
        entry.secret_env.as_ref().map(|name| KeySource::SecretEnv { variable: text(name), encoding });
    file.or(inline).or(pem_file).or(pem).or(secret_file).or(secret_env)
}

fn discovery(
    url: &Text,
    entry: &document::KeySource,
    iss: &[Box<str>],
    problems: &mut Diagnostics,
) -> Option<KeySource> {
    if !url.value.is_empty() {
        check_url(url, entry, problems);
        return Some(KeySource::Discovery { url: Some(url.value.clone()), access: access(entry) });
    }
    let [issuer] = iss else {
        problems
            .error(codes::DISCOVERY, entry.at, "`discovery: true` needs exactly one `issuer` URL")
            .hint("give the metadata's URL: `discovery: https://…/.well-known/openid-configuration`");
        return None;
    };
    let issuer = Text { value: issuer.clone(), at: url.at };
    check_url(&issuer, entry, problems);
    Some(KeySource::Discovery { url: None, access: access(entry) })
}

/// What stands beside a source must belong to it.
fn companions(entry: &document::KeySource, problems: &mut Diagnostics) {
    let is_url = entry.jwks_url.is_some() || entry.discovery.is_some();
    let is_secret = entry.secret_env.is_some() || entry.secret_file.is_some();
    let of_url = [
        ("ca_file", entry.ca_file.as_ref().map(|text| text.at)),
        ("bearer_token_file", entry.bearer_token_file.as_ref().map(|text| text.at)),
        ("insecure_http", entry.insecure_http.as_ref().map(|flag| flag.at)),
    ];
    for (name, at) in of_url {
        if let Some(at) = at.filter(|_| !is_url) {
            problems
                .error(codes::KEY_SOURCE, at, format!("`{name}` belongs to a source that is fetched"))
                .hint("remove it");
        }
    }
    if let Some(encoding) = entry.encoding.as_ref().filter(|_| !is_secret) {
        problems.error(codes::KEY_SOURCE, encoding.at, "`encoding` belongs to a secret").hint("remove it");
    }
}

fn access(entry: &document::KeySource) -> Access {
    Access {
        ca_file: entry.ca_file.as_ref().map(|text| text.value.clone()),
        bearer_token_file: entry.bearer_token_file.as_ref().map(|text| text.value.clone()),
        insecure_http: entry.insecure_http.as_ref().is_some_and(|flag| flag.value),
    }
}

fn encoding(entry: &document::KeySource, problems: &mut Diagnostics) -> Encoding {
    let Some(text) = &entry.encoding else { return Encoding::Raw };
    match &*text.value {
        "raw" => Encoding::Raw,
        "base64" => Encoding::Base64,
        "base64url" => Encoding::Base64Url,
        "hex" => Encoding::Hex,
        other => {
            problems
                .error(codes::UNKNOWN_WORD, text.at, format!("there is no encoding `{other}`"))
                .hint("one of raw, base64, base64url, hex");
            Encoding::Raw
        }
    }
}

/// https, or plain http where nobody else can listen, or where it is said to be meant.
fn check_url(url: &Text, entry: &document::KeySource, problems: &mut Diagnostics) {
    let parsed: Option<Uri> = url.value.parse().ok();
    let Some((scheme, host)) = parsed.as_ref().and_then(|uri| uri.scheme_str().zip(uri.host())) else {
        problems
            .error(codes::URL, url.at, format!("`{}` is no URL", url.value))
            .hint("write it whole: `https://auth.example.com/.well-known/jwks.json`");
        return;
    };
    let has_user =
        parsed.as_ref().and_then(Uri::authority).is_some_and(|authority| authority.as_str().contains('@'));
    if has_user {
        problems
            .error(codes::URL, url.at, "a URL with a user name or password")
            .hint("use `bearer_token_file` for a source that wants credentials");
    }
    let is_loopback = matches!(host, "localhost" | "[::1]") || is_loopback_v4(host);
    let is_plain_and_meant = entry.insecure_http.as_ref().is_some_and(|flag| flag.value) || is_loopback;
    match scheme {
        "https" => {}
        "http" if is_plain_and_meant => {}
        "http" => {
            problems
                .error(codes::PLAIN_HTTP, url.at, "keys over plain http can be replaced on the way")
                .hint("use https, or say `insecure_http: true` if the network is trusted");
        }
        other => {
            problems
                .error(codes::URL, url.at, format!("`{other}` is no way to fetch keys"))
                .hint("use https");
        }
    }
}

fn is_loopback_v4(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}
