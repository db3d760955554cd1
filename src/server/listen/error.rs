//! Why an address cannot be listened on, and what helps.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::settings::Address;

/// An address cannot be listened on.
#[derive(Debug, Error)]
#[error("`{setting}`: cannot listen on `{address}`: {cause}")]
pub struct BindError {
    /// The setting that names it.
    pub setting: &'static str,
    /// The address.
    pub address: Address,
    /// Why.
    pub cause: BindCause,
}

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
pub enum BindCause {
    /// Another process has it.
    #[error("another process listens on it")]
    InUse,
    /// Not an address of this machine.
    #[error("this machine has no such address")]
    NoSuchAddress,
    /// Not permitted.
    #[error("permission denied")]
    Denied,
    /// The directory of the socket file.
    #[error("the directory `{}` does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// Longer than the kernel takes.
    #[error("a socket's path can have {longest} bytes here, and this one has {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest.
        longest: usize,
    },
    /// There is a file which is not a socket.
    #[error("there is a file of this name which is not a socket")]
    NotASocket,
    /// There is a socket, and whether anybody listens on it cannot be told.
    #[error("there is a socket of this name, and whether it is in use cannot be told: {0}")]
    Unknown(io::Error),
    /// Owner or group cannot be set.
    #[error("owner and group of the socket cannot be set: {0}")]
    Owner(io::Error),
    /// There is none of this name among those that systemd passes, which have these.
    #[error("systemd passes {}", among(.0))]
    NotPassed(Vec<String>),
    /// Two settings name it.
    #[error("another setting has taken the socket that systemd passes")]
    TakenTwice,
    /// It is a connection, or another kind of socket.
    #[error("what systemd passes under this name is no stream socket that listens")]
    NoListener,
    /// Anything else.
    #[error("{0}")]
    Other(io::Error),
}

impl BindCause {
    /// What an error of the system means.
    pub(super) fn of(error: io::Error) -> Self {
        let kind = error.kind();
        if kind == io::ErrorKind::AddrInUse {
            Self::InUse
        } else if kind == io::ErrorKind::AddrNotAvailable {
            Self::NoSuchAddress
        } else if kind == io::ErrorKind::PermissionDenied {
            Self::Denied
        } else {
            Self::Other(error)
        }
    }
}

/// What systemd passes, in words.
fn among(names: &[String]) -> String {
    match names {
        [] => "no socket".to_owned(),
        names => format!("other sockets only: `{}`", names.join("`, `")),
    }
}

impl BindError {
    /// What helps.
    #[must_use]
    pub fn hint(&self) -> String {
        let setting = self.setting;
        match (&self.cause, &self.address) {
            (BindCause::InUse, Address::Tcp(_)) => {
                format!("stop the other process, or give `{setting}` another port")
            }
            (BindCause::InUse, Address::Unix(_) | Address::Abstract(_) | Address::Systemd(_)) => {
                format!("stop the other process, or give `{setting}` another name")
            }
            (BindCause::NoSuchAddress, _) => {
                format!("give `{setting}` an address of this machine; `0.0.0.0` and `[::]` mean all of them")
            }
            (BindCause::Denied, Address::Tcp(address)) if address.port() < 1024 => {
                format!("ports below 1024 need CAP_NET_BIND_SERVICE; give `{setting}` a higher one")
            }
            (BindCause::Denied, _) => {
                format!("portcullis must be able to write into the directory of the socket that `{setting}` names")
            }
            (BindCause::NoDirectory(_), _) => format!("create it, or mount it, or change `{setting}`"),
            (BindCause::TooLong { .. }, _) => {
                format!("give `{setting}` a shorter path, such as `unix:/run/portcullis/grpc.sock`")
            }
            (BindCause::NotASocket, _) => {
                format!("it is left alone: move it away, or give `{setting}` another path")
            }
            (BindCause::Unknown(_), _) => {
                format!("remove it if nothing uses it, or give `{setting}` another path")
            }
            (BindCause::Owner(_), _) => {
                "`listen.socket_owner` needs CAP_CHOWN, and `listen.socket_group` a group that portcullis is in".to_owned()
            }
            (BindCause::NotPassed(names), _) if names.is_empty() => {
                format!("start it by its socket unit (deploy/systemd), or give `{setting}` an address of its own")
            }
            (BindCause::NotPassed(_), address) => {
                let name = address.to_string();
                let name = name.strip_prefix("systemd:").unwrap_or(&name);
                format!("write `FileDescriptorName={name}` into the socket unit, or another name into `{setting}`")
            }
            (BindCause::TakenTwice, _) => "give each setting a socket of its own".to_owned(),
            (BindCause::NoListener, _) => {
                "the socket unit needs `ListenStream=`, and `Accept=no`, which is the default".to_owned()
            }
            (BindCause::Other(_), _) => format!("check `{setting}`"),
        }
    }
}
