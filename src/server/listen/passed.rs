//! Sockets that systemd has opened and passes on (`sd_listen_fds(3)`). They outlast this process: whoever connects
//! while it restarts waits in them instead of being refused.

use std::env;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net as unix;
use std::sync::atomic::AtomicBool;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::settings::Address;

use super::{BindCause, Listener, Socket};

/// What a socket is called that has no name (`sd_listen_fds_with_names(3)`).
const UNNAMED: &str = "unknown";

/// The sockets that were passed, until settings have taken them.
pub struct Passed {
    sockets: ListenFd,
    /// Of each socket, in their order.
    names: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    text: String,
    is_taken: bool,
}

/// A socket that was passed and that no setting names.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("systemd passes a socket `{0}` that no setting names: whoever connects to it would wait in vain")]
pub struct Unclaimed(String);

impl Passed {
    /// What this process was given. To be called once, while there is one thread: the variables are taken out of
    /// the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let given = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let sockets = ListenFd::from_env();
        let names = names(&given, sockets.len());
        let names = names.into_iter().map(|text| Name { text, is_taken: false }).collect();
        Self { sockets, names }
    }

    /// Every socket of a name. Must be called within a tokio runtime.
    pub(super) fn take(&mut self, name: &str) -> Result<Vec<Listener>, BindCause> {
        let mut listeners = Vec::new();
        for (index, known) in self.names.iter_mut().enumerate().filter(|(_, known)| known.text == name) {
            known.is_taken = true;
            listeners.push(listener(&mut self.sockets, index, name)?);
        }
        if listeners.is_empty() {
            let others = self.names.iter().map(|known| known.text.clone());
            return Err(BindCause::NotPassed(others.collect()));
        }
        Ok(listeners)
    }

    /// Whether every socket has been taken.
    ///
    /// # Errors
    /// The first that was not.
    pub fn are_claimed(&self) -> Result<(), Unclaimed> {
        let left = self.names.iter().find(|name| !name.is_taken);
        left.map_or(Ok(()), |name| Err(Unclaimed(name.text.clone())))
    }
}

impl fmt::Debug for Passed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Passed").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Unclaimed {
    /// What helps.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("add `systemd:{}` to `listen.grpc`, or take the socket out of the unit", self.0)
    }
}

/// One name for each socket.
fn names(given: &str, sockets: usize) -> Vec<String> {
    let given = given.split(':').filter(|name| !name.is_empty()).map(str::to_owned);
    given.chain(std::iter::repeat(UNNAMED.to_owned())).take(sockets).collect()
}

fn listener(sockets: &mut ListenFd, index: usize, name: &str) -> Result<Listener, BindCause> {
    let (socket, address) = match sockets.take_unix_listener(index) {
        Ok(Some(listener)) => of_unix(listener, name)?,
        // It is left where it was.
        Err(_) => match sockets.take_tcp_listener(index) {
            Ok(Some(listener)) => of_tcp(listener)?,
            Ok(None) | Err(_) => return Err(BindCause::NoListener),
        },
        Ok(None) => return Err(BindCause::TakenTwice),
    };
    Ok(Listener { socket, address, failing: AtomicBool::new(false), _file: None })
}

fn of_unix(listener: unix::UnixListener, name: &str) -> Result<(Socket, Address), BindCause> {
    listens(&listener)?;
    let address = listener.local_addr().ok().and_then(|address| shown(&address));
    listener.set_nonblocking(true).map_err(BindCause::of)?;
    let listener = UnixListener::from_std(listener).map_err(BindCause::of)?;
    Ok((Socket::Unix(listener), address.unwrap_or_else(|| Address::Systemd(name.to_owned()))))
}

fn of_tcp(listener: std::net::TcpListener) -> Result<(Socket, Address), BindCause> {
    listens(&listener)?;
    let address = listener.local_addr().map_err(BindCause::of)?;
    listener.set_nonblocking(true).map_err(BindCause::of)?;
    let listener = TcpListener::from_std(listener).map_err(BindCause::of)?;
    Ok((Socket::Tcp(listener), Address::Tcp(address)))
}

/// With `Accept=yes` systemd passes connections, of which nothing could be accepted.
fn listens(socket: impl AsFd) -> Result<(), BindCause> {
    let listens = socket_acceptconn(socket).map_err(|error| BindCause::of(io::Error::from(error)))?;
    if listens { Ok(()) } else { Err(BindCause::NoListener) }
}

fn shown(address: &unix::SocketAddr) -> Option<Address> {
    let path = address.as_pathname().map(|path| Address::Unix(path.to_owned()));
    let name = || Some(Address::Abstract(str::from_utf8(address.as_abstract_name()?).ok()?.to_owned()));
    path.or_else(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_socket_has_a_name() {
        assert_eq!(names("grpc:probes", 2), ["grpc", "probes"]);
        assert_eq!(names("", 1), ["unknown"]);
        assert_eq!(names("grpc", 2), ["grpc", "unknown"]);
        assert_eq!(names("grpc:probes", 1), ["grpc"]);
        assert!(names("grpc", 0).is_empty());
    }
}
