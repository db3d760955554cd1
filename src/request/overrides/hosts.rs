//! Headers by which a proxy tells an application the host that the client asked for, and a client can tell it another.

use std::str;

use crate::request::{Incoming, host, looks_like};

/// Names of headers that name another host than the one that is judged: `X-Forwarded-Host`, and `Forwarded` with `host=`
/// (RFC 7239, section 5.3).
pub fn of_another_host<'a>(incoming: &Incoming<'a>) -> impl Iterator<Item = &'a str> {
    let judged = host::read(incoming.host).ok();
    let is_other = move |text: &str| host::read(text.trim()).ok() != judged;
    let differs = move |(name, value): &(&str, &[u8])| {
        let is_list = looks_like(name, "x-forwarded-host");
        if !is_list && !name.eq_ignore_ascii_case("forwarded") {
            return false;
        }
        let Ok(value) = str::from_utf8(value) else { return true };
        let mut elements = value.split([',', ';']);
        if is_list {
            elements.any(&is_other)
        } else {
            elements.filter_map(host_parameter).any(|host| unquoted(host).is_none_or(&is_other))
        }
    };
    let found: Vec<&str> = incoming.headers.iter().filter(differs).map(|(name, _)| name).collect();
    found.into_iter()
}

/// The value of `host=`.
fn host_parameter(element: &str) -> Option<&str> {
    let (name, value) = element.split_once('=')?;
    name.trim().eq_ignore_ascii_case("host").then(|| value.trim())
}

/// What stands in quotes, if they are closed.
fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(value),
    }
}
