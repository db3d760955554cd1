//! What a minted token holds before it is signed, and whose it is.

use std::sync::Arc;

use serde_json::Value;

use super::mint::Arguments;
use super::preset;
use crate::cases::{Shape, fill};
use crate::cli::input::Span;
use crate::cli::trouble::Trouble;
use crate::policy::Policy;
use crate::policy::guard::GuardName;
use crate::time::UnixTime;
use crate::token::claims::ClaimPath;
use crate::token::settings::{IssuerSettings, KeySource, Preset, Read};

/// What a token is to look like, and whose it is.
pub(super) struct Form {
    pub shape: Shape,
    read: Read,
    /// The issuer, where the policy has it.
    pub settings: Option<Arc<IssuerSettings>>,
    /// Whether lists of scopes are lists, as with Okta and Passport.
    scopes_are_a_list: bool,
    /// Whether its tokens name their key.
    pub names_key: bool,
}

pub(super) fn of_preset(arguments: &Arguments, name: &str, now: UnixTime) -> Result<Form, Trouble> {
    let known = Preset::named(name, None);
    let read = known.ok_or_else(|| Trouble::new(format!("there is no preset `{name}`"), "see --help"))?.read;
    let look =
        preset::Look { iss: arguments.issuer.as_deref(), audience: arguments.audience.as_deref(), now };
    Ok(Form {
        shape: look.of(name),
        read,
        settings: None,
        scopes_are_a_list: matches!(name, "okta" | "passport"),
        names_key: !matches!(name, "passport" | "tymon"),
    })
}

pub(super) fn of_policy(arguments: &Arguments, policy: &Policy, now: UnixTime) -> Result<Form, Trouble> {
    let names: Vec<&str> = policy.guards.names().collect();
    let name = match (&arguments.issuer, names.as_slice()) {
        (Some(name), _) => name.as_str(),
        (None, [only]) => only,
        (None, _) => {
            return Err(Trouble::new(
                "whose token it is to be is not said",
                format!("`--issuer NAME` with one of: {}", names.join(", ")),
            ));
        }
    };
    let unknown =
        |message| Trouble::new(message, format!("name one of: {}; or give a `--preset`", names.join(", ")));
    let mut shape = fill(policy, name, now).map_err(unknown)?;
    let id = policy.guards.find(name).map(GuardName::One);
    let issuer = policy.guards.issuers_of(id.as_slice()).first().copied();
    let settings = issuer.and_then(|id| policy.issuers.get(usize::from(id.0))).cloned();
    let settings = settings.ok_or_else(|| unknown(format!("guard `{name}` has no issuer")))?;
    if let (Some(audience), Some(path)) = (&arguments.audience, settings.read.audience.first()) {
        shape.set(path, audience.as_str().into());
    }
    let is_list = |path: &ClaimPath| path.segments().last().is_some_and(|last| **last == *"scopes");
    let needs_name = |source: &KeySource| match source {
        KeySource::JwksUrl { .. }
        | KeySource::Discovery { .. }
        | KeySource::JwksFile(_)
        | KeySource::Jwks(_) => true,
        KeySource::PemFile(_)
        | KeySource::Pem(_)
        | KeySource::SecretFile { .. }
        | KeySource::SecretEnv { .. } => false,
    };
    Ok(Form {
        shape,
        read: settings.read.clone(),
        scopes_are_a_list: settings.read.scopes.first().is_some_and(is_list),
        names_key: settings.sources.iter().any(needs_name),
        settings: Some(settings),
    })
}

pub(super) fn times(shape: &mut Shape, expires_in: Span, now: UnixTime) {
    let end = expires_in.from(now);
    shape.claims.insert("exp".to_owned(), end.seconds().into());
    // One that ended was made before it ended.
    let hour = std::time::Duration::from_hours(1);
    let made = if end <= now { end.minus(hour) } else { now };
    for name in ["iat", "nbf", "auth_time"] {
        if let Some(time) = shape.claims.get_mut(name) {
            *time = made.seconds().into();
        }
    }
}

/// Puts what was given by name where this issuer keeps it.
pub(super) fn lists(form: &mut Form, arguments: &Arguments) {
    if let Some(subject) = &arguments.subject {
        for path in &form.read.subject {
            form.shape.set(path, subject.as_str().into());
        }
    }
    if let Some(path) = form.read.scopes.first().filter(|_| !arguments.scopes.is_empty()) {
        let joined = Value::from(arguments.scopes.join(" "));
        let scopes = if form.scopes_are_a_list { arguments.scopes.clone().into() } else { joined };
        form.shape.set(path, scopes);
    }
    let lists = [
        (&form.read.roles, &arguments.roles),
        (&form.read.groups, &arguments.groups),
        (&form.read.permissions, &arguments.permissions),
    ];
    for (paths, list) in lists {
        let Some(path) = paths.first() else { continue };
        let is_one = path.segments().last().is_some_and(|last| **last == *"role");
        match list.as_slice() {
            [] => {}
            [only] if is_one => form.shape.set(path, only.as_str().into()),
            several => form.shape.set(path, several.to_vec().into()),
        }
    }
}
