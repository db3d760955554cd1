//! `portcullis token mint`: a token of any issuer whose private key or secret one has.

use serde_json::Map;
use zeroize::Zeroizing;

use super::form::{Form, lists, of_policy, of_preset, times};
use super::preset;
use crate::cli::input::{Span, bytes};
use crate::cli::set::Policies;
use crate::cli::signing::SigningKey;
use crate::cli::terminal::Terminal;
use crate::cli::trouble::Trouble;
use crate::cli::{Outcome, TEMPLATE, compiled, input, now};
use crate::runtime::local_keys;
use crate::time::UnixTime;
use crate::token::settings::{Algorithm, Encoding, IssuerSettings, KeySource, Preset};

/// Make a signed token
///
/// What the issuer (or guard) asks of its tokens is filled in: iss, aud, typ, times, and the claims of the guard.
/// With --preset no policy is needed: the token then looks as that provider makes them.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis token mint --issuer auth-service --key keys/private.pem --subject 7 --scope read-crm
  portcullis token mint --issuer admin --key keys/private.pem --claims '{\"sub\": 1, \"tenant\": \"acme\"}'
  portcullis token mint --issuer jwt-auth --expires-in -5m         an expired one, with the policy's own secret
  portcullis token mint --preset passport --key oauth-private.key --audience 2 --subject 7 --scope read-crm
  curl -H \"authorization: Bearer $(portcullis token mint --issuer app --key keys/private.pem)\" …

")]
pub struct Arguments {
    /// An issuer or guard of the policy; with --preset the `iss` itself. Not needed where there is only one
    #[arg(long, visible_alias = "guard", value_name = "NAME")]
    pub(super) issuer: Option<String>,
    #[command(flatten)]
    policies: Policies,
    /// The private key (PEM or JWK) or secret. Not needed where the policy names a secret that is here
    #[arg(long, value_name = "FILE")]
    key: Option<std::path::PathBuf>,
    /// How a secret is written in that file: raw, base64, base64url or hex
    #[arg(long, value_name = "ENCODING", default_value = "raw", value_parser = encoding)]
    encoding: Encoding,
    /// The signature algorithm; otherwise what the issuer allows and the key can
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// The `kid`; otherwise that of the key in the issuer's set, or the key's thumbprint
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Look like this provider's tokens: rfc9068, keycloak, auth0, okta, entra, cognito, google, kubernetes, passport, tymon
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(Preset::NAMES), hide_possible_values = true)]
    preset: Option<String>,
    /// The audience
    #[arg(long)]
    pub(super) audience: Option<String>,
    /// The caller's id
    #[arg(long)]
    pub(super) subject: Option<String>,
    /// Scopes, where the issuer keeps them; several allowed, also by commas
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub(super) scopes: Vec<String>,
    /// Roles
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub(super) roles: Vec<String>,
    /// Groups
    #[arg(long = "group", value_name = "GROUP", value_delimiter = ',')]
    pub(super) groups: Vec<String>,
    /// Permissions
    #[arg(long = "permission", value_name = "PERMISSION", value_delimiter = ',')]
    pub(super) permissions: Vec<String>,
    /// Claims over all others, `-` for standard input; null removes one, and times may be relative: {"nbf": "-5m"}
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// Header members over all others; null removes one
    #[arg(long, value_name = "JSON")]
    header: Option<String>,
    /// When it ends: 1h, or -5m for one that ended
    #[arg(long, value_name = "SPAN", default_value = "1h", allow_hyphen_values = true, value_parser = Span::parse)]
    expires_in: Span,
    /// When it is made
    #[arg(long, value_name = "MOMENT", value_parser = input::moment)]
    now: Option<UnixTime>,
}

fn encoding(text: &str) -> Result<Encoding, String> {
    match text {
        "raw" => Ok(Encoding::Raw),
        "base64" => Ok(Encoding::Base64),
        "base64url" => Ok(Encoding::Base64Url),
        "hex" => Ok(Encoding::Hex),
        _ => Err("one of raw, base64, base64url and hex".to_owned()),
    }
}

pub(in crate::cli) fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(text).ok_or_else(|| {
        format!("one of {}", Algorithm::ALL.into_iter().map(Algorithm::name).collect::<Vec<_>>().join(", "))
    })
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let now = arguments.now.unwrap_or_else(now);
    let mut form = match &arguments.preset {
        Some(name) => of_preset(arguments, name, now)?,
        None => of_policy(arguments, &*compiled::policy(&arguments.policies.or_usual(), terminal)?, now)?,
    };
    let (key, own_id) = key(arguments, form.settings.as_deref())?;
    let algorithm = chosen(arguments, form.settings.as_deref(), &key)?;
    times(&mut form.shape, arguments.expires_in, now);
    lists(&mut form, arguments);
    form.shape.header.insert("alg".to_owned(), algorithm.name().into());
    if let Some(id) = key_id(arguments, &form, &key, own_id, terminal) {
        form.shape.header.insert("kid".to_owned(), id.into());
    }
    let object = |flag: &str, given: &Option<String>| {
        given.as_deref().map_or_else(|| Ok(Map::new()), |given| input::object(flag, given))
    };
    let claims = object("--claims", &arguments.claims)?;
    let header = object("--header", &arguments.header)?;
    form.shape.overlay(&claims, &header, now);
    let signed = form.shape.to_be_signed();
    let signature = key.sign(algorithm, signed.as_bytes()).ok_or_else(|| {
        Trouble::new(format!("the key does not sign {}", algorithm.name()), "leave `--algorithm` out")
    })?;
    terminal.print(&format!("{signed}.{}\n", preset::base64url(&signature)))?;
    Ok(Outcome::Yes)
}

