//! Issuers whose tokens are taken with too little said, and paths that are let through.

use std::collections::HashSet;
use std::path::Path;

use crate::policy::Policy;
use crate::policy::diagnostic::{At, Diagnostics, codes};
use crate::policy::document::{Document, Issuer, Paths, Text};
use crate::token::settings::{Audiences, KeySource};

pub(super) fn report(document: &Document, policy: &Policy, problems: &mut Diagnostics) {
    for (issuer, settings) in document.issuers.iter().zip(&policy.issuers) {
        let meant = issuer.loosens.as_ref().filter(|flag| flag.value);
        let takes_any = settings.audiences == Audiences::Any;
        if let Some(flag) = meant.filter(|_| !takes_any) {
            problems
                .warning(codes::LOOSENS_NOTHING, flag.at, "nothing is loosened here")
                .hint("remove `loosens`: it would hide a mistake made later");
        }
        if takes_any && meant.is_none() {
            let at = issuer.audiences.first().map_or(issuer.name.at, |text| text.at);
            problems
                .warning(codes::ANY_AUDIENCE, at, "a token made for any other service is taken here as well")
                .hint("`audiences: [crm]`, with what the issuer writes into `aud` for this service; `loosens: true` if it writes none");
        }
    }
    secrets(document, policy, problems);
    for paths in document.paths.iter().chain(document.routes.iter().filter_map(|route| route.paths.as_ref()))
    {
        opt_outs(paths, problems);
    }
}

/// RFC 8725 section 2.1: a public key that is also taken for a shared secret lets everyone sign.
fn secrets(document: &Document, policy: &Policy, problems: &mut Diagnostics) {
    let pems = document.issuers.iter().flat_map(|issuer| &issuer.keys);
    let pems: HashSet<&str> = pems
        .flat_map(|source| [&source.pem_file, &source.jwks_file])
        .flatten()
        .map(|text| &*text.value)
        .collect();
    for (issuer, settings) in document.issuers.iter().zip(&policy.issuers) {
        for source in &issuer.keys {
            let Some(path) = &source.secret_file else { continue };
            let is_public = pems.contains(&*path.value) || is_key_file(&path.value);
            if is_public {
                warn(path.at, format!("`{}` looks like a key that others know", path.value), problems);
            }
        }
        let listed = settings.algorithms.as_deref().unwrap_or_default();
        let mixes =
            listed.iter().any(|one| one.is_symmetric()) && listed.iter().any(|one| !one.is_symmetric());
        let is_secret =
            |source: &KeySource| matches!(source, KeySource::SecretFile { .. } | KeySource::SecretEnv { .. });
        let has_both = settings.sources.iter().any(is_secret) && !settings.sources.iter().all(is_secret);
        if mixes && has_both {
            warn(
                first_algorithm(issuer),
                "one issuer with a secret and with public keys".to_owned(),
                problems,
            );
        }
    }
}

fn first_algorithm(issuer: &Issuer) -> At {
    issuer.algorithms.as_ref().and_then(|names| names.first()).map_or(issuer.name.at, |text| text.at)
}

fn is_key_file(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|end| end.to_str()).unwrap_or_default();
    ["pem", "pub", "crt", "cer", "der", "jwks"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn warn(at: At, message: String, problems: &mut Diagnostics) {
    problems.warning(codes::SECRET_LIKE_A_KEY, at, message).hint(
        "whoever knows the secret can sign: use a random one that is nothing else, for an issuer of its own",
    );
}

fn opt_outs(paths: &Paths, problems: &mut Diagnostics) {
    let keys = [
        (&paths.case, "insensitive", "an application that tells `/Admin` from `/admin` sees two paths"),
        (&paths.empty_segments, "merge", "an application that does not merge `//` sees another path"),
        (&paths.encoded_slashes, "segment", "an application that decodes `%2F` first sees another path"),
        (&paths.semicolons, "literal", "an application that cuts `;parameters` sees another path"),
        (&paths.scripts, "literal", "an application behind CGI sees what stands behind a script as the path"),
    ];
    for (written, opt_out, what) in keys {
        let is_opt_out = |text: &&Text| &*text.value == opt_out;
        if let Some(text) = written.as_ref().filter(is_opt_out) {
            problems
                .warning(codes::PATH_OPT_OUT, text.at, what)
                .hint("leave it out, unless the application is known to read paths so");
        }
    }
}
