//! One request to a server of ours, over TCP or a socket file. No certificates: probes and admin pages have none.
//! It waits, and needs no runtime: an exec probe starts every few seconds.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as SocketAddress, UnixStream};
use std::time::Duration;

use crate::settings::Address;

/// Longest wait for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than any page of ours has.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Where a server is: `host:port`, `http://host:port`, `unix:/path` or `unix:@name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A name or an address, with a port.
    Tcp(String),
    /// A socket file, or an abstract socket.
    Unix(Address),
}

/// A status and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    pub body: String,
}

impl Peer {
    /// Reads where a server is. A server that listens everywhere is asked on loopback.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("unix:") {
            return Address::parse(text).map(Self::Unix);
        }
        let rest = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let (host, port) = rest.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        let host = match host {
            "0.0.0.0" => "127.0.0.1",
            "[::]" => "[::1]",
            "" => return None,
            other if other.contains(['/', '@', ' ']) => return None,
            other => other,
        };
        Some(Self::Tcp(format!("{host}:{port}")))
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// Why nobody answers, or what answers speaks no HTTP.
    pub fn ask(&self, method: &str, path: &str, json: Option<&str>) -> io::Result<Page> {
        // Pages for operators are shown to private names only, whatever the name they were asked under.
        let mut message = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        if let Some(json) = json {
            message
                .push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", json.len()));
        }
        message.push_str("\r\n");
        message.push_str(json.unwrap_or_default());
        let answer = match self {
            Self::Tcp(host) => {
                let mut stream = connect(host)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                exchange(&mut stream, &message)?
            }
            Self::Unix(address) => {
                let mut stream = connect_unix(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                exchange(&mut stream, &message)?
            }
        };
        page(&answer).ok_or_else(|| io::Error::other("it speaks no HTTP"))
    }
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_unix(address: &Address) -> io::Result<UnixStream> {
    match address {
        Address::Unix(path) => UnixStream::connect(path),
        Address::Abstract(name) => {
            UnixStream::connect_addr(&SocketAddress::from_abstract_name(name.as_bytes())?)
        }
        Address::Tcp(_) | Address::Systemd(_) => Err(io::Error::other("this is no socket file")),
    }
}

fn exchange(stream: &mut (impl Read + Write), message: &str) -> io::Result<Vec<u8>> {
    stream.write_all(message.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    Ok(answer)
}

/// Our pages say their length, and the connection ends with them: what stands after the head is the body.
fn page(answer: &[u8]) -> Option<Page> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(Page { status: status.get(..3)?.parse().ok()?, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_as_its_listener_is() {
        let tcp = |host: &str| Some(Peer::Tcp(host.to_owned()));
        assert_eq!(Peer::parse("127.0.0.1:9192"), tcp("127.0.0.1:9192"));
        assert_eq!(Peer::parse("0.0.0.0:9192"), tcp("127.0.0.1:9192"));
        assert_eq!(Peer::parse("[::]:9192"), tcp("[::1]:9192"));
        assert_eq!(Peer::parse("http://portcullis.shop.svc:9193/"), tcp("portcullis.shop.svc:9193"));
        assert_eq!(Peer::parse("unix:/run/p.sock"), Some(Peer::Unix(Address::Unix("/run/p.sock".into()))));
        for bad in ["", "9192", ":9192", "127.0.0.1", "https://a:1", "http://a:1/explain", "a b:1", "unix:"] {
            assert_eq!(Peer::parse(bad), None, "{bad}");
        }
    }
}
