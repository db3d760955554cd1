//! Sockets that are listened on: TCP, unix socket files, abstract unix sockets, and those that systemd passes.

mod error;
mod passed;
mod socket_file;
mod stream;

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net as unix;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tracing::{info, warn};

use crate::settings::{Address, SocketOwner};

pub use error::{BindCause, BindError};
pub use passed::{Passed, Unclaimed};
pub use stream::{StdStream, Stream};

use socket_file::SocketFile;

/// Connections that may wait to be accepted; the kernel takes less where `net.core.somaxconn` says so.
const BACKLOG: u32 = 1024;

/// How long accepting rests where the process is out of descriptors or memory: trying again at once would only
/// take the processor from those who could free some.
const REST: Duration = Duration::from_millis(50);

/// A socket that is listened on. Its file, if it has one, goes with it.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: Address,
    failing: AtomicBool,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on an address that a setting names, or on every socket that systemd passes under a name. Must be
    /// called within a tokio runtime, whose threads then accept.
    ///
    /// # Errors
    /// [`BindError`], which names setting and address and knows a mend.
    pub async fn open(
        setting: &'static str,
        address: &Address,
        owner: &SocketOwner,
        passed: &mut Passed,
    ) -> Result<Vec<Self>, BindError> {
        if let Address::Systemd(name) = address {
            return passed.take(name).map_err(|cause| BindError { setting, address: address.clone(), cause });
        }
        Ok(vec![Self::bind(setting, address, owner).await?])
    }

    /// Listens on an address of our own, as [`Self::open`] does.
    ///
    /// # Errors
    /// [`BindError`]; also for a socket that only systemd could pass.
    pub async fn bind(
        setting: &'static str,
        address: &Address,
        owner: &SocketOwner,
    ) -> Result<Self, BindError> {
        let fail = |cause| BindError { setting, address: address.clone(), cause };
        let (socket, address, file) = match address {
            Address::Tcp(wanted) => {
                let listener = tcp(*wanted).map_err(|error| fail(BindCause::of(error)))?;
                let bound = listener.local_addr().map_err(|error| fail(BindCause::of(error)))?;
                (Socket::Tcp(listener), Address::Tcp(bound), None)
            }
            Address::Unix(path) => {
                let (listener, file) = socket_file::bind(path, owner).await.map_err(fail)?;
                (Socket::Unix(listener), address.clone(), Some(file))
            }
            Address::Abstract(name) => {
                let listener = abstract_socket(name).map_err(|error| fail(BindCause::of(error)))?;
                (Socket::Unix(listener), address.clone(), None)
            }
            Address::Systemd(_) => return Err(fail(BindCause::NotPassed(Vec::new()))),
        };
        Ok(Self { socket, address, failing: AtomicBool::new(false), _file: file })
    }

    /// Where it listens; of port 0, the port that was given.
    #[must_use]
    pub fn local_address(&self) -> &Address {
        &self.address
    }

    /// The next connection. Errors of accepting are not the listener's end: they are reported once, and it
    /// goes on. Dropping the future loses no connection.
    pub async fn accept(&self) -> Stream {
        loop {
            let accepted = match &self.socket {
                Socket::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
                Socket::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
            };
            match accepted {
                Ok(stream) => {
                    if self.failing.swap(false, Ordering::Relaxed) {
                        info!(address = %self.address, "connections are accepted again");
                    }
                    // Answers are small and wait for nothing; with Nagle's algorithm they would wait 40 ms. An
                    // error here means that the peer has gone, which whoever reads will see.
                    if let Stream::Tcp(stream) = &stream {
                        let _peer_gone = stream.set_nodelay(true);
                    }
                    return stream;
                }
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        warn!(address = %self.address, %error, "connections cannot be accepted");
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }
}

/// Whether an error of `accept` is about one connection (accept(2): such errors are passed on from the new
/// socket) and the next may be taken at once.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

fn tcp(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the process before. On Linux this does not let two listen.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn abstract_socket(name: &str) -> io::Result<UnixListener> {
    let address = unix::SocketAddr::from_abstract_name(name)?;
    let listener = unix::UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

#[cfg(test)]
mod tests;
