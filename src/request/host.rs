//! The host as it is compared: lower case, without port, without one trailing dot.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// Reads a `Host` or `:authority` value.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn read(value: &str) -> Result<Cow<'_, str>, &'static str> {
    if value.is_empty() {
        return Err("the host is missing");
    }
    let (name, port) = split_port(value)?;
    if let Some(port) = port {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        if !is_port {
            return Err("the host's port is not a number up to 65535");
        }
    }
    if let Some(literal) = name.strip_prefix('[') {
        // One address has many spellings, and a fence knows one.
        let address = literal.strip_suffix(']').and_then(|v6| v6.parse::<Ipv6Addr>().ok());
        return match address.map(|address| format!("[{address}]")) {
            Some(spelt) if spelt == name => Ok(Cow::Borrowed(name)),
            Some(spelt) => Ok(Cow::Owned(spelt)),
            None => Err("the host is not an IPv6 address"),
        };
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !name.split('.').all(is_label) {
        return Err("the host is not made of letters, digits, hyphens and dots");
    }
    Ok(lower(name))
}

fn split_port(value: &str) -> Result<(&str, Option<&str>), &'static str> {
    let after_literal = value.find(']').map_or(0, |end| end + 1);
    let (literal, rest) = value.split_at_checked(after_literal).unwrap_or(("", value));
    let Some((name, port)) = rest.split_once(':') else { return Ok((value, None)) };
    if port.contains(':') {
        return Err("the host has two ports");
    }
    match (literal.is_empty(), name.is_empty()) {
        (true, _) => Ok((name, Some(port))),
        (false, true) => Ok((literal, Some(port))),
        (false, false) => Err("something stands between the host's address and its port"),
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
