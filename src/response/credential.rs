//! Keeping tokens from the upstream: where one stands, and what is left when it is taken out.

use std::borrow::Cow;

use crate::policy::upstream::field;
use crate::request::{Incoming, Query, looks_like};
use crate::token::settings::Place;

/// What has to be done to take tokens out of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Removal<'a> {
    pub headers: Vec<Cow<'a, str>>,
    pub cookies: Vec<&'a str>,
    pub query: Vec<Cow<'a, str>>,
}

impl<'a> Removal<'a> {
    /// Takes out what stands in one place, if it is what would be taken for a token there.
    pub(super) fn take(&mut self, place: &'a Place, incoming: &'a Incoming<'_>) {
        match place {
            Place::Header { name, scheme } => {
                for (present, value) in incoming.headers.iter() {
                    if looks_like(present, name)
                        && field::is_name(present)
                        && has_scheme(value, scheme.as_deref())
                    {
                        self.headers.push(lower(present));
                    }
                }
            }
            Place::Cookie(name) => self.cookies.push(name),
            Place::Query(name) => self.query.extend(spellings(incoming.target, |sent| sent == name.as_ref())),
        }
    }

    /// Takes out what some servers would take for the credential's own header.
    pub(super) fn take_look_alikes(&mut self, place: &'a Place, incoming: &'a Incoming<'_>) {
        let Place::Header { name, .. } = place else { return };
        let is_other = |present: &&str| {
            looks_like(present, name) && !present.eq_ignore_ascii_case(name) && field::is_name(present)
        };
        self.headers.extend(incoming.headers.unusual_names().filter(is_other).map(lower));
    }
}

/// A name in lower case.
pub(super) fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// `Basic` credentials are no token, so they stay.
fn has_scheme(value: &[u8], scheme: Option<&str>) -> bool {
    let Some(scheme) = scheme else { return true };
    let value = value.trim_ascii();
    value.split_at_checked(scheme.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(scheme.as_bytes()) && rest.first().is_none_or(u8::is_ascii_whitespace)
    })
}

/// The names of query parameters that decode to a wanted one, as they were sent: the proxy compares
/// them without decoding.
pub(super) fn spellings(target: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<Cow<'_, str>> {
    let mut spellings: Vec<Cow<'_, str>> = Vec::new();
    let Some((_, query)) = target.split_once('?') else { return spellings };
    for pair in query.split('&') {
        let sent = pair.split('=').next().unwrap_or(pair);
        // To some `;` is another `&`; the proxy takes out the pair that it knows.
        let mut names =
            std::iter::once(pair).chain(pair.split(';')).flat_map(|part| Query::new(part).pairs());
        if names.any(|(name, _)| is_wanted(&name)) && spellings.iter().all(|known| known != sent) {
            spellings.push(Cow::Borrowed(sent));
        }
    }
    spellings
}

/// What becomes of the Cookie header when cookies are taken out of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cookies {
    /// None of them is there.
    Unchanged,
    /// These are left.
    Left(String),
    /// None is left, or what is left cannot be written.
    Removed,
}

/// Takes cookies out. Envoy joins repeated headers with a comma, so one may also start after a comma.
pub(super) fn without_cookies(incoming: &Incoming<'_>, names: &[&str]) -> Cookies {
    let mut left: Vec<String> = Vec::new();
    let mut found = false;
    let mut is_text = true;
    for value in incoming.headers.all("cookie") {
        let Ok(value) = std::str::from_utf8(value) else {
            is_text = false;
            found |= names.iter().any(|name| contains(value, name.as_bytes()));
            continue;
        };
        for pair in value.split(';') {
            let kept: Vec<&str> = pair.split(',').filter(|piece| !is_named(piece, names)).collect();
            found |= kept.len() != pair.split(',').count();
            let kept = kept.join(",");
            if !kept.trim().is_empty() {
                left.push(kept.trim().to_owned());
            }
        }
    }
    let left = left.join("; ");
    let can_be_written = is_text && left.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    match (found, left.is_empty() || !can_be_written) {
        (false, _) => Cookies::Unchanged,
        (true, true) => Cookies::Removed,
        (true, false) => Cookies::Left(left),
    }
}

fn is_named(piece: &str, names: &[&str]) -> bool {
    let name = piece.split('=').next().unwrap_or(piece).trim();
    names.contains(&name)
}

fn contains(value: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && value.windows(wanted.len()).any(|window| window == wanted)
}
