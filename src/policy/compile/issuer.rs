//! Issuers: from what is written to what the verifier asks.

mod beside;
mod keys;
mod material;

use std::collections::HashMap;
use std::time::Duration;

use crate::policy::diagnostic::codes;
use crate::policy::diagnostic::{At, Diagnostics, SourceFile};
use crate::policy::document::{self, Text};
use crate::policy::units;
use crate::token::claims::ClaimPath;
use crate::token::settings::{Algorithm, Audiences, IssuerSettings, Place, Preset, Read, Refresh};
use crate::token::trust::MOST_NAMELESS;

/// Compiles all issuers; those that are wrong are reported and left out.
pub(super) fn compile(
    issuers: &[document::Issuer],
    files: &[SourceFile],
    problems: &mut Diagnostics,
) -> Vec<IssuerSettings> {
    let mut owners: HashMap<&str, &Text> = HashMap::new();
    for issuer in issuers {
        for iss in issuer.iss.iter().filter(|iss| &*iss.value != "none") {
            if let Some(first) =
                owners.insert(&iss.value, &issuer.name).filter(|first| first.at != issuer.name.at)
            {
                problems
                    .error(
                        codes::ISS_TWICE,
                        iss.at,
                        format!("`{}` already belongs to issuer `{}`", iss.value, first.value),
                    )
                    .see(first.at, "the first one")
                    .hint("an `iss` belongs to one issuer; tell its tokens apart with guards");
            }
        }
    }
    let compiled: Vec<IssuerSettings> = issuers.iter().map(|issuer| one(issuer, files, problems)).collect();
    report_nameless(issuers, &compiled, problems);
    material::report(issuers, &compiled, problems);
    compiled
}

/// A token without `iss` is tried with every issuer of such tokens whose place it came from, and these few.
fn report_nameless(written: &[document::Issuer], compiled: &[IssuerSettings], problems: &mut Diagnostics) {
    let mut at_place: HashMap<&Place, usize> = HashMap::new();
    for (issuer, settings) in written.iter().zip(compiled) {
        if !settings.iss.is_empty() || issuer.iss.is_empty() {
            continue;
        }
        for place in &settings.places {
            let count = at_place.entry(place).or_default();
            *count += 1;
            if *count == MOST_NAMELESS + 1 {
                problems
                    .error(
                        codes::NAMELESS_ISSUERS,
                        issuer.name.at,
                        format!(
                            "more than {MOST_NAMELESS} issuers without `iss` look for tokens in one place"
                        ),
                    )
                    .hint("give them places of their own: `token: [{ header: x-partner-token }]`");
            }
        }
    }
}

fn one(issuer: &document::Issuer, files: &[SourceFile], problems: &mut Diagnostics) -> IssuerSettings {
    let file = usize::try_from(issuer.name.at.file).ok().and_then(|index| files.get(index));
    let file = file.map_or("", |file| &file.name);
    let iss = iss(issuer, problems);
    let algorithms = issuer.algorithms.as_ref().map(|names| algorithms(names, problems));
    let sources = keys::compile(issuer, &iss, algorithms.as_deref(), problems);
    let sources = sources.into_iter().map(|source| beside::beside(source, file)).collect();
    let preset = preset(issuer, problems);
    let read = read(issuer, &preset, problems);
    let places = places(issuer, problems);
    IssuerSettings {
        name: issuer.name.value.clone(),
        iss,
        sources,
        algorithms,
        audiences: audiences(issuer, problems),
        types: types(issuer.types.as_deref()),
        leeway: duration(issuer.leeway.as_ref(), Duration::from_secs(30), problems),
        require_expiry: issuer.require_expiry.as_ref().is_none_or(|written| written.value),
        max_age: issuer.max_age.as_ref().map(|_| duration(issuer.max_age.as_ref(), Duration::ZERO, problems)),
        places,
        read,
        scope_wildcard: issuer
            .scope_wildcard
            .as_ref()
            .map(|text| text.value.clone())
            .or(preset.scope_wildcard),
        refresh: refresh(issuer.refresh.as_ref(), problems),
        required: issuer.required.as_ref().is_none_or(|written| written.value),
    }
}

