//! Hosts of a match.

use std::fmt;

/// One host, or all below a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This one.
    Exact(Box<str>),
    /// `*.example.com`: one or more labels before this suffix, which begins with a dot.
    Below(Box<str>),
}

/// As written; nothing where every host is meant.
impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Exact(name) => formatter.write_str(name),
            Self::Below(suffix) => write!(formatter, "*{suffix}"),
        }
    }
}

impl HostPattern {
    /// Reads a host as written.
    ///
    /// # Errors
    /// Says why no well-formed request can have it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err("hosts are compared in lower case");
        }
        let (name, is_wildcard) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(
                "a `*` stands only as the first label: `*.example.com`; leave the host out to match any",
            );
        }
        if let Some(literal) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address = literal.parse::<std::net::Ipv6Addr>().ok().filter(|_| !is_wildcard);
            return match address {
                Some(address) => Ok(Self::Exact(format!("[{address}]").into())),
                None => Err("this is no IPv6 address"),
            };
        }
        if name.contains(':') {
            return Err("hosts are compared without port");
        }
        if name.ends_with('.') {
            return Err("hosts are compared without trailing dot");
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if !name.split('.').all(is_label) {
            return Err("a host is made of letters, digits, hyphens and dots");
        }
        Ok(if is_wildcard { Self::Below(format!(".{name}").into()) } else { Self::Exact(name.into()) })
    }

    /// Whether a host, as read, is meant.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => **name == *host,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
        }
    }

    /// A host that is meant, for showing.
    #[must_use]
    pub fn example(&self) -> String {
        match self {
            Self::Any => "host.example".to_owned(),
            Self::Exact(name) => name.to_string(),
            Self::Below(suffix) => format!("a{suffix}"),
        }
    }
}
