//! Where a listener listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `127.0.0.1:9191`.
    Tcp(SocketAddr),
    /// `unix:/path`.
    Unix(PathBuf),
    /// `unix:@name`.
    Abstract(String),
    /// `systemd:name`: the sockets of this name that systemd has opened and passes on (`sd_listen_fds(3)`).
    Systemd(String),
}

/// Mode and ownership of unix sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOwner {
    /// Permission bits.
    pub mode: u32,
    /// Numeric owner.
    pub owner: Option<u32>,
    /// Numeric group.
    pub group: Option<u32>,
}

impl Address {
    /// Reads an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("systemd:") {
            return is_name(name).then(|| Self::Systemd(name.to_owned()));
        }
        match text.strip_prefix("unix:") {
            Some("" | "@") => None,
            Some(name) => Some(match name.strip_prefix('@') {
                Some(name) => Self::Abstract(name.to_owned()),
                None => Self::Unix(PathBuf::from(name)),
            }),
            None => text.parse().ok().map(Self::Tcp),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Abstract(name) => write!(formatter, "unix:@{name}"),
            Self::Systemd(name) => write!(formatter, "systemd:{name}"),
        }
    }
}

/// Whether systemd would take it.
fn is_name(name: &str) -> bool {
    let is_printable = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    !name.is_empty() && name.len() <= 255 && name.bytes().all(is_printable)
}