/// `none` means tokens without `iss`; it does not stand beside others.
fn iss(issuer: &document::Issuer, problems: &mut Diagnostics) -> Vec<Box<str>> {
    let is_none = |text: &&Text| &*text.value == "none";
    if let Some(none) = issuer.iss.iter().find(is_none) {
        if issuer.iss.len() > 1 {
            problems
                .error(codes::NONE_BESIDE_OTHERS, none.at, "`none` stands beside other `iss` values")
                .hint("make it an issuer of its own: its tokens carry no `iss`");
        }
        return Vec::new();
    }
    issuer.iss.iter().map(|text| text.value.clone()).collect()
}

fn algorithms(names: &[Text], problems: &mut Diagnostics) -> Vec<Algorithm> {
    let mut found = Vec::new();
    for name in names {
        if let Some(algorithm) = Algorithm::from_name(&name.value) {
            found.push(algorithm);
        } else {
            let known: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
            problems
                .error(
                    codes::UNKNOWN_ALGORITHM,
                    name.at,
                    format!("`{}` is no signature algorithm", name.value),
                )
                .hint(format!("one of {}", known.join(", ")));
        }
    }
    found
}

fn audiences(issuer: &document::Issuer, problems: &mut Diagnostics) -> Audiences {
    if issuer.audiences_is_scalar {
        if let Some(text) = issuer.audiences.first().filter(|text| &*text.value != "any") {
            problems
                .error(
                    codes::AUDIENCES,
                    text.at,
                    format!("`audiences` is a list; `{}` is a string", text.value),
                )
                .hint(format!("write `[{}]`, or `any` to check none", text.value));
        }
        return Audiences::Any;
    }
    Audiences::OneOf(issuer.audiences.iter().map(|text| text.value.clone()).collect())
}

/// `typ` values as media types: lower case, without `application/`. An absent `typ` may be named `absent`.
pub(super) fn types(written: Option<&[Text]>) -> Vec<Option<Box<str>>> {
    let Some(written) = written else { return vec![None, Some("jwt".into()), Some("at+jwt".into())] };
    let read = |text: &Text| match &*text.value {
        "absent" => None,
        name => {
            let lower = name.to_ascii_lowercase();
            Some(lower.strip_prefix("application/").unwrap_or(&lower).into())
        }
    };
    written.iter().map(read).collect()
}

fn preset(issuer: &document::Issuer, problems: &mut Diagnostics) -> Preset {
    let written = issuer.read.as_ref();
    let name = written.and_then(|read| read.preset.as_ref());
    let client = written.and_then(|read| read.client.as_ref());
    let text = name.map_or("rfc9068", |name| &name.value);
    if let Some(client) = client.filter(|_| text != "keycloak") {
        problems
            .error(codes::CLIENT_WITHOUT_KEYCLOAK, client.at, "`client` belongs to `preset: keycloak`")
            .hint("remove it, or say `preset: keycloak`");
    }
    if let Some(name) = name.filter(|name| &*name.value == "passport")
        && issuer.iss.iter().any(|iss| &*iss.value != "none")
    {
        problems
            .error(codes::PASSPORT_WITH_ISS, name.at, "`preset: passport` is for tokens that carry no `iss`")
            .hint("write `issuer: none`, or `read: { scopes: scopes }` if these tokens do carry one");
    }
    Preset::named(text, client.map(|client| &*client.value)).unwrap_or_else(|| {
        if let Some(name) = name {
            problems
                .error(codes::UNKNOWN_PRESET, name.at, format!("there is no preset `{}`", name.value))
                .hint(format!("one of {}", Preset::NAMES.join(", ")));
        }
        Preset::default()
    })
}

