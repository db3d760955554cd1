//! `portcullis healthcheck`: for exec probes and compose files, where nobody else reaches loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::terminal::Terminal;
use super::{Outcome, TEMPLATE};

/// Longest wait for each step.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than a probe answers.
const MOST_BYTES: u64 = 64 * 1024;

/// Ask the local server whether it is ready
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis healthcheck           exits 0 when it is ready
  portcullis healthcheck --live    exits 0 when it is alive

")]
pub struct Arguments {
    /// Ask whether it is alive, not whether it is ready
    #[arg(long)]
    live: bool,
    /// Where the server answers probes: its `listen.metrics` or `listen.admin`; a name is looked up
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_LISTEN_METRICS", default_value = "127.0.0.1:9192", value_parser = host_and_port)]
    address: String,
}

/// What a look-up takes; the name itself is looked up when it is asked.
fn host_and_port(value: &str) -> Result<String, &'static str> {
    match value.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(value.to_owned()),
        Some(_) | None => Err("it must be host:port"),
    }
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let (path, good, bad) =
        if arguments.live { ("/livez", "alive", "not alive") } else { ("/readyz", "ready", "not ready") };
    match ask(&arguments.address, path) {
        Ok(200) => {
            terminal.print(&format!("{good}\n"))?;
            Ok(Outcome::Yes)
        }
        Ok(status) => {
            terminal.print(&format!("{bad}: {path} answered {status}\n"))?;
            Ok(Outcome::No)
        }
        Err(error) => {
            terminal.print(&format!("{bad}: {} does not answer: {error}\n", arguments.address))?;
            Ok(Outcome::No)
        }
    }
}

/// A server that listens everywhere is asked on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => ([0, 0, 0, 0, 0, 0, 0, 1], v6.port()).into(),
        other @ (SocketAddr::V4(_) | SocketAddr::V6(_)) => other,
    }
}

/// The first address that takes a connection; a name may have several.
fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut failed = std::io::Error::other("the name has no address");
    for found in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&reachable(found), PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The status of a probe.
fn ask(address: &str, path: &str) -> std::io::Result<u16> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let status = std::str::from_utf8(line).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    status.ok_or_else(|| std::io::Error::other("it speaks no HTTP"))
}