/// The key given, or the secret that the policy names.
fn key(
    arguments: &Arguments,
    settings: Option<&IssuerSettings>,
) -> Result<(SigningKey, Option<String>), Trouble> {
    let unusable = |what: String, cause: String| {
        Trouble::new(
            format!("{what} cannot sign: {cause}"),
            "give a private key as PEM or JWK, or a secret; `portcullis keys generate` makes one",
        )
    };
    let read = |what: String, bytes: Result<Zeroizing<Vec<u8>>, String>, encoding| {
        let key = bytes.and_then(|bytes| SigningKey::read(&bytes, encoding));
        key.map_err(|cause| unusable(what, cause))
    };
    if let Some(path) = &arguments.key {
        return read(format!("`{}`", path.display()), bytes(path).map(Zeroizing::new), arguments.encoding);
    }
    let sources = settings.map(|settings| settings.sources.as_slice()).unwrap_or_default();
    for source in sources {
        match source {
            KeySource::SecretFile { path, encoding } => {
                let bytes = bytes(path.as_ref().as_ref()).map(Zeroizing::new);
                return read(format!("`{path}`"), bytes, *encoding);
            }
            KeySource::SecretEnv { variable, encoding } => {
                let value = std::env::var(&**variable).map_err(|_| "it is not set".to_owned());
                let bytes = value.map(|value| Zeroizing::new(value.into_bytes()));
                return read(format!("the variable `{variable}`"), bytes, *encoding);
            }
            KeySource::JwksUrl { .. }
            | KeySource::Discovery { .. }
            | KeySource::JwksFile(_)
            | KeySource::Jwks(_)
            | KeySource::PemFile(_)
            | KeySource::Pem(_) => {}
        }
    }
    Err(Trouble::new(
        "there is no key to sign with",
        "give the issuer's private key with `--key FILE`; `portcullis keys generate` makes one",
    ))
}

/// The algorithm: as said, or the first that the issuer allows and the key can.
fn chosen(
    arguments: &Arguments,
    settings: Option<&IssuerSettings>,
    key: &SigningKey,
) -> Result<Algorithm, Trouble> {
    if let Some(algorithm) = arguments.algorithm {
        return Ok(algorithm);
    }
    let can = key.algorithms();
    // Without a list, what the issuer's keys are for, where they are here.
    let mut allowed = settings.and_then(|settings| settings.algorithms.clone()).unwrap_or_default();
    if allowed.is_empty() {
        let sets: Vec<_> = settings.map(local_keys).into_iter().flatten().filter_map(Result::ok).collect();
        let names = sets.iter().flat_map(|set| set.describe()).flat_map(|(_, names)| names);
        allowed.extend(names.filter_map(Algorithm::from_name));
    }
    let found = if allowed.is_empty() { can.first() } else { can.iter().find(|one| allowed.contains(one)) };
    found.copied().ok_or_else(|| {
        let names = |list: &[Algorithm]| list.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
        Trouble::new(
            format!("the issuer allows {}, and the key signs {}", names(&allowed), names(&can)),
            "give another key, or say `--algorithm` to make a token that is refused",
        )
    })
}

fn key_id(
    arguments: &Arguments,
    form: &Form,
    key: &SigningKey,
    own: Option<String>,
    terminal: &Terminal,
) -> Option<String> {
    if let Some(id) = arguments.key_id.clone().or(own) {
        return Some(id);
    }
    let thumbprint = key.thumbprint().filter(|_| form.names_key)?;
    let sets: Vec<_> =
        form.settings.iter().flat_map(|settings| local_keys(settings)).filter_map(Result::ok).collect();
    let ids: Vec<&str> = sets.iter().flat_map(|set| set.describe().filter_map(|(id, _)| id)).collect();
    match ids.as_slice() {
        [only] => Some((*only).to_owned()),
        [] => Some(thumbprint),
        several if several.contains(&thumbprint.as_str()) => Some(thumbprint),
        several => {
            terminal.tell(&format!(
                "note: the issuer's keys are named {}; say which one with --key-id\n",
                several.join(", ")
            ));
            Some(thumbprint)
        }
    }
}