/// A key written beside `preset` replaces that entry.
fn read(issuer: &document::Issuer, preset: &Preset, problems: &mut Diagnostics) -> Read {
    let mut read = preset.read.clone();
    let Some(written) = &issuer.read else { return read };
    let mut replace = |target: &mut Vec<ClaimPath>, paths: &Option<Vec<Text>>| {
        if let Some(paths) = paths {
            *target = paths.iter().filter_map(|path| claim_path(path, problems)).collect();
        }
    };
    replace(&mut read.subject, &written.subject);
    replace(&mut read.scopes, &written.scopes);
    replace(&mut read.roles, &written.roles);
    replace(&mut read.groups, &written.groups);
    replace(&mut read.permissions, &written.permissions);
    replace(&mut read.audience, &written.audience);
    read
}

/// Reads a claim path, or reports what is wrong with it.
pub(super) fn claim_path(path: &Text, problems: &mut Diagnostics) -> Option<ClaimPath> {
    match ClaimPath::parse(&path.value) {
        Ok(found) => Some(found),
        Err(problem) => {
            problems
                .error(codes::CLAIM_PATH, path.at, format!("`{}` is no claim path: {problem}", path.value))
                .hint("write `realm_access.roles`, or `[\"https://example.com/roles\"]` for a name with dots, slashes or colons");
            None
        }
    }
}

fn places(issuer: &document::Issuer, problems: &mut Diagnostics) -> Vec<Place> {
    let Some(written) = &issuer.token else { return vec![Place::usual()] };
    let mut places: Vec<Place> = Vec::new();
    for place in written {
        match place_of(place) {
            Some(found) if places.contains(&found) => {
                problems
                    .error(codes::PLACE_TWICE, place.at, "this place is written twice")
                    .hint("remove one");
            }
            Some(found) => places.push(found),
            None => wrong_place(place.at, problems),
        }
    }
    places
}

fn place_of(place: &document::Place) -> Option<Place> {
    let text = |text: &Text| Some(&text.value).filter(|value| !value.is_empty()).cloned();
    match (&place.header, &place.scheme, &place.cookie, &place.query) {
        (Some(header), scheme, None, None) if is_header_name(&header.value) => {
            let is_scheme = scheme.as_ref().is_none_or(|scheme| is_header_name(&scheme.value));
            is_scheme.then(|| Place::Header {
                name: header.value.to_ascii_lowercase().into(),
                scheme: scheme.as_ref().map(|scheme| scheme.value.clone()),
            })
        }
        (None, None, Some(cookie), None) => text(cookie).map(Place::Cookie),
        (None, None, None, Some(query)) => text(query).map(Place::Query),
        _ => None,
    }
}

fn wrong_place(at: At, problems: &mut Diagnostics) {
    problems
        .error(codes::TOKEN_PLACE, at, "this is no place for a token")
        .hint("one of `{header: authorization, scheme: Bearer}`, `{header: x-token}`, `{cookie: name}`, `{query: access_token}`");
}

/// An RFC 9110 token.
pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn refresh(written: Option<&document::Refresh>, problems: &mut Diagnostics) -> Refresh {
    let default = Refresh::default();
    let Some(written) = written else { return default };
    let max_bytes = written.max_bytes.as_ref().map_or(default.max_bytes, |text| {
        units::bytes(&text.value).filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            problems
                .error(codes::SIZE, text.at, format!("`{}` is no size", text.value))
                .hint("write `512KiB`, `1MiB`, or a number of bytes");
            default.max_bytes
        })
    });
    Refresh {
        interval: duration(written.interval.as_ref(), default.interval, problems)
            .max(Duration::from_secs(10)),
        timeout: duration(written.timeout.as_ref(), default.timeout, problems),
        cooldown: duration(written.cooldown.as_ref(), default.cooldown, problems),
        max_stale: duration(written.max_stale.as_ref(), default.max_stale, problems),
        max_bytes,
    }
}

fn duration(written: Option<&Text>, default: Duration, problems: &mut Diagnostics) -> Duration {
    let Some(text) = written else { return default };
    units::duration(&text.value).unwrap_or_else(|| {
        problems
            .error(codes::DURATION, text.at, format!("`{}` is no duration", text.value))
            .hint("a whole number and a unit: `250ms`, `30s`, `5m`, `24h`, `7d`");
        default
    })
}
