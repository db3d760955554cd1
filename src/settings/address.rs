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
        }
    }
}
