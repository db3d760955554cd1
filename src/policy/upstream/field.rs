//! Names and values of header fields, as far as a policy may write them.

/// What is done with a field that a policy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Set on the way to the upstream.
    Set,
    /// Removed on the way to the upstream.
    Remove,
    /// Sent to a client that is turned away.
    Answer,
}

/// Fields that belong to one connection (RFC 9110 section 7.6.1 and its predecessors): whoever sets or
/// removes them changes where a message ends, or who it is for.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// Whether a name can be written in HTTP at all (RFC 9110 section 5.6.2); pseudo fields cannot.
pub(crate) fn is_name(name: &str) -> bool {
    // Every name of every answer is looked at; a match on bytes is a look into a table.
    let is_token = |byte: u8| {
        matches!(byte,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9'
            | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
    };
    !name.is_empty() && name.bytes().all(is_token)
}

/// Why a policy may not do this with the field, if it may not. Look-alikes count: an upstream that folds
/// `_` to `-` would take `content_length` for the real one.
pub(crate) fn forbidden(name: &str, usage: Use) -> Option<&'static str> {
    let folded: String = name
        .chars()
        .map(|character| match character {
            '_' | '.' => '-',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    if HOP_BY_HOP.contains(&folded.as_str()) {
        return Some("it belongs to a single connection");
    }
    match (folded.as_str(), usage) {
        ("content-length", _) => Some("it says where the message ends"),
        ("host", Use::Set | Use::Remove) => Some("it decides where the request goes"),
        ("grpc-status" | "grpc-message", Use::Answer) => Some("the proxy writes it"),
        (other, Use::Set) if other.starts_with("x-envoy-") => Some("it belongs to Envoy"),
        _ => None,
    }
}

/// Printable ASCII with single inner spaces: what an upstream reads back as it was written.
pub(crate) fn is_upstream_value(value: &str) -> bool {
    is_value(value) && !value.contains("  ")
}

/// Printable ASCII without spaces at its ends, and not empty.
pub(crate) fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}
